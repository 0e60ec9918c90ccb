//! How orders ended, in the few groups that a reader can tell apart, and their areas stacked on each other.

use shakedown_analysis::TimelineRow;
use shakedown_record::OutcomeCounts;
use shakedown_record::outcome::Outcome;

use super::ink::Ink;
use super::panel::Panel;
use super::svg::Svg;

/// A group of outcomes, by what it means for the one who sent the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Acked,
    /// The engine said no: by its rules, or for load.
    Declined,
    /// No clear answer: it may have executed.
    Uncertain,
    /// It cannot have reached the engine.
    Absent,
}

impl Ended {
    /// From the bottom of the stack to its top.
    pub(super) const ALL: [Ended; 4] = [
        Ended::Acked,
        Ended::Declined,
        Ended::Uncertain,
        Ended::Absent,
    ];

    /// Without the good ones.
    pub(super) const OTHERS: [Ended; 3] = [Ended::Declined, Ended::Uncertain, Ended::Absent];

    fn of(outcome: Outcome) -> Ended {
        match outcome {
            Outcome::Acked => Ended::Acked,
            Outcome::Rejected | Outcome::Throttled => Ended::Declined,
            Outcome::BadResponse
            | Outcome::Timeout
            | Outcome::ResetAfterSend
            | Outcome::Unresolved => Ended::Uncertain,
            Outcome::Refused | Outcome::Unreachable | Outcome::NotSent => Ended::Absent,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Ended::Acked => "acknowledged",
            Ended::Declined => "rejected or throttled",
            Ended::Uncertain => "may have executed",
            Ended::Absent => "never reached the engine",
        }
    }

    /// For a narrow chart.
    pub(super) fn short_name(self) -> &'static str {
        match self {
            Ended::Acked => "acked",
            Ended::Declined => "declined",
            Ended::Uncertain => "unclear",
            Ended::Absent => "not sent",
        }
    }

    pub(super) fn ink(self) -> Ink {
        match self {
            Ended::Acked => Ink::Achieved,
            Ended::Declined => Ink::Declined,
            Ended::Uncertain => Ink::Uncertain,
            Ended::Absent => Ink::Absent,
        }
    }

    fn opacity(self) -> f64 {
        match self {
            Ended::Acked => 0.14,
            Ended::Declined | Ended::Uncertain | Ended::Absent => 0.6,
        }
    }

    fn count(self, outcomes: &OutcomeCounts) -> u64 {
        Outcome::ALL
            .into_iter()
            .filter(|outcome| Ended::of(*outcome) == self)
            .map(|outcome| outcomes.get(outcome))
            .sum()
    }

    /// True when any interval has an order that ended like this.
    pub(super) fn occurs(self, rows: &[TimelineRow]) -> bool {
        rows.iter().any(|row| self.count(&row.outcomes) > 0)
    }
}

/// Orders per second of an interval that ended in one of some groups.
pub(super) fn per_second(row: &TimelineRow, groups: &[Ended]) -> f64 {
    let count: u64 = groups.iter().map(|group| group.count(&row.outcomes)).sum();
    count as f64 / (row.to_s - row.from_s).max(1e-9)
}

/// Draws groups on top of each other, the first at the bottom.
///
/// Of more intervals than the canvas has room for, each stretch is shown by its worst one: the areas must add up, so that a mean would
/// hide the bad interval that the report is about, and extremes of each group would not fit together.
pub(super) fn stack(svg: &mut Svg, panel: &Panel<'_>, rows: &[TimelineRow], groups: &[Ended]) {
    let rows = worst_of_each(rows, svg.canvas().points / 2);
    let mut below = vec![0.0; rows.len()];
    for group in groups {
        let above: Vec<f64> = rows
            .iter()
            .zip(&below)
            .map(|(row, below)| below + per_second(row, &[*group]))
            .collect();
        let mut from = 0;
        while from < rows.len() {
            let thick = |index: &usize| above[*index] > below[*index];
            let until = from + (from..rows.len()).take_while(thick).count();
            if until > from {
                let edge = |values: &[f64]| edge(panel, &rows[from..until], &values[from..until]);
                svg.ribbon(&edge(&above), &edge(&below), group.ink(), group.opacity());
            }
            from = until.max(from + 1);
        }
        below = above;
    }
}

