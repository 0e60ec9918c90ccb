//! The ledger as the analysis reads it: every written slot, what is damaged set aside and named.

use std::path::Path;

use shakedown_record::Outcome;
use shakedown_record::ledger::{Entry, LedgerError, LedgerReader, NoEntry};
use shakedown_record::side_by_side::{cores, side_by_side};

/// No run is longer than this; an intended time beyond it is damage, not a time.
const LONGEST_RUN_NS: u64 = 3 * 24 * 3_600 * 1_000_000_000;

/// How far beyond the end of the schedule an intended time may lie by rounding.
const END_SLACK_NS: u64 = 1_000_000_000;

/// Damage that is named; the rest is only counted.
const NAMED_DAMAGE: usize = 3;

/// The ledger of a run.
#[derive(Debug)]
pub(crate) struct Orders {
    reader: Option<LedgerReader>,
    latest_ns: u64,
    /// Slots that were written and are intact.
    pub written: u64,
    /// One more than the highest slot that was written.
    pub slots_end: u64,
    /// Largest intended time.
    pub last_intended_ns: u64,
    /// Intended times rise with the slot numbers.
    pub in_order: bool,
    /// Slots whose bytes are no entry.
    pub damaged: u64,
    /// The first of them, in words.
    pub damage: Vec<String>,
    pub timeout_ns: u64,
}

impl Orders {
    /// A ledger without entries.
    pub fn empty(timeout_ns: u64) -> Self {
        Self {
            reader: None,
            latest_ns: LONGEST_RUN_NS,
            written: 0,
            slots_end: 0,
            last_intended_ns: 0,
            in_order: true,
            damaged: 0,
            damage: Vec::new(),
            timeout_ns,
        }
    }

    /// Opens a ledger and looks at every entry once. `end_ns`: end of the schedule, where it is known.
    pub fn open(folder: &Path, timeout_ns: u64, end_ns: Option<u64>) -> Result<Self, LedgerError> {
        let mut orders = Self {
            latest_ns: end_ns.map_or(LONGEST_RUN_NS, |end| end.saturating_add(END_SLACK_NS)),
            ..Self::empty(timeout_ns)
        };
        let reader = LedgerReader::open(folder)?;
        let segments: Vec<usize> = (0..reader.segments()).collect();
        let look = |segment: &usize| {
            let told = |slot, what| reader.damaged(slot, what).to_string();
            Segment::of(reader.slots_of(*segment), orders.latest_ns, told)
        };
        for segment in side_by_side(&segments, cores(), look) {
            orders.add(segment);
        }
        orders.reader = Some(reader);
        Ok(orders)
    }

    /// Adds what the next segment holds.
    fn add(&mut self, segment: Segment) {
        self.damaged += segment.damaged;
        let room = NAMED_DAMAGE - self.damage.len();
        self.damage.extend(segment.damage.into_iter().take(room));
        if segment.written > 0 {
            self.in_order &= segment.in_order && segment.first_ns >= self.last_intended_ns;
            self.last_intended_ns = self.last_intended_ns.max(segment.last_ns);
            self.written += segment.written;
            self.slots_end = segment.slots_end;
        }
    }

    /// Every intact slot in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Entry)> + '_ {
        let reader = self.reader.iter();
        let segments = reader.flat_map(|reader| (0..reader.segments()).map(move |n| (reader, n)));
        let slots = segments.flat_map(|(reader, segment)| reader.slots_of(segment));
        slots.filter_map(|(slot, found)| Some((slot, self.intact(found.ok()??)?)))
    }

    /// The intact entries that are picked, in the order of their slots; every core looks for them.
    pub fn picked(&self, pick: impl Fn(&Entry) -> bool + Sync) -> Vec<Entry> {
        let Some(reader) = &self.reader else {
            return Vec::new();
        };
        let segments: Vec<usize> = (0..reader.segments()).collect();
        let of_segment = |segment: &usize| -> Vec<Entry> {
            let slots = reader.slots_of(*segment);
            let intact = slots.filter_map(|(_, found)| self.intact(found.ok()??));
            intact.filter(|entry| pick(entry)).collect()
        };
        side_by_side(&segments, cores(), of_segment).concat()
    }

    /// The entry of a slot; `None` when it was never written or is damaged.
    #[inline]
    pub fn get(&self, slot: u64) -> Option<Entry> {
        self.intact(self.reader.as_ref()?.look(slot).ok()??)
    }

    #[inline]
    fn intact(&self, entry: Entry) -> Option<Entry> {
        (entry.intended_ns <= self.latest_ns).then_some(entry)
    }

    /// Response time, failures censored at the timeout.
    #[inline]
    pub fn response_ns(&self, entry: &Entry) -> u64 {
        entry.response_ns(self.timeout_ns)
    }

    /// Acknowledged within the timeout, counted from the intended time.
    #[inline]
    pub fn is_acked_in_time(&self, entry: &Entry) -> bool {
        entry.settled() == Outcome::Acked && self.response_ns(entry) <= self.timeout_ns
    }
}

