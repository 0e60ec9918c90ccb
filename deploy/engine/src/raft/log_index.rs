//! The log in memory: all entries since the last purge. It is what the records on disk add up to.

use std::collections::VecDeque;

use openraft::{Entry, RaftLogId};
use serde::{Deserialize, Serialize};

use super::{EngineLogId, TypeConfig};

/// One record of the log on disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum LogEvent {
    /// An entry was appended.
    Entry(Entry<TypeConfig>),
    /// Entries from this index on were found to conflict with the leader's, and removed.
    Truncated {
        /// The first removed index.
        since: u64,
    },
    /// Entries up to this one are in a snapshot, and were removed.
    Purged(EngineLogId),
    /// Entries up to this one were known to be committed.
    Committed(EngineLogId),
}

/// Why a record does not fit to those before it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {found} follows where {expected} should")]
pub struct GapError {
    /// The index that should have come.
    pub expected: u64,
    /// The index that came.
    pub found: u64,
}

/// The entries of the log, without a gap.
#[derive(Debug, Default)]
pub struct LogIndex {
    purged: Option<EngineLogId>,
    /// The index of the first entry as long as nothing was purged.
    begin: u64,
    entries: VecDeque<Entry<TypeConfig>>,
    committed: Option<EngineLogId>,
    payload_bytes: usize,
}

impl LogIndex {
    /// Takes in the next record, in the order in which records were written.
    ///
    /// # Errors
    /// [`GapError`] for an entry that leaves a gap.
    pub fn take_in(&mut self, event: LogEvent) -> Result<(), GapError> {
        match event {
            LogEvent::Entry(entry) => self.append(entry)?,
            LogEvent::Truncated { since } => self.truncate(since),
            LogEvent::Purged(upto) => self.purge(upto),
            LogEvent::Committed(log_id) => self.committed = self.committed.max(Some(log_id)),
        }
        Ok(())
    }

    /// Adds the next entry. One at or below the purge point is already in a snapshot and is passed over. The very
    /// first entry may have any index.
    ///
    /// # Errors
    /// [`GapError`] if it is not the next.
    pub fn append(&mut self, entry: Entry<TypeConfig>) -> Result<(), GapError> {
        let found = entry.get_log_id().index;
        if self.purged.is_none() && self.entries.is_empty() {
            self.begin = found;
        }
        let expected = self.next_index();
        if found < self.first_index() {
            return Ok(());
        }
        if found != expected {
            return Err(GapError { expected, found });
        }
        self.payload_bytes += payload_bytes(&entry);
        self.entries.push_back(entry);
        Ok(())
    }

    /// Removes the entries from `since` on.
    pub fn truncate(&mut self, since: u64) {
        while self.next_index() > since {
            match self.entries.pop_back() {
                Some(entry) => self.payload_bytes -= payload_bytes(&entry),
                None => return,
            }
        }
    }

    /// Removes the entries up to `upto`, which may be beyond the last one.
    pub fn purge(&mut self, upto: EngineLogId) {
        if self.purged.is_some_and(|purged| purged.index >= upto.index) {
            return;
        }
        while self.first_index() <= upto.index {
            match self.entries.pop_front() {
                Some(entry) => {
                    self.payload_bytes -= payload_bytes(&entry);
                    self.purged = Some(*entry.get_log_id());
                }
                None => break,
            }
        }
        self.purged = Some(upto);
    }

    /// The entries with an index in `start..end` that are here.
    pub fn range(&self, start: u64, end: u64) -> Vec<Entry<TypeConfig>> {
        let first = self.first_index();
        let from = usize::try_from(start.max(first) - first).unwrap_or(usize::MAX);
        let to = usize::try_from(end.max(first) - first)
            .unwrap_or(usize::MAX)
            .min(self.entries.len());
        if from >= to {
            return Vec::new();
        }
        self.entries.range(from..to).cloned().collect()
    }

    /// The first of [`Self::range`], but no more than about `bytes` of payload; at least one if there is one.
    pub fn limited_range(&self, start: u64, end: u64, bytes: usize) -> Vec<Entry<TypeConfig>> {
        let mut entries = self.range(start, end);
        let mut total = 0;
        let fitting = entries
            .iter()
            .take_while(|entry| {
                let fits = total <= bytes;
                total += payload_bytes(entry);
                fits
            })
            .count();
        entries.truncate(fitting.max(1));
        entries
    }

    /// Up to where entries were purged.
    pub fn purged(&self) -> Option<EngineLogId> {
        self.purged
    }

    /// The last entry, or the purge point if there is none after it.
    pub fn last(&self) -> Option<EngineLogId> {
        self.entries
            .back()
            .map(|entry| *entry.get_log_id())
            .or(self.purged)
    }

    /// Up to where entries are known to be committed, as far as they are here.
    pub fn committed(&self) -> Option<EngineLogId> {
        self.committed.min(self.last())
    }

    /// Payload of all entries here, in bytes.
    pub fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    /// The index of the first entry that is here, or would be.
    pub fn first_index(&self) -> u64 {
        self.purged.map_or(self.begin, |purged| purged.index + 1)
    }

    fn next_index(&self) -> u64 {
        self.first_index() + self.entries.len() as u64
    }
}

fn payload_bytes(entry: &Entry<TypeConfig>) -> usize {
    match &entry.payload {
        openraft::EntryPayload::Normal(batch) => batch.len_bytes(),
        openraft::EntryPayload::Blank | openraft::EntryPayload::Membership(_) => 0,
    }
}
