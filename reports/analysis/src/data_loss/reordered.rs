//! Orders that the engine numbered against time: one was sent after another had been acknowledged, and has the smaller
//! number.
//!
//! One pass in the order of sending. What waits for its turn, and what was acknowledged after the moment that was reached,
//! is all that is kept: messages in flight, not messages sent.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use shakedown_record::ledger::{Entry, OrderKind};
use shakedown_scenarios::plan::{DataLayout, Plan};

use super::classes::Class;
use super::restored::{may_be_gone, restores};
use crate::input::{Fate, Input};

/// A request that was acknowledged with a number. Compares by when it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Numbered {
    sent_ns: u64,
    done_ns: u64,
    sequence: u64,
    slot: u64,
    symbol: u8,
}

/// What was acknowledged in the order of one numbering.
#[derive(Debug, Default)]
struct Numbering {
    /// By when it was acknowledged, of what is not behind us yet.
    ahead: BinaryHeap<Reverse<(u64, u64)>>,
    /// The highest number of all that is.
    highest: Option<u64>,
}

impl Numbering {
    /// Takes the next request by time of sending; true when an earlier one has a higher number.
    fn takes(&mut self, one: &Numbered, error_ns: u64) -> bool {
        while let Some(Reverse((done_ns, sequence))) = self.ahead.peek().copied()
            && done_ns.saturating_add(error_ns) < one.sent_ns
        {
            self.ahead.pop();
            self.highest = self.highest.max(Some(sequence));
        }
        self.ahead.push(Reverse((one.done_ns, one.sequence)));
        self.highest > Some(one.sequence)
    }
}

/// Looks through all acknowledged requests. `clock_error_ns`: by how much the clocks of two senders may differ.
pub(super) fn reordered(input: &Input, plan: &Plan, clock_error_ns: u64) -> Class {
    let by_symbol = match plan.system.data {
        DataLayout::Sharded { .. } => true,
        DataLayout::Replicated | DataLayout::Store { .. } | DataLayout::Memory => false,
    };
    let mut numberings: Vec<Numbering> = (0..=u8::MAX).map(|_| Numbering::default()).collect();
    let mut waiting: BinaryHeap<Reverse<Numbered>> = BinaryHeap::new();
    let mut suspects: Vec<u64> = Vec::new();
    let mut numbered = 0u64;
    let mut take = |one: Numbered| {
        let of = if by_symbol { one.symbol } else { 0 };
        if numberings[usize::from(of)].takes(&one, clock_error_ns) {
            suspects.push(one.slot);
        }
    };
    let restores = restores(&input.facts);
    for (slot, entry) in input.orders.iter() {
        // Nothing is sent before it is due, so that all that was sent before this one is due is known.
        while input.orders.in_order
            && let Some(Reverse(first)) = waiting.peek().copied()
            && first.sent_ns < entry.intended_ns
        {
            waiting.pop();
            take(first);
        }
        // A restore takes numbers back, to be given once more.
        if let Some(one) = number_of(input, slot, &entry)
            && !may_be_gone(&restores, one.done_ns)
        {
            numbered += 1;
            waiting.push(Reverse(one));
        }
    }
    while let Some(Reverse(one)) = waiting.pop() {
        take(one);
    }
    let repeats = repeats(input, &suspects);
    let found = suspects
        .into_iter()
        .filter(|slot| !repeats.contains(slot))
        .collect();
    Class {
        found,
        incomplete: (numbered == 0)
            .then(|| "no acknowledgement carried a number of the engine".to_string()),
        ..Class::default()
    }
}

fn number_of(input: &Input, slot: u64, entry: &Entry) -> Option<Numbered> {
    let Fate::Acked { at_ns } = input.fate(slot, entry) else {
        return None;
    };
    Some(Numbered {
        sent_ns: entry.sent_ns?,
        done_ns: at_ns,
        sequence: input.sequence(slot, entry)?,
        slot,
        symbol: entry.symbol,
    })
}

/// Suspects that may have asked again for what another one got: an engine may answer a cancel or replace that changes
/// nothing any more with the number of the one that did, whether that one was answered or not.
fn repeats(input: &Input, suspects: &[u64]) -> HashSet<u64> {
    let key = |entry: &Entry| match entry.kind {
        OrderKind::Cancel | OrderKind::Replace => Some((entry.kind, entry.target?)),
        OrderKind::New | OrderKind::Oversized | OrderKind::Request => None,
    };
    let mut asked: HashMap<_, Vec<(u64, Option<u64>)>> = HashMap::new();
    for slot in suspects {
        if let Some(entry) = input.orders.get(*slot)
            && let Some(key) = key(&entry)
        {
            let sequence = input.sequence(*slot, &entry);
            asked.entry(key).or_default().push((*slot, sequence));
        }
    }
    let mut repeats = HashSet::new();
    if asked.is_empty() {
        return repeats;
    }
    for (slot, entry) in input.orders.iter() {
        let Some(suspects) = key(&entry).and_then(|key| asked.get(&key)) else {
            continue;
        };
        let is_first = |sequence: Option<u64>| match input.fate(slot, &entry) {
            Fate::Acked { .. } => input.sequence(slot, &entry) == sequence,
            Fate::Indeterminate => true,
            Fate::Absent(_) => false,
        };
        let again = suspects
            .iter()
            .filter(|(suspect, sequence)| *suspect > slot && is_first(*sequence));
        repeats.extend(again.map(|(suspect, _)| *suspect));
    }
    repeats
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(all: &[(u64, u64, u64)], error_ns: u64) -> Vec<bool> {
        let mut numbering = Numbering::default();
        let numbered = all.iter().map(|(sent_ns, done_ns, sequence)| Numbered {
            sent_ns: *sent_ns,
            done_ns: *done_ns,
            sequence: *sequence,
            slot: 0,
            symbol: 0,
        });
        numbered
            .map(|one| numbering.takes(&one, error_ns))
            .collect()
    }

    #[test]
    fn only_what_was_sent_after_an_acknowledgement_must_have_a_higher_number() {
        assert_eq!(taken(&[(0, 10, 2), (5, 15, 1)], 0), [false, false]);
        assert_eq!(taken(&[(0, 10, 2), (11, 15, 1)], 0), [false, true]);
        assert_eq!(taken(&[(0, 10, 2), (10, 15, 1)], 0), [false, false]);
        assert_eq!(taken(&[(0, 10, 2), (11, 15, 3)], 0), [false, false]);
    }

    #[test]
    fn a_number_stays_the_highest_after_lower_ones() {
        let all = [(0, 10, 9), (11, 12, 10), (13, 14, 3), (20, 21, 8)];
        assert_eq!(taken(&all, 0), [false, false, true, true]);
    }

    #[test]
    fn what_clocks_leave_open_proves_nothing() {
        assert_eq!(taken(&[(0, 10, 2), (15, 16, 1)], 5), [false, false]);
        assert_eq!(taken(&[(0, 10, 2), (16, 17, 1)], 5), [false, true]);
    }
}
