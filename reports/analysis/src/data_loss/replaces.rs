//! Replaces by the order that they are about, in four bytes each: the ledger holds everything else.

use shakedown_record::ledger::OrderKind;

use super::expected::Change;
use super::restored::{Restore, may_be_gone};
use crate::input::{Fate, Input};

/// Orders whose replaces lie together.
const BUCKET: u64 = 1 << (32 - SLOT_BITS);

/// Bits for how far a replace lies behind the first order of its bucket; the others are for the order.
const SLOT_BITS: u32 = 21;

/// A bucket grows by so many, since there are many of them and room that is left takes memory.
const GROWTH: usize = 16;

/// A replace by its order's place in the bucket and, below that, by its own slot: numbers in order are replaces in order.
type Near = u32;

/// `None`: it lies before that bucket, or two million slots behind it.
fn pack(order: u64, slot: u64) -> Option<Near> {
    let behind = slot.checked_sub(order / BUCKET * BUCKET)?;
    (behind < 1 << SLOT_BITS).then_some(first_of(order) | behind as u32)
}

/// The least number of a replace of this order.
fn first_of(order: u64) -> Near {
    ((order % BUCKET) as u32) << SLOT_BITS
}

/// The slot of a replace of this order.
fn slot_of(order: u64, near: Near) -> u64 {
    order / BUCKET * BUCKET + u64::from(near - first_of(order))
}

/// The replaces of a run that were or may have been executed.
#[derive(Debug, Default)]
pub(crate) struct Replaces {
    /// Of each bucket of orders.
    near: Vec<Vec<Near>>,
    /// Those that lie too far from their order, each behind it.
    far: Vec<(u64, u64)>,
    /// Restores, each of which may have taken a replace back.
    restores: Vec<Restore>,
}

impl Replaces {
    /// None yet, in a run with these restores.
    pub(super) fn beside(restores: &[Restore]) -> Replaces {
        Replaces {
            restores: restores.to_vec(),
            ..Replaces::default()
        }
    }

    /// Takes a replace of the order in `target`.
    pub(super) fn add(&mut self, slot: u64, target: u64) {
        let Some(near) = pack(target, slot) else {
            self.far.push((target, slot));
            return;
        };
        let bucket = (target / BUCKET) as usize;
        if bucket >= self.near.len() {
            self.near.resize(bucket + 1, Vec::new());
        }
        let own = &mut self.near[bucket];
        if own.len() == own.capacity() {
            own.reserve_exact(GROWTH);
        }
        own.push(near);
    }

    /// Sorts them by order, and by slot within an order, once all are there.
    pub(super) fn sort(&mut self) {
        self.near.iter_mut().for_each(|near| near.sort_unstable());
        self.far.sort_unstable();
    }

    /// The replaces of an order, in the order of the ledger.
    #[inline]
    pub fn of(&self, input: &Input, order: u64) -> Vec<Change> {
        let near = self.near_of(order);
        let from = self.far.partition_point(|(target, _)| *target < order);
        let far = self.far[from..].iter();
        let mut far = far.take_while(|(target, _)| *target == order).peekable();
        if near.is_empty() && far.peek().is_none() {
            return Vec::new();
        }
        let near = near.iter().map(|near| slot_of(order, *near));
        let mut slots: Vec<u64> = near.chain(far.map(|(_, slot)| *slot)).collect();
        slots.sort_unstable();
        let changes = slots.into_iter().filter_map(|slot| {
            let entry = input.orders.get(slot)?;
            let fate = match input.fate(slot, &entry) {
                Fate::Acked { at_ns } if may_be_gone(&self.restores, at_ns) => Fate::Indeterminate,
                fate => fate,
            };
            let change = Change::of(&entry, fate, input.sequence(slot, &entry));
            change.filter(|_| entry.kind == OrderKind::Replace)
        });
        changes.collect()
    }

    #[inline]
    fn near_of(&self, order: u64) -> &[Near] {
        let Some(bucket) = self.near.get((order / BUCKET) as usize) else {
            return &[];
        };
        let first = first_of(order);
        let last = first | ((1 << SLOT_BITS) - 1);
        let from = bucket.partition_point(|near| *near < first);
        let own = bucket[from..].iter().take_while(|near| **near <= last);
        &bucket[from..from + own.count()]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::rngs::SmallRng;
    use rand::{RngExt, SeedableRng};
    use shakedown_record::ledger::Entry;

    use super::*;
    use crate::testing::{input, random_entry, run};

    #[test]
    fn a_slot_is_the_same_in_four_bytes_or_is_too_far() {
        let far = 1 << SLOT_BITS;
        for (order, slot) in [(0, 0), (5, 6), (BUCKET, BUCKET), (BUCKET - 1, far - 1)] {
            let near = pack(order, slot);
            assert_eq!(near.map(|near| slot_of(order, near)), Some(slot));
        }
        let behind = 7 * BUCKET;
        assert_eq!(
            pack(behind + 9, behind + far - 1).map(|near| slot_of(behind + 9, near)),
            Some(behind + far - 1)
        );
        for (order, slot) in [(BUCKET, BUCKET - 1), (0, far), (7, 1 << 40)] {
            assert_eq!(pack(order, slot), None);
        }
    }

    #[test]
    fn the_replaces_of_an_order_are_those_that_the_ledger_names() {
        let slots = 3 * BUCKET + 100;
        for seed in 0..20 {
            let mut random = SmallRng::seed_from_u64(seed);
            // Few orders, so that some have many replaces.
            let entries: Vec<Entry> = (0..slots)
                .map(|slot| {
                    let mut entry = random_entry(&mut random, slot, slots);
                    entry.target = entry.target.map(|target| target / 37 * 37);
                    entry
                })
                .collect();
            let (_folder, dir) = run(&entries, Vec::new());
            let input = input(&dir);
            let mut replaces = Replaces::default();
            let mut named: BTreeMap<u64, Vec<String>> = BTreeMap::new();
            for (slot, entry) in input.orders.iter() {
                let fate = input.fate(slot, &entry);
                let change = Change::of(&entry, fate, input.sequence(slot, &entry));
                let (OrderKind::Replace, Some(target), Some(change)) =
                    (entry.kind, entry.target, change)
                else {
                    continue;
                };
                // As though it lay far behind its order.
                match random.random_range(0..4) {
                    0 => replaces.far.push((target, slot)),
                    _ => replaces.add(slot, target),
                }
                named.entry(target).or_default().push(format!("{change:?}"));
            }
            replaces.sort();
            for order in 0..slots {
                let found = replaces.of(&input, order);
                let found: Vec<String> = found.iter().map(|it| format!("{it:?}")).collect();
                let wanted = named.get(&order).cloned().unwrap_or_default();
                assert_eq!(found, wanted, "seed {seed}, order {order}");
            }
        }
    }

    #[test]
    fn what_lies_far_is_kept_beside_what_lies_near() {
        let mut replaces = Replaces::default();
        for (slot, target) in [(9, 1), (10, 8_000), (1 << 30, 1), (1 << 31, 0)] {
            replaces.add(slot, target);
        }
        replaces.sort();
        assert_eq!(replaces.near_of(1), [first_of(1) + 9]);
        assert!(replaces.near_of(0).is_empty() && replaces.near_of(1 << 40).is_empty());
        assert_eq!(replaces.far, [(0, 1 << 31), (1, 1 << 30), (8_000, 10)]);
    }
}
