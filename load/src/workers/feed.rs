//! The worker's side of the ledger: entries that will not change any more, in order of their slots.

use std::path::{Path, PathBuf};

use shakedown_record::ledger::{Entry, LedgerError, LedgerReader};

use crate::config::Share;

/// Most entries that are sent at once.
const MOST: usize = 8_192;

/// Walks along the slots of a share as they end.
#[derive(Debug)]
pub(super) struct Feed {
    folder: PathBuf,
    share: Share,
    sessions: u32,
    reader: LedgerReader,
    next: u64,
    /// When the one before it was due.
    last_ns: u64,
}

impl Feed {
    /// A feed of the ledger in a folder, from the first slot.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(super) fn new(folder: &Path, share: Share, sessions: u32) -> Result<Feed, LedgerError> {
        Ok(Feed {
            folder: folder.to_path_buf(),
            share,
            sessions,
            reader: LedgerReader::open(folder)?,
            next: 0,
            last_ns: 0,
        })
    }

    /// Opens the files anew, which have grown or were cut.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn reopen(&mut self) -> Result<(), LedgerError> {
        self.reader = LedgerReader::open(&self.folder)?;
        Ok(())
    }

    /// The next entries, all of which were due before `until_ns`; every such slot must have ended. Empty: there are no
    /// more.
    ///
    /// The first slot after them may be in the middle of being written. What is read there then is no entry, or one whose
    /// time is not there yet, and it is looked at again later.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub(super) fn before(&mut self, until_ns: u64) -> Result<Vec<(u64, Entry)>, LedgerError> {
        let mut entries = Vec::new();
        while entries.len() < MOST {
            if !self.share.owns(self.next, self.sessions) {
                self.next += 1;
                continue;
            }
            if self.next >= self.reader.capacity() {
                self.reopen()?;
            }
            let entry = match self.reader.get(self.next) {
                Ok(Some(entry)) => entry,
                Ok(None) | Err(LedgerError::Damaged { .. }) => break,
                Err(error) => return Err(error),
            };
            if !(self.last_ns..until_ns).contains(&entry.intended_ns) || entry.outcome.is_none() {
                break;
            }
            self.last_ns = entry.intended_ns;
            entries.push((self.next, entry));
            self.next += 1;
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use shakedown_record::ledger::LedgerWriter;

    use super::super::block::tests::acked;
    use super::*;

    #[test]
    fn an_entry_that_is_being_written_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let share = Share::WHOLE;
        let mut ledger = LedgerWriter::new(folder.path());
        let open = Entry {
            outcome: None,
            done_ns: None,
            ..acked(1)
        };
        let early = Entry {
            intended_ns: 0,
            ..acked(2)
        };
        (3..5).for_each(|slot| ledger.put(slot, &acked(slot)).unwrap());
        ledger.put(0, &acked(0)).unwrap();
        ledger.put(1, &open).unwrap();
        let mut feed = Feed::new(folder.path(), share, 8).unwrap();
        let mut count = || feed.before(u64::MAX).unwrap().len();
        assert_eq!((count(), count()), (1, 0), "slot 1 has not ended");
        ledger.put(1, &acked(1)).unwrap();
        ledger.put(2, &early).unwrap();
        assert_eq!(count(), 1, "the time of slot 2 is not there yet");
        ledger.put(2, &acked(2)).unwrap();
        assert_eq!(count(), 3);
    }

    #[test]
    fn what_has_ended_is_fed_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let share = Share {
            worker: 1,
            workers: 4,
            beside: true,
        };
        let mut feed = Feed::new(folder.path(), share, 8).unwrap();
        assert!(feed.before(u64::MAX).unwrap().is_empty(), "nothing yet");
        let mut ledger = LedgerWriter::new(folder.path());
        for slot in (0..100).filter(|slot| share.owns(*slot, 8)) {
            ledger.put(slot, &acked(slot)).unwrap();
        }
        let slots = |entries: Vec<(u64, Entry)>| -> Vec<u64> {
            entries.into_iter().map(|(slot, _)| slot).collect()
        };
        assert_eq!(slots(feed.before(10_000_000).unwrap()), [1, 5, 9]);
        assert!(feed.before(10_000_000).unwrap().is_empty());
        assert_eq!(slots(feed.before(20_000_000).unwrap()), [13, 17]);
        drop(ledger);
        LedgerWriter::finish(folder.path(), 98).unwrap();
        feed.reopen().unwrap();
        let rest = slots(feed.before(u64::MAX).unwrap());
        assert_eq!(
            (rest.first(), rest.last(), rest.len()),
            (Some(&21), Some(&97), 20)
        );
    }
}
