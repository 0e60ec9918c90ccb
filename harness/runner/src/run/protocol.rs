//! What goes into the state machine and what comes out of it.

use shakedown_record::event::{Event, Leftover};
use shakedown_record::fault::{Effect, FaultTarget, Firing};
use shakedown_record::phase::Phase;
use shakedown_record::slots::SlotStats;
use shakedown_scenarios::plan::{AbortRule, FaultPlan, Phases, Plan, RuleKind};

/// What the machine has to know of a plan.
#[derive(Debug, Clone)]
pub struct MachineConfig {
    pub seed: u64,
    pub phases: Phases,
    pub faults: Vec<FaultPlan>,
    pub abort: Vec<AbortRule>,
    /// The scenario's own latency limit in the steady phase.
    pub sla_p99_ns: Option<u64>,
}

impl MachineConfig {
    /// The machine's part of a plan.
    pub fn of(plan: &Plan) -> Self {
        Self {
            seed: plan.seed,
            phases: plan.phases,
            faults: plan.faults.clone(),
            abort: plan.abort.clone(),
            sla_p99_ns: steady_p99_limit_ns(plan),
        }
    }
}

/// The scenario's own latency limit in the steady phase, on a quantile that a slot can show: P99 at most.
fn steady_p99_limit_ns(plan: &Plan) -> Option<u64> {
    let limit = |kind: &RuleKind| match kind {
        RuleKind::Latency {
            quantile,
            at_most_ns,
            phase: Phase::Steady,
        } if *quantile <= 0.99 => Some(*at_most_ns),
        _ => None,
    };
    plan.rules.iter().filter_map(|rule| limit(&rule.kind)).max()
}

/// What happens to the machine.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Time passed.
    Tick,
    /// A slot of the load is finished; they come in order.
    Slot { index: usize, stats: SlotStats },
    /// A step of a firing's life ended.
    Fault { firing: Firing, step: FaultStep },
    /// A person or another process wants it to end.
    Interrupted { by: String },
    /// Shakedown itself cannot go on.
    Broken,
    /// Every slot has ended and the load's threads are gone.
    LoadStopped,
}

/// How a step of a firing ended. Times are run time in nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultStep {
    Prepared {
        kind: String,
        targets: Vec<FaultTarget>,
        mechanism: String,
    },
    Refused {
        reason: String,
    },
    /// `at_ns`: the stamp that was taken immediately before the mutating call.
    Injected {
        at_ns: u64,
    },
    /// The mutating call failed; it may have done a part of its work.
    InjectFailed {
        at_ns: u64,
        reason: String,
    },
    Effect(Effect),
    Healed,
    HealFailed {
        reason: String,
    },
    Clean,
    /// Something of ours is still there.
    Dirty(Leftover),
    /// Nothing of ours is left, but the system itself did not come back.
    NotBack {
        reason: String,
    },
}

/// What the shell has to do, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Emit(Event),
    /// Read the engine's own metrics.
    Scrape,
    /// Resolve the targets and see whether it can be done; with `scrape`, read the engine's metrics first.
    Prepare {
        firing: Firing,
        scrape: bool,
    },
    Inject(Firing),
    /// Look for the effect, from the target's side.
    Confirm(Firing),
    /// Give up looking for the effect, and heal.
    Heal(Firing),
    /// Compare the snapshot after with the one before.
    CheckClean(Firing),
    /// No more slots; what is under way ends by itself within the timeout.
    StopLoad,
}