/// The steps of an edge over some intervals.
fn edge(panel: &Panel<'_>, rows: &[TimelineRow], values: &[f64]) -> Vec<(f64, f64)> {
    let ends = rows.iter().zip(values).flat_map(|(row, value)| {
        let y = panel.y.at(*value);
        [(panel.x.at(row.from_s), y), (panel.x.at(row.to_s), y)]
    });
    ends.collect()
}

/// At most `most` intervals: of each stretch the one in which the largest part was not acknowledged, stretched to
/// fill it.
fn worst_of_each(rows: &[TimelineRow], most: usize) -> Vec<TimelineRow> {
    let most = most.max(1);
    if rows.len() <= most {
        return rows.to_vec();
    }
    let good = |row: &&TimelineRow| match row.outcomes.total() {
        0 => 1.0,
        total => row.outcomes.acked as f64 / total as f64,
    };
    (0..most)
        .filter_map(|index| {
            let stretch = &rows[index * rows.len() / most..(index + 1) * rows.len() / most];
            let worst = stretch
                .iter()
                .min_by(|a, b| good(a).total_cmp(&good(b)))?
                .clone();
            Some(widened(
                worst,
                stretch.first()?.from_s,
                stretch.last()?.to_s,
            ))
        })
        .collect()
}

/// The interval drawn over a longer time at the same rates.
fn widened(row: TimelineRow, from_s: f64, to_s: f64) -> TimelineRow {
    let factor = (to_s - from_s) / (row.to_s - row.from_s).max(1e-9);
    let mut outcomes = OutcomeCounts::default();
    for outcome in Outcome::ALL {
        let count = row.outcomes.get(outcome) as f64 * factor;
        outcomes.add(outcome, count.round() as u64);
    }
    TimelineRow {
        from_s,
        to_s,
        outcomes,
        ..row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_record::Phase;

    fn row(index: usize, outcome: Outcome) -> TimelineRow {
        let mut outcomes = OutcomeCounts::default();
        outcomes.add(outcome, 50);
        TimelineRow {
            from_s: index as f64 * 0.1,
            to_s: (index + 1) as f64 * 0.1,
            phase: Phase::Steady,
            offered_per_s: 500.0,
            achieved_per_s: 500.0,
            outcomes,
            p50_ns: None,
            p99_ns: None,
            p999_ns: None,
            worst_session_gap_s: 0.0,
        }
    }

    #[test]
    fn groups_hold_every_outcome_once() {
        let mut all = OutcomeCounts::default();
        for outcome in Outcome::ALL {
            all.add(outcome, 1);
        }
        let counts = Ended::ALL.map(|group| group.count(&all));
        assert_eq!(counts.iter().sum::<u64>(), all.total());
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
        for outcome in Outcome::ALL {
            let uncertain = Ended::of(outcome) == Ended::Uncertain;
            assert_eq!(uncertain, outcome.is_indeterminate(), "{outcome:?}");
        }
    }

    #[test]
    fn one_bad_interval_in_an_hour_is_shown_at_its_full_rate() {
        let mut rows: Vec<TimelineRow> = (0..36_000).map(|i| row(i, Outcome::Acked)).collect();
        rows[20_123] = row(20_123, Outcome::Timeout);
        let thinned = worst_of_each(&rows, 750);
        assert_eq!(thinned.len(), 750);
        let bad: Vec<f64> = thinned
            .iter()
            .map(|row| per_second(row, &[Ended::Uncertain]))
            .filter(|rate| *rate > 0.0)
            .collect();
        assert_eq!(bad.len(), 1);
        assert!((bad[0] - 500.0).abs() < 1.0, "{bad:?}");
        assert!(!Ended::Uncertain.occurs(&rows[..20_000]));
    }
}
