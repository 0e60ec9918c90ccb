//! What a limit can count on of a rate that may change.

use shakedown_record::phase::Phase;

use super::{Facts, Refusal};
use crate::compile::phases::{GOOD_FOR_NS, certain_ns};

/// Messages that are certain to be scheduled in a phase.
pub(super) fn certain_messages(phase: Phase, facts: Facts) -> f64 {
    let certain_s = certain_ns(phase, facts.phases, facts.faults) as f64 / 1e9;
    lowest_per_s(phase, facts) * certain_s
}

/// The lowest rate that a phase may meet: where the rate changes, nobody knows when exactly a phase begins.
pub(super) fn lowest_per_s(phase: Phase, facts: Facts) -> f64 {
    let soonest_ns = match phase {
        Phase::WarmUp => 0,
        Phase::Steady | Phase::Impact | Phase::Recovery | Phase::Run => GOOD_FOR_NS,
    };
    facts.load.arrival.lowest_per_s_from(soonest_ns)
}

/// A rate that falls to 0 leaves nothing to be certain of.
pub(super) fn silent_phase(field: &'static str, phase: Phase, facts: Facts) -> Option<Refusal> {
    (lowest_per_s(phase, facts) <= 0.0).then(|| {
        (
            field,
            format!(
                "no message is certain in `{}`: the rate of load.arrival falls to 0/s",
                phase.name()
            ),
            "keep the rate above 0/s".to_string(),
        )
    })
}
