//! 100 ms slots of one thread, by intended time: open until all of their orders have ended.

use std::collections::VecDeque;

use shakedown_record::Outcome;
use shakedown_record::slots::{SLOT_NS, SlotTally, slot_index};

#[derive(Debug, Default)]
struct Collecting {
    tally: SlotTally,
    open: u64,
    first_slot: Option<u64>,
}

/// Tallies that are not finished. Their number is bounded by the timeout, not by the run's length.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    base: usize,
    collecting: VecDeque<Collecting>,
}

impl Tallies {
    /// A slot was scheduled.
    pub fn scheduled(&mut self, slot: u64, intended_ns: u64) {
        let collecting = self.at(intended_ns);
        collecting.open += 1;
        collecting.first_slot.get_or_insert(slot);
    }

    /// A slot that was scheduled has ended.
    pub fn ended(&mut self, intended_ns: u64, outcome: Outcome, response_ns: u64, lag_ns: u64) {
        let collecting = self.at(intended_ns);
        collecting.open -= 1;
        collecting.tally.add(outcome, response_ns, lag_ns);
    }

    /// The next tally that nothing can be added to: everything intended before `passed_ns` has been scheduled.
    pub fn finished(&mut self, passed_ns: u64) -> Option<(usize, SlotTally)> {
        if (self.base as u64 + 1) * SLOT_NS as u64 > passed_ns
            || self.collecting.front().is_some_and(|front| front.open > 0)
        {
            return None;
        }
        let index = self.base;
        self.base += 1;
        let front = self.collecting.pop_front().unwrap_or_default();
        Some((index, front.tally))
    }

    /// No slot below this one is open; `None` when that cannot be told now.
    pub fn lowest_open(&self) -> Option<u64> {
        self.collecting
            .iter()
            .find_map(|collecting| collecting.first_slot)
    }

    fn at(&mut self, intended_ns: u64) -> &mut Collecting {
        let at = slot_index(intended_ns).saturating_sub(self.base);
        while self.collecting.len() <= at {
            self.collecting.push_back(Collecting::default());
        }
        &mut self.collecting[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_slot_is_finished_when_it_is_past_and_its_orders_have_ended() {
        let mut tallies = Tallies::default();
        tallies.scheduled(0, 10 * MS);
        tallies.scheduled(1, 350 * MS);
        assert!(tallies.finished(400 * MS).is_none());
        tallies.ended(350 * MS, Outcome::Acked, MS, 5);
        assert!(
            tallies.finished(400 * MS).is_none(),
            "the first order is still open"
        );
        tallies.ended(10 * MS, Outcome::Timeout, 1_000 * MS, 7);
        let finished: Vec<_> = std::iter::from_fn(|| tallies.finished(400 * MS)).collect();
        let indices: Vec<usize> = finished.iter().map(|(index, _)| *index).collect();
        assert_eq!(indices, [0, 1, 2, 3], "no gaps");
        assert_eq!(finished[0].1.outcomes.timeout, 1);
        assert_eq!(finished[0].1.lag_max_ns, 7);
        assert_eq!(finished[1].1.outcomes.total(), 0);
        assert_eq!(finished[3].1.outcomes.acked, 1);
        assert!(tallies.finished(499 * MS).is_none());
    }

    #[test]
    fn the_lowest_open_slot_moves_on() {
        let mut tallies = Tallies::default();
        assert_eq!(tallies.lowest_open(), None);
        tallies.scheduled(7, 10 * MS);
        tallies.scheduled(8, 110 * MS);
        tallies.ended(10 * MS, Outcome::Acked, MS, 0);
        assert_eq!(tallies.lowest_open(), Some(7));
        tallies.finished(200 * MS);
        assert_eq!(tallies.lowest_open(), Some(8));
    }
}
