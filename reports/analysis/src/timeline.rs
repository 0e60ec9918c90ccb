//! The timeline: what was offered, achieved and felt in each interval of the run.

use shakedown_record::slots::IntervalStats;
use shakedown_record::{Phase, PhaseWindows};

use crate::analysis::TimelineRow;
use crate::gaps::Gap;

/// Rows of `row_ns` each. `phase_of`: the phase at a run time in nanoseconds; `end_ns`: end of the schedule.
pub(crate) fn rows(
    intervals: &[IntervalStats],
    row_ns: u64,
    gaps: &[Gap],
    end_ns: u64,
    phase_of: impl Fn(i64) -> Phase,
) -> Vec<TimelineRow> {
    let waits = longest_waits(intervals.len(), row_ns, gaps);
    intervals
        .iter()
        .zip(waits)
        .enumerate()
        .map(|(index, (interval, wait_ns))| {
            let from_ns = index as u64 * row_ns;
            let to_ns = (from_ns + row_ns).min(end_ns.max(from_ns + 1));
            let seconds = (to_ns - from_ns) as f64 / 1e9;
            let outcomes = interval.stats.outcomes;
            TimelineRow {
                from_s: from_ns as f64 / 1e9,
                to_s: to_ns as f64 / 1e9,
                phase: phase_of(from_ns as i64),
                offered_per_s: outcomes.total() as f64 / seconds,
                achieved_per_s: outcomes.acked as f64 / seconds,
                outcomes,
                p50_ns: interval.stats.p50_ns,
                p99_ns: interval.stats.p99_ns,
                p999_ns: interval.p999_ns,
                worst_session_gap_s: wait_ns as f64 / 1e9,
            }
        })
        .collect()
}

/// For each row: how long, by its end or by the end of the gap, the session that waited longest had waited.
fn longest_waits(rows: usize, row_ns: u64, gaps: &[Gap]) -> Vec<u64> {
    let mut waits = vec![0; rows];
    for gap in gaps {
        let to_ns = gap.to_ns.unwrap_or(u64::MAX);
        let first = (gap.from_ns / row_ns) as usize;
        let touched = waits.iter_mut().enumerate().skip(first);
        for (index, wait_ns) in touched.take_while(|(index, _)| (*index as u64 * row_ns) < to_ns) {
            let row_end_ns = (index as u64 + 1) * row_ns;
            *wait_ns = (*wait_ns).max(row_end_ns.min(to_ns).saturating_sub(gap.from_ns));
        }
    }
    waits
}

/// The phase of a run time.
pub(crate) fn phase_in(windows: &PhaseWindows) -> impl Fn(i64) -> Phase + '_ {
    |at_ns| windows.phase_at(at_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_grows_from_row_to_row_and_an_open_one_to_the_end() {
        let gap = |from_ns, to_ns| Gap {
            session: 0,
            from_ns,
            known_ns: from_ns,
            to_ns,
            bad: 1,
        };
        assert_eq!(longest_waits(5, 10, &[gap(5, Some(25))]), [5, 15, 20, 0, 0]);
        assert_eq!(
            longest_waits(4, 10, &[gap(15, None), gap(0, Some(3))]),
            [3, 5, 15, 25]
        );
    }
}
