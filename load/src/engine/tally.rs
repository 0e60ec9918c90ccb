//! 100 ms slots of one thread, by intended time: open until all of their orders have ended.

use std::collections::VecDeque;

use shakedown_record::ledger::Entry;
use shakedown_record::slots::{SLOT_NS, SlotTally, slot_index};

#[derive(Debug, Default)]
struct Collecting {
    tally: SlotTally,
    entries: Vec<(u64, Entry)>,
    open: u64,
    first_slot: Option<u64>,
}

/// A 100 ms slot of one thread, all of whose orders have ended.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub tally: SlotTally,
    /// In the order in which they ended; empty where a ledger has them.
    pub entries: Vec<(u64, Entry)>,
}

impl Collected {
    /// Adds the orders of the same slot that another thread collected.
    pub fn merge(&mut self, mut other: Collected) {
        if self.entries.is_empty() {
            std::mem::swap(&mut self.entries, &mut other.entries);
        }
        self.entries.append(&mut other.entries);
        self.tally.merge(&other.tally);
    }
}

/// Tallies that are not finished. Their number is bounded by the timeout, not by the run's length.
#[derive(Debug)]
pub(super) struct Tallies {
    timeout_ns: u64,
    keeps_entries: bool,
    base: usize,
    collecting: VecDeque<Collecting>,
    /// Emptied lists of entries that are used again: new memory for every 100 ms costs more than filling it.
    spare: Vec<Vec<(u64, Entry)>>,
}

impl Tallies {
    /// No tallies yet. `keeps_entries`: collect what has ended as well.
    pub fn new(timeout_ns: u64, keeps_entries: bool) -> Tallies {
        Tallies {
            timeout_ns,
            keeps_entries,
            base: 0,
            collecting: VecDeque::new(),
            spare: Vec::new(),
        }
    }

    /// Gives emptied lists back.
    pub fn give_back(&mut self, lists: &mut Vec<Vec<(u64, Entry)>>) {
        self.spare.append(lists);
    }

    /// A slot was scheduled.
    pub fn scheduled(&mut self, slot: u64, intended_ns: u64) {
        let collecting = self.at(intended_ns);
        collecting.open += 1;
        collecting.first_slot.get_or_insert(slot);
    }

    /// A slot that was scheduled has ended.
    pub fn ended(&mut self, slot: u64, entry: &Entry) {
        let (timeout_ns, keeps_entries) = (self.timeout_ns, self.keeps_entries);
        let collecting = self.at(entry.intended_ns);
        collecting.open -= 1;
        collecting.tally.add(
            entry.settled(),
            entry.response_ns(timeout_ns),
            u64::from(entry.lag_ns),
        );
        if keeps_entries {
            collecting.entries.push((slot, *entry));
        }
    }

    /// The next tally that nothing can be added to: everything intended before `passed_ns` has been scheduled.
    pub fn finished(&mut self, passed_ns: u64) -> Option<(usize, Collected)> {
        if (self.base as u64 + 1) * SLOT_NS as u64 > passed_ns
            || self.collecting.front().is_some_and(|front| front.open > 0)
        {
            return None;
        }
        let index = self.base;
        self.base += 1;
        let front = self.collecting.pop_front().unwrap_or_default();
        let collected = Collected {
            tally: front.tally,
            entries: front.entries,
        };
        Some((index, collected))
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
            self.collecting.push_back(Collecting {
                entries: self.spare.pop().unwrap_or_default(),
                ..Collecting::default()
            });
        }
        &mut self.collecting[at]
    }
}

#[cfg(test)]
mod tests {
    use shakedown_record::Outcome;
    use shakedown_record::ledger::{OrderKind, Side};

    use super::*;

    const MS: u64 = 1_000_000;

    fn entry(intended_ns: u64, outcome: Outcome, took_ns: u64, lag_ns: u32) -> Entry {
        Entry {
            intended_ns,
            sent_ns: Some(intended_ns),
            done_ns: Some(intended_ns + took_ns),
            lag_ns,
            kind: OrderKind::Request,
            side: Side::Buy,
            symbol: 0,
            account: 0,
            session: 0,
            price_ticks: 0,
            quantity_lots: 0,
            target: None,
            sequence: None,
            served_by: 0,
            outcome: Some(outcome),
        }
    }

    #[test]
    fn a_slot_is_finished_when_it_is_past_and_its_orders_have_ended() {
        let mut tallies = Tallies::new(1_000 * MS, true);
        tallies.scheduled(0, 10 * MS);
        tallies.scheduled(1, 350 * MS);
        assert!(tallies.finished(400 * MS).is_none());
        tallies.ended(1, &entry(350 * MS, Outcome::Acked, MS, 5));
        assert!(
            tallies.finished(400 * MS).is_none(),
            "the first order is still open"
        );
        tallies.ended(0, &entry(10 * MS, Outcome::Timeout, 1_000 * MS, 7));
        let finished: Vec<_> = std::iter::from_fn(|| tallies.finished(400 * MS)).collect();
        let indices: Vec<usize> = finished.iter().map(|(index, _)| *index).collect();
        assert_eq!(indices, [0, 1, 2, 3], "no gaps");
        assert_eq!(finished[0].1.tally.outcomes.timeout, 1);
        assert_eq!(finished[0].1.tally.lag_max_ns, 7);
        assert_eq!(finished[1].1.tally.outcomes.total(), 0);
        assert_eq!(finished[3].1.tally.outcomes.acked, 1);
        assert!(tallies.finished(499 * MS).is_none());
    }

    #[test]
    fn the_lowest_open_slot_moves_on() {
        let mut tallies = Tallies::new(1_000 * MS, true);
        assert_eq!(tallies.lowest_open(), None);
        tallies.scheduled(7, 10 * MS);
        tallies.scheduled(8, 110 * MS);
        tallies.ended(7, &entry(10 * MS, Outcome::Acked, MS, 0));
        assert_eq!(tallies.lowest_open(), Some(7));
        tallies.finished(200 * MS);
        assert_eq!(tallies.lowest_open(), Some(8));
    }
}
