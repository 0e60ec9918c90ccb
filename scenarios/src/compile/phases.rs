//! Lengths of the phases, and how much of each is certain.

use shakedown_record::phase::Phase;

use crate::plan::{FaultPlan, Phases};
use crate::spec::scenario::PhasesSpec;

use super::human::time_text;
use super::sheet::{At, Sheet};

/// Service must stay good for this long before it counts as recovered, and as steady.
pub(super) const GOOD_FOR_NS: u64 = 5_000_000_000;

const DEFAULT_WARM_UP_NS: u64 = 20_000_000_000;
const LONGEST_NS: u64 = 7 * 86_400_000_000_000;

/// The lengths.
pub(super) fn phases(spec: &PhasesSpec, has_faults: bool, sheet: &Sheet) -> Phases {
    let at = At::of(&["phases"]);
    let phases = Phases {
        warm_up_at_most_ns: spec
            .warm_up
            .map_or(DEFAULT_WARM_UP_NS, |limit| limit.at_most.ns),
        steady_ns: spec.steady.map_or(0, |steady| steady.ns),
        recovery_at_most_ns: spec.recovery.map_or(0, |limit| limit.at_most.ns),
    };
    if phases.warm_up_at_most_ns < GOOD_FOR_NS {
        sheet.refuse_with(
            &at.to("warm-up").to("at-most"),
            format!(
                "{} is too short to prove steady state",
                time_text(phases.warm_up_at_most_ns)
            ),
            format!("it takes {} at least; 20s is usual", time_text(GOOD_FOR_NS)),
        );
    }
    if !has_faults && phases.steady_ns == 0 {
        sheet.refuse_entry(
            &at,
            "without a steady phase and without faults nothing would be measured",
            "such as phases: { steady: 30s }",
        );
    }
    if has_faults && phases.recovery_at_most_ns <= GOOD_FOR_NS {
        sheet.refuse_entry(
            &at,
            format!(
                "a recovery of {} is too short: service must stay good for {} to count as recovered",
                time_text(phases.recovery_at_most_ns),
                time_text(GOOD_FOR_NS)
            ),
            "such as phases: { recovery: { at-most: 40s } }",
        );
    }
    let lengths = [
        ("warm-up", phases.warm_up_at_most_ns),
        ("steady", phases.steady_ns),
        ("recovery", phases.recovery_at_most_ns),
    ];
    for (name, length_ns) in lengths {
        if length_ns > LONGEST_NS {
            sheet.refuse_with(
                &at.to(name),
                format!("{} is longer than a week", time_text(length_ns)),
                "a run lasts minutes, a soak days",
            );
        }
    }
    phases
}

/// How long a phase lasts at least: what a limit can count on.
pub(super) fn certain_ns(phase: Phase, phases: &Phases, faults: &[FaultPlan]) -> u64 {
    let impact_ns = faults
        .iter()
        .map(|fault| fault.hold_ns.saturating_mul(u64::from(fault.repeat.times)))
        .fold(0, u64::saturating_add);
    let recovery_ns = if faults.is_empty() { 0 } else { GOOD_FOR_NS };
    match phase {
        Phase::WarmUp => GOOD_FOR_NS,
        Phase::Steady => phases.steady_ns,
        Phase::Impact => impact_ns,
        Phase::Recovery => recovery_ns,
        Phase::Run => phases
            .steady_ns
            .saturating_add(impact_ns)
            .saturating_add(recovery_ns),
    }
}

/// How long a run lasts at most, from the first order to the last.
pub(crate) fn longest_ns(phases: &Phases, faults: &[FaultPlan]) -> u64 {
    let steady_end_ns = phases.warm_up_at_most_ns.saturating_add(phases.steady_ns);
    let last_ns = super::starts::starts_ns(faults)
        .into_iter()
        .zip(faults)
        .map(|(start, fault)| {
            let repeats = u64::from(fault.repeat.times.saturating_sub(1));
            let round = fault.repeat.every_ns.saturating_add(fault.repeat.jitter_ns);
            start
                .latest_ns(steady_end_ns)
                .saturating_add(repeats.saturating_mul(round))
                .saturating_add(fault.hold_ns)
        })
        .max()
        .unwrap_or(steady_end_ns);
    last_ns
        .max(steady_end_ns)
        .saturating_add(phases.recovery_at_most_ns)
}
