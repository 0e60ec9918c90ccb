//! Replaces by the order that they are about, in three bytes each: the ledger holds everything else.

use shakedown_record::ledger::OrderKind;

use super::expected::Change;
use crate::bits::Bits;
use crate::input::Input;

/// Orders whose replaces lie together.
const BUCKET: u64 = 4_096;

/// A bucket grows by so many, since there are many of them and room that is left takes memory.
const GROWTH: usize = 32;

/// How far a slot lies behind the first order of its bucket.
type Near = [u8; 3];

/// `None`: it lies before that order, or minutes behind it.
fn pack(bucket: u64, slot: u64) -> Option<Near> {
    match slot.checked_sub(bucket * BUCKET)?.to_le_bytes() {
        [a, b, c, 0, 0, 0, 0, 0] => Some([a, b, c]),
        _ => None,
    }
}

fn unpack(bucket: u64, [a, b, c]: Near) -> u64 {
    bucket * BUCKET + u64::from(u32::from_le_bytes([a, b, c, 0]))
}

/// The replaces of a run that were or may have been executed.
#[derive(Debug, Default)]
pub(crate) struct Replaces {
    /// Of each bucket of orders.
    near: Vec<Vec<Near>>,
    /// Those that lie too far from their order, each behind it.
    far: Vec<(u64, u64)>,
    /// The orders that have any.
    replaced: Bits,
}

impl Replaces {
    /// Takes a replace of the order in `target`; they come in the order of the ledger.
    pub(super) fn add(&mut self, slot: u64, target: u64) {
        self.replaced.insert(target);
        let bucket = target / BUCKET;
        let Some(near) = pack(bucket, slot) else {
            self.far.push((target, slot));
            return;
        };
        if bucket as usize >= self.near.len() {
            self.near.resize(bucket as usize + 1, Vec::new());
        }
        let own = &mut self.near[bucket as usize];
        if own.len() == own.capacity() {
            own.reserve_exact(GROWTH);
        }
        own.push(near);
    }

    /// Sorts them by order, and by slot within an order, once all are there.
    pub(super) fn sort(&mut self, input: &Input) {
        for (bucket, near) in (0..).zip(&mut self.near) {
            near.sort_by_key(|near| target_of(input, unpack(bucket, *near)));
        }
        self.far.sort_unstable();
    }

    /// The replaces of an order, in the order of the ledger.
    #[inline]
    pub fn of(&self, input: &Input, order: u64) -> Vec<Change> {
        match self.replaced.contains(order) {
            true => self.found(input, order),
            false => Vec::new(),
        }
    }

    fn found(&self, input: &Input, order: u64) -> Vec<Change> {
        let bucket = order / BUCKET;
        let near = self
            .near
            .get(bucket as usize)
            .map_or(&[][..], Vec::as_slice);
        let from = near.partition_point(|near| target_of(input, unpack(bucket, *near)) < order);
        let near = near[from..].iter().map(|near| unpack(bucket, *near));
        let near = near.take_while(|slot| target_of(input, *slot) == order);
        let from = self.far.partition_point(|(target, _)| *target < order);
        let far = self.far[from..].iter();
        let far = far.take_while(|(target, _)| *target == order);
        let mut slots: Vec<u64> = near.chain(far.map(|(_, slot)| *slot)).collect();
        slots.sort_unstable();
        slots
            .into_iter()
            .filter_map(|slot| {
                let entry = input.orders.get(slot)?;
                let fate = input.fate(slot, &entry);
                let change = Change::of(&entry, fate, input.sequence(slot, &entry));
                change.filter(|_| entry.kind == OrderKind::Replace)
            })
            .collect()
    }
}

/// The order that the replace in a slot is about.
fn target_of(input: &Input, slot: u64) -> u64 {
    let entry = input.orders.get(slot);
    entry.and_then(|entry| entry.target).unwrap_or(0)
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
    fn a_slot_is_the_same_in_three_bytes_or_is_too_far() {
        for (bucket, slot) in [(0, 0), (0, 1), (1, 4_096), (7, 7 * 4_096 + (1 << 24) - 1)] {
            assert_eq!(
                pack(bucket, slot).map(|near| unpack(bucket, near)),
                Some(slot)
            );
        }
        for (bucket, slot) in [(1, 4_095), (0, 1 << 24), (3, 1 << 40)] {
            assert_eq!(pack(bucket, slot), None);
        }
    }

    #[test]
    fn the_replaces_of_an_order_are_those_that_the_ledger_names() {
        let slots = 3 * BUCKET;
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
                    0 => {
                        replaces.replaced.insert(target);
                        replaces.far.push((target, slot));
                    }
                    _ => replaces.add(slot, target),
                }
                named.entry(target).or_default().push(format!("{change:?}"));
            }
            replaces.sort(&input);
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
        assert_eq!(replaces.near[0], [[9, 0, 0]]);
        assert_eq!(replaces.far, [(8_000, 10), (1, 1 << 30), (0, 1 << 31)]);
        assert!(
            [0, 1, 8_000]
                .iter()
                .all(|order| replaces.replaced.contains(*order))
        );
    }
}
