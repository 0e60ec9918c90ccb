//! How long a run takes at most, by its plan.

use crate::compile::longest_ns;
use crate::plan::gates::OperationBy;
use crate::plan::{FaultKind, FaultPlan, Plan, Selector};

/// Until the first order: the environment starts and gets ready.
const START_NS: u64 = 30_000_000_000;

/// Behind the last order: replicas catch up, copies are read back, our orders are cancelled.
const AFTER_NS: u64 = 90_000_000_000;

/// One outage of all replicas for a read: down, up, caught up, read.
const OUTAGE_NS: u64 = 90_000_000_000;

/// Looking for an effect goes on for this long, also when the fault itself is shorter.
const CONFIRM_NS: u64 = 2_000_000_000;

/// A kill switch is pulled until it is acknowledged, or given up.
const KILL_NS: u64 = 30_000_000_000;

/// A copy of the servers' data, or their way back from one.
const SERVERS_NS: u64 = 120_000_000_000;

/// The longest that a run takes by its plan, in nanoseconds: from its start to its end, with everything before the
/// first order and behind the last. Firings that wait for steady state wait as long as they may.
pub fn planned_longest_ns(plan: &Plan) -> u64 {
    let waits_ns = plan
        .faults
        .iter()
        .map(|fault| {
            let proof_ns = plan.phases.warm_up_at_most_ns;
            let once_ns = proof_ns.saturating_add(extra_ns(fault, plan));
            once_ns.saturating_mul(u64::from(fault.repeat.times.max(1)))
        })
        .fold(0, u64::saturating_add);
    let outages = plan.reads.iter().filter(|read| read.is_after_outage());
    let outages_ns = OUTAGE_NS.saturating_mul(outages.count() as u64);
    START_NS
        .saturating_add(longest_ns(&plan.phases, &plan.faults))
        .saturating_add(waits_ns)
        .saturating_add(AFTER_NS)
        .saturating_add(outages_ns)
        .saturating_add(plan.alerts_at_most_ns())
}

/// What a firing may take beyond the time for which it holds.
fn extra_ns(fault: &FaultPlan, plan: &Plan) -> u64 {
    match &fault.kind {
        FaultKind::Restart { grace_ns } | FaultKind::Stop { grace_ns } => {
            grace_ns.saturating_mul(targets(fault, plan))
        }
        FaultKind::Hook(hook) => hook.deadline_ns.saturating_mul(2),
        FaultKind::KillSwitch { .. } => KILL_NS,
        FaultKind::Operation(operation) => match operation.by() {
            OperationBy::Commands(commands) => commands.deadline_ns.saturating_mul(2),
            OperationBy::Servers => SERVERS_NS,
        },
        _ => CONFIRM_NS.saturating_sub(fault.hold_ns),
    }
}

fn targets(fault: &FaultPlan, plan: &Plan) -> u64 {
    let count = match &fault.to {
        Selector::Part(name) => {
            let part = plan.system.parts.iter().find(|part| part.name == *name);
            part.map_or(1, |part| part.replicas)
        }
        Selector::Random { count, .. } => *count,
        _ => 1,
    };
    u64::from(count)
}
