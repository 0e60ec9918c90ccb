//! Blast radius: no moment may take more replicas of a part than its quorum can spare.

use crate::plan::{FaultKind, FaultPlan, Part, Selector, System};

use super::parts::replicas;
use super::sheet::{At, Sheet};
use super::starts::{Start, starts_ns};

/// Refuses faults that would stop service by taking too many replicas at once.
pub(super) fn quorum(faults: &[FaultPlan], system: &System, sheet: &Sheet) {
    let starts = starts_ns(faults);
    for part in &system.parts {
        let Some(quorum) = part.quorum else { continue };
        let spare = part.replicas.saturating_sub(quorum);
        for (index, fault) in faults.iter().enumerate() {
            let alone = taken(fault, part, system);
            if alone > spare {
                sheet.refuse_with(
                    &At::of(&["faults", &fault.id, "to"]),
                    format!(
                        "this takes {} of `{}` at once, which can spare {spare} of {} (quorum {quorum})",
                        replicas(alone),
                        part.name,
                        part.replicas
                    ),
                    "name fewer targets, or restart them in turn",
                );
                continue;
            }
            let others: Vec<&FaultPlan> = faults[..index]
                .iter()
                .zip(&starts)
                .filter(|(other, start)| {
                    overlap((fault, starts[index]), (other, **start))
                        && taken(other, part, system) > 0
                })
                .map(|(other, _)| other)
                .collect();
            let together: u32 = others.iter().map(|other| taken(other, part, system)).sum();
            if alone > 0 && together > 0 && alone + together > spare {
                let names: Vec<&str> = others.iter().map(|other| other.id.as_str()).collect();
                sheet.refuse_with(
                    &At::of(&["faults", &fault.id, "when"]),
                    format!(
                        "together with {} this takes {} of `{}` at once, which can spare {spare} (quorum {quorum})",
                        names.join(", "),
                        replicas(alone + together),
                        part.name
                    ),
                    "let it fire after the other is healed: after: { fault: …, by: … }",
                );
            }
        }
    }
}

/// Replicas of a part that a fault takes at once, at most.
fn taken(fault: &FaultPlan, part: &Part, system: &System) -> u32 {
    let count = match &fault.to {
        Selector::Role(role) => {
            let owner = system
                .parts
                .iter()
                .find(|part| part.roles.iter().any(|known| known.name == *role));
            u32::from(owner.is_some_and(|owner| owner.name == part.name))
        }
        Selector::Name(name) => u32::from(
            name.rsplit_once('-')
                .is_some_and(|(owner, _)| owner == part.name),
        ),
        Selector::Part(name) if *name == part.name => part.replicas,
        Selector::Random {
            part: name, count, ..
        } if *name == part.name => *count,
        Selector::Part(_) | Selector::Random { .. } => 0,
    };
    match fault.kind {
        FaultKind::Kill { .. } | FaultKind::Freeze => count,
        FaultKind::Restart { .. } => count.min(1),
    }
}

/// True when two faults may be active at the same time. Different clocks cannot be compared, and a fault that is
/// repeated may be anywhere: both count as overlapping.
fn overlap(one: (&FaultPlan, Start), other: (&FaultPlan, Start)) -> bool {
    let (Some(one_ns), Some(other_ns)) = (same_clock(one.1, other.1), same_clock(other.1, one.1))
    else {
        return true;
    };
    if one.0.repeat.times > 1 || other.0.repeat.times > 1 {
        return true;
    }
    one_ns < other_ns.saturating_add(other.0.hold_ns.max(1))
        && other_ns < one_ns.saturating_add(one.0.hold_ns.max(1))
}

fn same_clock(one: Start, other: Start) -> Option<u64> {
    match (one, other) {
        (Start::FromZero(ns), Start::FromZero(_))
        | (Start::FromSteady(ns), Start::FromSteady(_)) => Some(ns),
        (Start::FromZero(_), Start::FromSteady(_)) | (Start::FromSteady(_), Start::FromZero(_)) => {
            None
        }
    }
}
