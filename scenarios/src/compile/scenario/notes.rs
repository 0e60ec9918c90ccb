//! What a person should know before running a plan.

use crate::plan::{CleanUp, FaultPlan, LoadPlan, Phases, RestartedBy, System};

use crate::compile::checkable::checkable;
use crate::compile::human::{rate_text, time_text};
use crate::compile::phases::{GOOD_FOR_NS, longest_ns};

/// Bytes that the ledger keeps for each slot.
const LEDGER_BYTES_PER_SLOT: f64 = 64.0;

/// Notes about cost, resolution, and what will not be proven.
pub(super) fn notes(
    system: &System,
    load: &LoadPlan,
    phases: &Phases,
    faults: &[FaultPlan],
) -> Vec<String> {
    let rate_per_s = load.arrival.lowest_per_s_from(GOOD_FOR_NS);
    let mut notes = vec![format!(
        "the run takes {} at most, without start and read-back; its ledger takes up to {:.0} MB",
        time_text(longest_ns(phases, faults) / 1_000_000_000 * 1_000_000_000),
        (load.arrival.slots_before(longest_ns(phases, faults)) * LEDGER_BYTES_PER_SLOT / 1e6)
            .ceil()
    )];
    if !faults.is_empty() && rate_per_s > 0.0 {
        notes.push(format!(
            "failover is told to {} at {}",
            time_text((1e9 / rate_per_s) as u64),
            rate_text(rate_per_s)
        ));
    }
    if load.shape.lifetimes.is_some() && rate_per_s > 0.0 {
        notes.push(format!(
            "a session has a slot every {}: no order is cancelled or replaced sooner than the next one",
            time_text((f64::from(load.sessions) * 1e9 / rate_per_s) as u64)
        ));
    }
    for (class, provable) in checkable(system) {
        if let Err(why) = provable {
            notes.push(format!(
                "{} cannot be proven with this profile: {why}",
                class.name()
            ));
        }
    }
    for part in &system.parts {
        if part.restarted_by == RestartedBy::Nobody && !faults.is_empty() {
            notes.push(format!(
                "nobody restarts `{}`: what is killed stays down",
                part.name
            ));
        }
    }
    if system.clean_up == CleanUp::Nothing {
        notes.push("orders are left open after the run: the profile says no clean-up".to_string());
    }
    notes
}
