//! Availability by requests, by time slots, and projected onto 30 days.

use shakedown_record::run_record::Availability;
use shakedown_record::slots::{MAX_ERROR_FRACTION, SLOT_NS, SlotStats};
use shakedown_record::{Phase, PhaseWindows};

use crate::failover::Timed;
use crate::tally::PhaseTally;

/// Seconds in 30 days.
const PERIOD_S: f64 = 30.0 * 24.0 * 3_600.0;

/// Availability over the run. `projected` needs a rule that states how often the system fails.
pub(crate) fn availability(
    run: &PhaseTally,
    slots: &[SlotStats],
    windows: &PhaseWindows,
    projected: Option<f64>,
) -> Availability {
    Availability {
        requests: by_requests(run),
        time: by_time(slots, windows),
        projected,
    }
}

/// Acknowledged in time over scheduled without rejects; `None` when nothing but rejects was scheduled.
fn by_requests(run: &PhaseTally) -> Option<f64> {
    let scheduled = run.outcomes.total() - run.outcomes.rejected;
    (scheduled > 0).then(|| run.acked_in_time as f64 / scheduled as f64)
}

/// Good 100 ms slots over slots with traffic: a slot without orders is unknown, not good.
fn by_time(slots: &[SlotStats], windows: &PhaseWindows) -> Option<f64> {
    let run = windows.windows(Phase::Run);
    let in_run = |index: usize| {
        run.iter()
            .any(|window| window.contains(index as i64 * SLOT_NS))
    };
    let known: Vec<&SlotStats> = slots
        .iter()
        .enumerate()
        .filter(|(index, slot)| in_run(*index) && slot.outcomes.total() > 0)
        .map(|(_, slot)| slot)
        .collect();
    let is_good = |slot: &&&SlotStats| {
        slot.outcomes.errors() as f64 <= slot.outcomes.total() as f64 * MAX_ERROR_FRACTION
    };
    (!known.is_empty()).then(|| known.iter().filter(is_good).count() as f64 / known.len() as f64)
}

/// 1 - failures x failover / 30 days, with the worst failover of the run's faults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Projection {
    Known(f64),
    /// Service had not come back when observation ended: not better than this.
    AtBest(f64),
    /// No fault was injected: nothing to project from.
    NoFailover,
}

/// Projects the worst failover of the faults that were injected.
pub(crate) fn project(failovers: &[Timed], failures_per_30d: f64) -> Projection {
    let of_faults: Vec<&Timed> = failovers
        .iter()
        .filter(|timed| timed.entry.fault.is_some())
        .collect();
    if of_faults.is_empty() {
        return Projection::NoFailover;
    }
    let seen_s = |timed: &&Timed| timed.gate_s().unwrap_or(timed.at_least_s);
    let worst_s = of_faults.iter().map(seen_s).fold(0.0, f64::max);
    let projected = (1.0 - failures_per_30d * worst_s / PERIOD_S).max(0.0);
    match of_faults.iter().all(|timed| timed.gate_s().is_some()) {
        true => Projection::Known(projected),
        false => Projection::AtBest(projected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_record::run_record::Failover;
    use shakedown_record::{Outcome, OutcomeCounts};

    fn slot(acked: u64, refused: u64) -> SlotStats {
        let mut outcomes = OutcomeCounts::default();
        outcomes.add(Outcome::Acked, acked);
        outcomes.add(Outcome::Refused, refused);
        SlotStats {
            outcomes,
            ..SlotStats::default()
        }
    }

    fn entry(recovered_s: Option<f64>, at_least_s: f64) -> Timed {
        let entry = Failover {
            fault: Some("f".to_string()),
            recovered_s,
            worst_session_gap_s: Some(0.1),
            ..Failover::default()
        };
        Timed { entry, at_least_s }
    }

    #[test]
    fn slots_without_traffic_and_warm_up_do_not_count() {
        let windows = PhaseWindows {
            steady_from_ns: Some(SLOT_NS),
            impacts: Vec::new(),
            end_ns: 5 * SLOT_NS,
        };
        let slots = [slot(0, 9), slot(10, 0), slot(0, 0), slot(9, 1), slot(10, 0)];
        let by_time = by_time(&slots, &windows).unwrap();
        assert!((by_time - 2.0 / 3.0).abs() < 1e-9, "{by_time}");
        assert_eq!(super::by_time(&[slot(0, 0)], &windows), None);
    }

    #[test]
    fn one_long_failover_projects_badly_and_none_projects_nothing() {
        assert_eq!(project(&[], 4.0), Projection::NoFailover);
        let day = PERIOD_S / 30.0;
        assert_eq!(
            project(&[entry(Some(day), day)], 3.0),
            Projection::Known(0.9)
        );
        let open = project(&[entry(None, day), entry(Some(1.0), 1.0)], 3.0);
        assert_eq!(open, Projection::AtBest(0.9));
    }

    #[test]
    fn nothing_scheduled_is_null_and_not_perfect() {
        assert_eq!(by_requests(&PhaseTally::default()), None);
    }
}