/// What a segment of the ledger holds.
#[derive(Debug)]
struct Segment {
    written: u64,
    slots_end: u64,
    /// Intended time of the first slot, and the largest.
    first_ns: u64,
    last_ns: u64,
    in_order: bool,
    damaged: u64,
    damage: Vec<String>,
}

impl Segment {
    /// Looks at every slot once; `told` says in words what is damaged.
    fn of(
        slots: impl Iterator<Item = (u64, Result<Option<Entry>, NoEntry>)>,
        latest_ns: u64,
        told: impl Fn(u64, NoEntry) -> String,
    ) -> Self {
        let mut seen = Self {
            written: 0,
            slots_end: 0,
            first_ns: 0,
            last_ns: 0,
            in_order: true,
            damaged: 0,
            damage: Vec::new(),
        };
        for (slot, found) in slots {
            match found {
                Ok(None) => {}
                Ok(Some(entry)) if entry.intended_ns > latest_ns => {
                    seen.note_damage(|| format!("slot {slot} is due after the end of the run"));
                }
                Ok(Some(entry)) => seen.note(slot, entry.intended_ns),
                Err(what) => seen.note_damage(|| told(slot, what)),
            }
        }
        seen
    }

    fn note(&mut self, slot: u64, intended_ns: u64) {
        if self.written == 0 {
            self.first_ns = intended_ns;
        }
        self.in_order &= intended_ns >= self.last_ns;
        self.last_ns = self.last_ns.max(intended_ns);
        self.written += 1;
        self.slots_end = slot + 1;
    }

    fn note_damage(&mut self, what: impl FnOnce() -> String) {
        self.damaged += 1;
        if self.damage.len() < NAMED_DAMAGE {
            self.damage.push(what());
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::testing::random_entry;

    const LATEST_NS: u64 = 1_000;

    type Slot = (u64, Result<Option<Entry>, NoEntry>);

    fn orders(segments: &[&[Slot]]) -> Orders {
        let mut orders = Orders::empty(7);
        for slots in segments {
            let told = |slot, what| format!("{slot}: {what}");
            orders.add(Segment::of(slots.iter().cloned(), LATEST_NS, told));
        }
        orders
    }

    #[test]
    fn segments_tell_the_same_as_all_slots_in_one() {
        let mut sorted = 0;
        for seed in 0..500 {
            let mut random = SmallRng::seed_from_u64(seed);
            let mut slots: Vec<Slot> = Vec::new();
            let mut now_ns = 0;
            let unsorted = random.random_range(0..2) == 0;
            for slot in 0..random.random_range(0..40) {
                now_ns += random.random_range(0..40);
                let mut entry = random_entry(&mut random, slot, 40);
                entry.intended_ns = match random.random_range(0..10) {
                    0 => LATEST_NS + 1,
                    1 if unsorted => random.random_range(0..LATEST_NS),
                    _ => now_ns,
                };
                let found = match random.random_range(0..8) {
                    0 => Ok(None),
                    1 => Err(NoEntry::Kind(slot as u8)),
                    _ => Ok(Some(entry)),
                };
                slots.push((slot, found));
            }
            let told = |orders: Orders| format!("{orders:?}");
            let (from, to) = (slots.len() / 3, slots.len() / 2);
            let parts = [&slots[..from], &slots[from..to], &[], &slots[to..]];
            let one = orders(&[&slots]);
            let times = slots.iter().filter_map(|(_, found)| found.ok().flatten());
            let times: Vec<u64> = times.map(|entry| entry.intended_ns).collect();
            let times: Vec<u64> = times.into_iter().filter(|it| *it <= LATEST_NS).collect();
            assert_eq!(one.in_order, times.is_sorted(), "seed {seed}");
            assert_eq!(one.written, times.len() as u64);
            assert_eq!(
                one.last_intended_ns,
                times.iter().copied().max().unwrap_or(0)
            );
            sorted += u64::from(one.in_order);
            assert_eq!(told(orders(&parts)), told(one), "seed {seed}");
        }
        assert!((100..400).contains(&sorted), "{sorted}");
    }
}
