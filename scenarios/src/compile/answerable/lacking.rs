//! Rules about what faults do, in a scenario that has none of them.

use shakedown_record::phase::Phase;

use crate::plan::RuleKind;

use super::Facts;
use crate::compile::rules::{kind_name, phase_of};

/// What a rule is about, and the scenario does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lacking {
    Faults,
    KillSwitch,
}

impl Lacking {
    pub(super) fn message(self, kind: &RuleKind) -> String {
        match self {
            Lacking::Faults => format!("without faults there is no {} to limit", subject(kind)),
            Lacking::KillSwitch => self.words().to_string(),
        }
    }

    pub(super) fn hint(self) -> &'static str {
        match self {
            Lacking::Faults => "add a fault, or take this rule out",
            Lacking::KillSwitch => {
                "add a fault: do: { kill-switch: { accounts: [ … ] } }, or take this rule out"
            }
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Lacking::Faults => "there are no faults",
            Lacking::KillSwitch => "no fault pulls a kill switch",
        }
    }
}

/// What of it is not there; `None`: there is something to be judged.
pub(super) fn lacking(kind: &RuleKind, facts: Facts) -> Option<Lacking> {
    match kind {
        RuleKind::KillSwitch => (!facts.pulls_kill_switch).then_some(Lacking::KillSwitch),
        kind => (!facts.has_faults && needs_faults(kind)).then_some(Lacking::Faults),
    }
}

fn needs_faults(kind: &RuleKind) -> bool {
    match kind {
        RuleKind::Failover { .. } | RuleKind::Rpo { .. } | RuleKind::Alert(_) => true,
        RuleKind::KillSwitch | RuleKind::Terms | RuleKind::Stops | RuleKind::Expiry { .. } => true,
        RuleKind::Availability { projected, .. } => *projected,
        RuleKind::Orders { .. }
        | RuleKind::CancelOnDisconnect
        | RuleKind::Exposure
        | RuleKind::Linearizable
        | RuleKind::Invariants
        | RuleKind::DropCopy
        | RuleKind::Peak { .. } => false,
        RuleKind::Feed(_)
        | RuleKind::Points(_)
        | RuleKind::Venue(_)
        | RuleKind::Latency { .. }
        | RuleKind::EngineLatency { .. }
        | RuleKind::Throughput { .. }
        | RuleKind::ErrorRate { .. }
        | RuleKind::RejectRate { .. }
        | RuleKind::Metric(_)
        | RuleKind::Resource(_) => {
            matches!(phase_of(kind), Some(Phase::Impact | Phase::Recovery))
        }
    }
}

fn subject(kind: &RuleKind) -> String {
    match phase_of(kind) {
        Some(phase) => format!("{} in {}", kind_name(kind), phase.name()),
        None => kind_name(kind).to_string(),
    }
}
