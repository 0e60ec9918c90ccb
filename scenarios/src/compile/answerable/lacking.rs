//! Rules about what a scenario does not have: faults, a kill switch, pods.

use shakedown_record::phase::Phase;

use crate::plan::{EnvironmentPlan, RuleKind};

use super::Facts;
use crate::compile::gates::restores;
use crate::compile::kill_switch::pulls_kill_switch;
use crate::compile::rules::{kind_name, phase_of};

/// What a rule is about, and the scenario does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lacking {
    Faults,
    KillSwitch,
    Pods,
    Restore,
}

impl Lacking {
    pub(super) fn message(self, kind: &RuleKind) -> String {
        match self {
            Lacking::Faults => format!("without faults there is no {} to limit", subject(kind)),
            Lacking::KillSwitch | Lacking::Pods | Lacking::Restore => self.words().to_string(),
        }
    }

    pub(super) fn hint(self) -> &'static str {
        match self {
            Lacking::Faults => "add a fault, or take this rule out",
            Lacking::KillSwitch => {
                "add a fault: do: { kill-switch: { accounts: [ … ] } }, or take this rule out"
            }
            Lacking::Pods => "write environment: kubernetes, or take this rule out",
            Lacking::Restore => {
                "add a fault: do: { restore: { to: { before: 3s } } }, or take this rule out"
            }
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Lacking::Faults => "there are no faults",
            Lacking::KillSwitch => "no fault pulls a kill switch",
            Lacking::Pods => "there are no pods with doors between them in this environment",
            Lacking::Restore => "no fault brings data back",
        }
    }
}

/// What of it is not there; `None`: there is something to be judged.
pub(super) fn lacking(kind: &RuleKind, facts: Facts) -> Option<Lacking> {
    match kind {
        RuleKind::KillSwitch => (!pulls_kill_switch(facts.scenario)).then_some(Lacking::KillSwitch),
        RuleKind::RestoreRpo { .. } => (!restores(facts.scenario)).then_some(Lacking::Restore),
        RuleKind::Isolation(_) => {
            let elsewhere = |it: &EnvironmentPlan| it.cluster().is_none();
            facts
                .environment
                .is_some_and(elsewhere)
                .then_some(Lacking::Pods)
        }
        kind => (!facts.has_faults && needs_faults(kind)).then_some(Lacking::Faults),
    }
}

fn needs_faults(kind: &RuleKind) -> bool {
    match kind {
        RuleKind::Failover { .. } | RuleKind::Rpo { .. } | RuleKind::Alert(_) => true,
        RuleKind::RestoreRpo { .. } => true,
        RuleKind::KillSwitch | RuleKind::Terms | RuleKind::Stops | RuleKind::Expiry { .. } => true,
        RuleKind::Availability { projected, .. } => *projected,
        RuleKind::Orders { .. }
        | RuleKind::CancelOnDisconnect
        | RuleKind::Exposure
        | RuleKind::Linearizable
        | RuleKind::Invariants
        | RuleKind::DropCopy
        | RuleKind::Isolation(_)
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
        | RuleKind::Canary(_)
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
