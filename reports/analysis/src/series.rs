//! Orders gathered into intervals of equal length by intended time.

use std::collections::BTreeMap;

use shakedown_record::ledger::Entry;
use shakedown_record::slots::{IntervalStats, SlotStats, SlotTally};

/// Intervals while they fill. Response times are dropped as soon as an interval is complete.
#[derive(Debug)]
pub(crate) struct Series {
    length_ns: u64,
    in_order: bool,
    open: BTreeMap<usize, SlotTally>,
    done: Vec<IntervalStats>,
}

impl Series {
    /// `in_order`: entries come by rising intended time, so that an interval is complete when the next one begins.
    pub fn new(length_ns: u64, in_order: bool) -> Self {
        Self {
            length_ns,
            in_order,
            open: BTreeMap::new(),
            done: Vec::new(),
        }
    }

    pub fn add(&mut self, entry: &Entry, timeout_ns: u64) {
        let index = (entry.intended_ns / self.length_ns) as usize;
        if self.in_order && !self.open.contains_key(&index) {
            self.close_all();
        }
        self.open.entry(index).or_default().add(
            entry.settled(),
            entry.response_ns(timeout_ns),
            u64::from(entry.lag_ns),
        );
    }

    /// The intervals from zero to `end_ns`, and as far as there are orders; empty ones included.
    pub fn finish(mut self, end_ns: u64) -> Vec<IntervalStats> {
        self.close_all();
        let length = end_ns.div_ceil(self.length_ns) as usize;
        if self.done.len() < length {
            self.done.resize(length, IntervalStats::default());
        }
        self.done
    }

    fn close_all(&mut self) {
        for (index, tally) in std::mem::take(&mut self.open) {
            if self.done.len() <= index {
                self.done.resize(index + 1, IntervalStats::default());
            }
            self.done[index] = tally.interval();
        }
    }
}

/// The 100 ms slots of a series, as the run engine sees them.
pub(crate) fn stats_of(intervals: &[IntervalStats]) -> Vec<SlotStats> {
    intervals.iter().map(|interval| interval.stats).collect()
}
