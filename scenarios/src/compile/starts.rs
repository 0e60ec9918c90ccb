//! When faults fire, as far as it is known before the run.

use crate::plan::{FaultPlan, Trigger};

/// When a fault fires first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Nanoseconds since zero.
    FromZero(u64),
    /// Nanoseconds since the end of the steady phase.
    FromSteady(u64),
}

impl Start {
    /// Since zero, at the latest.
    pub(super) fn latest_ns(self, steady_end_ns: u64) -> u64 {
        match self {
            Start::FromZero(ns) => ns,
            Start::FromSteady(ns) => steady_end_ns.saturating_add(ns),
        }
    }

    fn later(self, by_ns: u64) -> Start {
        match self {
            Start::FromZero(ns) => Start::FromZero(ns.saturating_add(by_ns)),
            Start::FromSteady(ns) => Start::FromSteady(ns.saturating_add(by_ns)),
        }
    }
}

/// When each fault fires first, in order.
pub(super) fn starts_ns(faults: &[FaultPlan]) -> Vec<Start> {
    faults
        .iter()
        .map(|fault| start(fault, faults, faults.len()))
        .collect()
}

fn start(fault: &FaultPlan, faults: &[FaultPlan], depth: usize) -> Start {
    match &fault.when {
        Trigger::At { at_ns } => Start::FromZero(*at_ns),
        Trigger::AfterSteady { by_ns } => Start::FromSteady(*by_ns),
        Trigger::AfterFault {
            fault: other,
            by_ns,
        } => match faults.iter().find(|fault| fault.id == *other) {
            Some(other) if depth > 0 => start(other, faults, depth - 1).later(*by_ns),
            Some(_) | None => Start::FromSteady(*by_ns),
        },
    }
}
