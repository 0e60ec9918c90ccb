//! When a fault fires, held against the phases and the other faults.

use crate::plan::{FaultPlan, Trigger};
use crate::spec::scenario::{AfterSpec, WhenSpec};

use super::faults::{Ground, LONGEST_HOLD_NS};
use super::human::time_text;
use super::references::instead;
use super::sheet::{At, Sheet};

/// When a fault fires.
pub(super) fn trigger(
    at: &At,
    spec: &WhenSpec,
    own: &str,
    known: &[String],
    ground: Ground,
) -> Option<Trigger> {
    match spec {
        WhenSpec::At(time) => {
            let earliest_ns = ground
                .phases
                .warm_up_at_most_ns
                .saturating_add(ground.phases.steady_ns);
            let phases_known = !ground.sheet.lacks(&["phases", "warm-up"])
                && !ground.sheet.lacks(&["phases", "steady"]);
            if !phases_known {
                return None;
            }
            if time.ns < earliest_ns || time.ns > earliest_ns.saturating_add(LONGEST_HOLD_NS) {
                ground.sheet.refuse_with(
                    &at.to("at"),
                    format!(
                        "{} does not lie behind warm-up and steady, which may take {}",
                        time_text(time.ns),
                        time_text(earliest_ns)
                    ),
                    "write a later time (within a day), or after: { phase: steady }",
                );
                return None;
            }
            Some(Trigger::At { at_ns: time.ns })
        }
        WhenSpec::After(after) => after_what(&at.to("after"), after, own, known, ground),
        WhenSpec::If(_) => {
            ground.sheet.not_supported(&at.to("if"), "`if`");
            None
        }
    }
}

fn after_what(
    at: &At,
    spec: &AfterSpec,
    own: &str,
    known: &[String],
    ground: Ground,
) -> Option<Trigger> {
    let by_ns = spec.by.map_or(0, |by| by.ns);
    if by_ns > LONGEST_HOLD_NS {
        ground.sheet.refuse(
            &at.to("by"),
            format!("{} is longer than a day", time_text(by_ns)),
        );
    }
    match (&spec.phase, &spec.fault) {
        (Some(_), None) => Some(Trigger::AfterSteady { by_ns }),
        (None, Some(fault)) if fault.0 != own && known.contains(&fault.0) => {
            Some(Trigger::AfterFault {
                fault: fault.0.clone(),
                by_ns,
            })
        }
        (None, Some(fault)) => {
            let others: Vec<String> = known.iter().filter(|id| *id != own).cloned().collect();
            ground.sheet.refuse_with(
                &at.to("fault"),
                match fault.0 == own {
                    true => "a fault cannot wait for itself".to_string(),
                    false => format!("there is no fault `{}`", fault.0),
                },
                instead(&fault.0, &others, "the other faults are"),
            );
            None
        }
        (Some(_), Some(_)) | (None, None) => {
            ground.sheet.refuse_with(
                at,
                "exactly one of `phase` and `fault` must be given",
                "such as after: { phase: steady, by: 0s }",
            );
            None
        }
    }
}

/// Faults that wait for each other would never fire.
pub(super) fn refuse_circles(faults: &[FaultPlan], sheet: &Sheet) {
    for fault in faults {
        let mut current = fault;
        for _ in 0..=faults.len() {
            let Trigger::AfterFault { fault: other, .. } = &current.when else {
                break;
            };
            let Some(next) = faults.iter().find(|fault| fault.id == *other) else {
                break;
            };
            if next.id == fault.id {
                sheet.refuse_with(
                    &At::of(&["faults", &fault.id, "when", "after", "fault"]),
                    "these faults wait for each other in a circle",
                    "let one of them wait for a phase: after: { phase: steady }",
                );
                break;
            }
            current = next;
        }
    }
}
