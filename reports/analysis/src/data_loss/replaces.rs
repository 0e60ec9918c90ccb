//! Replaces by the order that they are about, in five bytes each: the ledger holds everything else.

use std::ops::Range;

use shakedown_record::ledger::OrderKind;

use super::expected::Change;
use crate::bits::Bits;
use crate::input::Input;

/// Orders whose replaces lie together.
const BUCKET: u64 = 4_096;

/// A slot in five bytes.
type Packed = [u8; 5];

fn pack(slot: u64) -> Packed {
    let [a, b, c, d, e, ..] = slot.to_le_bytes();
    [a, b, c, d, e]
}

fn unpack([a, b, c, d, e]: Packed) -> u64 {
    u64::from_le_bytes([a, b, c, d, e, 0, 0, 0])
}

/// Collects replaces in the order of the ledger.
#[derive(Debug, Default)]
pub(super) struct Collector {
    slots: Vec<Packed>,
    replaced: Bits,
    /// How many there are of each bucket of orders.
    counts: Vec<u64>,
}

impl Collector {
    /// Takes a replace of the order in `target`.
    pub fn add(&mut self, slot: u64, target: u64) {
        let bucket = (target / BUCKET) as usize;
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.slots.push(pack(slot));
        self.replaced.insert(target);
    }

    /// Sorts them by order, and by slot within an order.
    pub fn sorted(self, input: &Input) -> Replaces {
        let target = |slot: &Packed| target_of(input, unpack(*slot));
        let mut ends = self.counts;
        let mut at = 0;
        for end in &mut ends {
            // Where its first one goes now, and where it ends when all have gone there.
            at += std::mem::replace(end, at);
        }
        let mut slots = vec![Packed::default(); self.slots.len()];
        for slot in &self.slots {
            let next = &mut ends[(target(slot) / BUCKET) as usize];
            slots[*next as usize] = *slot;
            *next += 1;
        }
        let mut from = 0;
        for end in &ends {
            slots[from..*end as usize].sort_by_key(target);
            from = *end as usize;
        }
        Replaces {
            slots,
            ends,
            replaced: self.replaced,
        }
    }
}

/// The order that the replace in a slot is about.
fn target_of(input: &Input, slot: u64) -> u64 {
    let entry = input.orders.get(slot);
    entry.and_then(|entry| entry.target).unwrap_or(0)
}

/// The replaces of a run that were or may have been executed.
#[derive(Debug, Default)]
pub(crate) struct Replaces {
    /// By the order that they are about.
    slots: Vec<Packed>,
    /// Where those of each bucket of orders end.
    ends: Vec<u64>,
    /// The orders that have any.
    replaced: Bits,
}

impl Replaces {
    /// The replaces of an order, in the order of the ledger.
    pub fn of(&self, input: &Input, order: u64) -> Vec<Change> {
        if !self.replaced.contains(order) {
            return Vec::new();
        }
        let bucket = &self.slots[self.bucket(order)];
        let from = bucket.partition_point(|slot| target_of(input, unpack(*slot)) < order);
        let own = bucket[from..].iter().map(|slot| unpack(*slot));
        let own = own.map_while(|slot| {
            let entry = input.orders.get(slot)?;
            (entry.target == Some(order)).then_some((slot, entry))
        });
        own.filter(|(_, entry)| entry.kind == OrderKind::Replace)
            .filter_map(|(slot, entry)| {
                let fate = input.fate(slot, &entry);
                Change::of(&entry, fate, input.sequence(slot, &entry))
            })
            .collect()
    }

    fn bucket(&self, order: u64) -> Range<usize> {
        let at = (order / BUCKET) as usize;
        let end = |at: usize| self.ends.get(at).map(|end| *end as usize);
        let Some(to) = end(at) else {
            return 0..0;
        };
        at.checked_sub(1).and_then(end).unwrap_or(0)..to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_the_same_in_five_bytes() {
        for slot in [0, 1, 255, 256, u64::from(u32::MAX) + 7, (1 << 40) - 1] {
            assert_eq!(unpack(pack(slot)), slot);
        }
    }
}
