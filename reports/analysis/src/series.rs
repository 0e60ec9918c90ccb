//! Orders gathered into intervals of equal length by intended time.

use std::collections::BTreeMap;

use shakedown_record::ledger::Entry;
use shakedown_record::slots::{IntervalStats, SlotStats, SlotTally};

/// Intervals while they fill. Response times are dropped as soon as an interval is complete.
#[derive(Debug)]
pub(crate) struct Series {
    length_ns: u64,
    in_order: bool,
    /// The interval of the last order.
    current: (usize, SlotTally),
    /// Others that may get more.
    open: BTreeMap<usize, SlotTally>,
    done: Vec<IntervalStats>,
}

impl Series {
    /// `in_order`: entries come by rising intended time, so that an interval is complete when the next one begins.
    pub fn new(length_ns: u64, in_order: bool) -> Self {
        Self {
            length_ns,
            in_order,
            current: (0, SlotTally::default()),
            open: BTreeMap::new(),
            done: Vec::new(),
        }
    }

    pub fn add(&mut self, entry: &Entry, timeout_ns: u64) {
        let index = (entry.intended_ns / self.length_ns) as usize;
        if index != self.current.0 {
            self.turn_to(index);
        }
        self.current.1.add(
            entry.settled(),
            entry.response_ns(timeout_ns),
            u64::from(entry.lag_ns),
        );
    }

    fn turn_to(&mut self, index: usize) {
        let (last, tally) = std::mem::take(&mut self.current);
        match self.in_order {
            true => self.close(last, &tally),
            false => {
                self.open.insert(last, tally);
            }
        }
        self.current = (index, self.open.remove(&index).unwrap_or_default());
    }

    /// The intervals from zero to `end_ns`, and as far as there are orders; empty ones included.
    pub fn finish(mut self, end_ns: u64) -> Vec<IntervalStats> {
        let (last, tally) = std::mem::take(&mut self.current);
        self.close(last, &tally);
        for (index, tally) in std::mem::take(&mut self.open) {
            self.close(index, &tally);
        }
        let length = end_ns.div_ceil(self.length_ns) as usize;
        if self.done.len() < length {
            self.done.resize(length, IntervalStats::default());
        }
        self.done
    }

    fn close(&mut self, index: usize, tally: &SlotTally) {
        if tally.response_ns.is_empty() {
            return;
        }
        if self.done.len() <= index {
            self.done.resize(index + 1, IntervalStats::default());
        }
        self.done[index] = tally.interval();
    }
}

/// The 100 ms slots of a series, as the run engine sees them.
pub(crate) fn stats_of(intervals: &[IntervalStats]) -> Vec<SlotStats> {
    intervals.iter().map(|interval| interval.stats).collect()
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::testing::random_entry;

    #[test]
    fn intervals_hold_their_own_orders_in_whatever_order_these_come() {
        for seed in 0..200 {
            let mut random = SmallRng::seed_from_u64(seed);
            let count = random.random_range(0..200);
            let mut entries: Vec<Entry> = (0..count)
                .map(|slot| Entry {
                    intended_ns: random.random_range(0..3_000),
                    ..random_entry(&mut random, slot, count)
                })
                .collect();
            let in_order = random.random_range(0..2) == 0;
            if in_order {
                entries.sort_by_key(|entry| entry.intended_ns);
            }
            let mut series = Series::new(100, in_order);
            let mut tallies = vec![SlotTally::default(); 30];
            for entry in &entries {
                series.add(entry, 50);
                let lag_ns = u64::from(entry.lag_ns);
                tallies[(entry.intended_ns / 100) as usize].add(
                    entry.settled(),
                    entry.response_ns(50),
                    lag_ns,
                );
            }
            let none = |tally: &SlotTally| tally.response_ns.is_empty();
            while tallies.len() > 20 && tallies.last().is_some_and(none) {
                tallies.pop();
            }
            let wanted: Vec<IntervalStats> = tallies.iter().map(SlotTally::interval).collect();
            assert_eq!(series.finish(2_000), wanted, "seed {seed}");
        }
    }
}
