//! What is shown of a load while it goes on: a line for each second, with the percentiles of that second and those so far.

use shakedown_analysis::words::{count, duration_ns, rate};
use shakedown_record::OutcomeCounts;
use shakedown_record::histogram::LatencyHistogram;
use shakedown_record::slots::{IntervalStats, SlotStats};

/// Slots of 100 ms in a second.
const SLOTS: usize = 10;

/// Counts slots into seconds.
#[derive(Debug, Default)]
pub(super) struct Live {
    outcomes: OutcomeCounts,
    errors: u64,
}

/// A second that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EndedSecond {
    /// From 0.
    pub(super) number: usize,
    /// What was due in it.
    outcomes: OutcomeCounts,
    /// Of the whole load until then.
    errors: u64,
}

impl Live {
    /// Adds a finished slot; the second that it completes, if it does.
    pub(super) fn add(&mut self, index: usize, slot: &SlotStats) -> Option<EndedSecond> {
        self.outcomes.merge(&slot.outcomes);
        if index % SLOTS != SLOTS - 1 {
            return None;
        }
        let outcomes = std::mem::take(&mut self.outcomes);
        self.errors += outcomes.errors();
        Some(EndedSecond {
            number: index / SLOTS,
            outcomes,
            errors: self.errors,
        })
    }
}

impl EndedSecond {
    /// Percentiles are of every response time of the second, and of all until now; never of other percentiles.
    pub(super) fn line(&self, second: &IntervalStats, so_far: &LatencyHistogram) -> String {
        format!(
            "  {:>4} s  {:>9} due  {:>9} answered   P50 {}  P99 {}   so far P99 {}  P99.9 {}  max {}  {} errors",
            self.number + 1,
            rate(self.outcomes.total() as f64),
            rate(self.outcomes.acked as f64),
            time(second.stats.p50_ns),
            time(second.stats.p99_ns),
            time(so_far.quantile_ns(0.99)),
            time(so_far.quantile_ns(0.999)),
            time(so_far.quantile_ns(1.0)),
            count(self.errors),
        )
    }
}

fn time(ns: Option<u64>) -> String {
    let text = ns.map_or("-".to_string(), |ns| duration_ns(ns as f64));
    format!("{text:<7}")
}

#[cfg(test)]
mod tests {
    use shakedown_record::Outcome;
    use shakedown_record::slots::SlotTally;

    use super::*;

    fn tally(outcome: Outcome, response_ns: &[u64]) -> SlotTally {
        let mut tally = SlotTally::default();
        response_ns.iter().for_each(|ns| tally.add(outcome, *ns, 0));
        tally
    }

    #[test]
    fn a_line_has_the_second_and_what_came_before() {
        let mut live = Live::default();
        let first = tally(Outcome::Acked, &[1_000_000; 10]);
        for index in 0..9 {
            assert_eq!(live.add(index, &first.stats()), None);
        }
        assert_eq!(live.add(9, &first.stats()).map(|it| it.number), Some(0));
        let second = tally(Outcome::Timeout, &[2_000_000; 2]);
        for index in 10..19 {
            assert_eq!(live.add(index, &SlotTally::default().stats()), None);
        }
        let ended = live.add(19, &second.stats()).unwrap();
        let mut so_far = LatencyHistogram::default();
        (0..100).for_each(|_| so_far.record(1_000_000));
        (0..2).for_each(|_| so_far.record(3_000_000));
        let line = ended.line(&second.interval(), &so_far);
        for words in [
            "2 s",
            "2/s due",
            "0/s answered",
            "P50 2 ms",
            "so far P99 3 ms",
            "2 errors",
        ] {
            assert!(line.contains(words), "{words} is missing in {line}");
        }
    }

    #[test]
    fn a_second_without_requests_has_no_time() {
        let mut live = Live::default();
        let none = SlotTally::default();
        let ended = (0..10).find_map(|index| live.add(index, &none.stats()));
        let line = ended
            .unwrap()
            .line(&none.interval(), &LatencyHistogram::default());
        assert!(line.contains("P50 -"), "{line}");
    }
}
