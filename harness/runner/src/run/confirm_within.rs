//! How long the effect of a fault is looked for.

use std::time::Duration;

use shakedown_scenarios::plan::{ClusterKind, FaultKind, FaultPlan};

/// An effect is looked for as long as the fault stays, within these bounds.
const CONFIRM_AT_LEAST: Duration = Duration::from_secs(2);
const CONFIRM_AT_MOST: Duration = Duration::from_secs(30);

/// As long as the fault stays, within bounds; longer for what takes long to show.
pub(super) fn confirm_within(plan: &FaultPlan) -> Duration {
    let hold = Duration::from_nanos(plan.hold_ns);
    let usual = hold.clamp(CONFIRM_AT_LEAST, CONFIRM_AT_MOST);
    usual.max(shows_within(&plan.kind))
}

/// How long the effect of a kind may take to show, also when it does not stay.
fn shows_within(kind: &FaultKind) -> Duration {
    let kind = match kind {
        FaultKind::Cluster(kind) => kind,
        // Whoever is to be asked may just have been killed.
        FaultKind::KillSwitch { .. } => return CONFIRM_AT_MOST,
        FaultKind::Operation(_) => return CONFIRM_AT_MOST,
        _ => return Duration::ZERO,
    };
    match kind {
        // Whoever is asked to end serves on until its grace is over.
        ClusterKind::Delete {
            grace_ns: Some(grace_ns),
        } => Duration::from_nanos(*grace_ns) + CONFIRM_AT_MOST / 3,
        ClusterKind::Delete { grace_ns: None } | ClusterKind::Evict | ClusterKind::Drain => {
            CONFIRM_AT_MOST * 3 / 2
        }
        ClusterKind::RollingUpdate { .. } | ClusterKind::Rollback | ClusterKind::NodeReboot => {
            CONFIRM_AT_MOST
        }
        ClusterKind::Scale { .. } | ClusterKind::Switch { .. } | ClusterKind::Taint { .. } => {
            CONFIRM_AT_MOST / 3
        }
        ClusterKind::Cordon
        | ClusterKind::NodeStop
        | ClusterKind::KubeletStop
        | ClusterKind::RuntimeStop
        | ClusterKind::ApiServerStop => Duration::ZERO,
    }
}
