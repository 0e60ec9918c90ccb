//! The ledger as the analysis reads it: every written slot, what is damaged set aside and named.

use std::path::Path;

use shakedown_record::Outcome;
use shakedown_record::ledger::{Entry, LedgerError, LedgerReader};

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
        for slot in 0..reader.capacity() {
            match reader.get(slot) {
                Ok(None) => {}
                Ok(Some(entry)) if entry.intended_ns > orders.latest_ns => {
                    orders.note_damage(format!("slot {slot} is due after the end of the run"));
                }
                Ok(Some(entry)) => {
                    orders.in_order &= entry.intended_ns >= orders.last_intended_ns;
                    orders.last_intended_ns = orders.last_intended_ns.max(entry.intended_ns);
                    orders.written += 1;
                    orders.slots_end = slot + 1;
                }
                Err(error) => orders.note_damage(error.to_string()),
            }
        }
        orders.reader = Some(reader);
        Ok(orders)
    }

    fn note_damage(&mut self, what: String) {
        self.damaged += 1;
        if self.damage.len() < NAMED_DAMAGE {
            self.damage.push(what);
        }
    }

    /// Every intact slot in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Entry)> + '_ {
        (0..self.slots_end).filter_map(|slot| Some((slot, self.get(slot)?)))
    }

    /// The entry of a slot; `None` when it was never written or is damaged.
    pub fn get(&self, slot: u64) -> Option<Entry> {
        let entry = self.reader.as_ref()?.get(slot).ok().flatten()?;
        (entry.intended_ns <= self.latest_ns).then_some(entry)
    }

    /// Response time, failures censored at the timeout.
    pub fn response_ns(&self, entry: &Entry) -> u64 {
        entry.response_ns(self.timeout_ns)
    }

    /// Acknowledged within the timeout, counted from the intended time.
    pub fn is_acked_in_time(&self, entry: &Entry) -> bool {
        entry.settled() == Outcome::Acked && self.response_ns(entry) <= self.timeout_ns
    }
}
