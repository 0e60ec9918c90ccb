//! The coordinator's side of the ledger: what a worker sends is checked, and written where the run's ledger is.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use shakedown_record::OutcomeCounts;
use shakedown_record::ledger::{Entry, LedgerWriter};

use super::block::Chain;
use super::message::Ended;
use super::names;
use crate::config::Share;

/// Names of the nodes that served anybody; the first has number 1.
pub(super) type AllNames = Arc<Mutex<Vec<String>>>;

/// What one worker has sent.
#[derive(Debug)]
pub(super) struct Taking {
    share: Share,
    sessions: u32,
    folder: PathBuf,
    ledger: LedgerWriter,
    chain: Chain,
    last: Option<u64>,
    ids: BTreeMap<u32, File>,
    all_names: AllNames,
    /// The number of each of its names among all names.
    pub numbers: Vec<u8>,
    pub entries: u64,
    pub outcomes: OutcomeCounts,
}

impl Taking {
    /// Nothing was sent yet. `folder`: the run's ledger.
    pub(super) fn new(share: Share, sessions: u32, folder: &Path, all_names: AllNames) -> Taking {
        Taking {
            share,
            sessions,
            folder: folder.to_path_buf(),
            ledger: LedgerWriter::new(folder),
            chain: Chain::default(),
            last: None,
            ids: BTreeMap::new(),
            all_names,
            numbers: Vec::new(),
            entries: 0,
            outcomes: OutcomeCounts::default(),
        }
    }

    /// Checks a block, all of it, and only then writes its entries.
    ///
    /// # Errors
    /// When it is not what this worker may send next, or cannot be written.
    pub(super) fn block(&mut self, block: &[u8]) -> Result<(), String> {
        let entries = self.chain.unpack(block)?;
        for (slot, entry) in &entries {
            self.check(*slot, entry)?;
            self.last = Some(*slot);
        }
        for (slot, mut entry) in entries {
            self.entries += 1;
            self.outcomes.add(entry.settled(), 1);
            entry.served_by = renumbered(entry.served_by, &self.numbers);
            let written = self.ledger.put(slot, &entry);
            written.map_err(|error| format!("its entries cannot be written: {error}"))?;
        }
        if let Some(last) = self.last {
            self.ledger.release_below(last);
        }
        Ok(())
    }

    fn check(&self, slot: u64, entry: &Entry) -> Result<(), String> {
        if !self.share.owns(slot, self.sessions)
            || u64::from(entry.session) != slot % u64::from(self.sessions)
        {
            return Err(format!("slot {slot} is not one of its own"));
        }
        if self.last.is_some_and(|last| slot <= last) {
            return Err(format!("slot {slot} came a second time"));
        }
        if entry.outcome.is_none() {
            return Err(format!("slot {slot} has not ended"));
        }
        Ok(())
    }

    /// The first slot that may come next.
    pub(super) fn next(&self) -> u64 {
        self.last.map_or(0, |last| last + 1)
    }

    /// The names that its numbers stand for.
    ///
    /// # Errors
    /// When a new one cannot be kept.
    pub(super) fn names(&mut self, names: Vec<String>) -> Result<(), String> {
        let mut all = self
            .all_names
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if names::number(&mut all, &mut self.numbers, names) {
            names::keep(&self.folder, &all)
                .map_err(|error| format!("its names cannot be written: {error}"))?;
        }
        Ok(())
    }

    /// Lines of a file of ids that the engine made.
    ///
    /// # Errors
    /// When they are of another worker's thread, or cannot be written.
    pub(super) fn ids(&mut self, thread: u32, lines: &str) -> Result<(), String> {
        if thread % self.share.workers != self.share.worker {
            return Err(format!("load thread {thread} is not one of its own"));
        }
        let file = match self.ids.entry(thread) {
            std::collections::btree_map::Entry::Occupied(file) => file.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let path = self.folder.join(format!("server-ids-{thread}.jsonl"));
                let opened = OpenOptions::new().create(true).append(true).open(path);
                place.insert(opened.map_err(|error| format!("its ids cannot be written: {error}"))?)
            }
        };
        file.write_all(lines.as_bytes())
            .map_err(|error| format!("its ids cannot be written: {error}"))
    }

    /// True when its last word is what it sent.
    ///
    /// # Errors
    /// What differs.
    pub(super) fn agrees(&self, ended: &Ended) -> Result<(), String> {
        if ended.digest != self.chain.digest() || ended.entries != self.entries {
            return Err(format!(
                "its ledger of {} entries arrived as one of {} with another digest",
                ended.entries, self.entries
            ));
        }
        if ended.outcomes != self.outcomes || ended.scheduled != self.entries {
            return Err(format!(
                "it scheduled {} slots and counted {} outcomes, its ledger has {}",
                ended.scheduled,
                ended.outcomes.total(),
                self.entries
            ));
        }
        Ok(())
    }
}

/// The number of a worker's name among all names.
pub(super) fn renumbered(number: u8, numbers: &[u8]) -> u8 {
    let at = usize::from(number).checked_sub(1);
    at.and_then(|at| numbers.get(at)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use shakedown_record::ledger::LedgerReader;

    use super::super::block::tests::acked;
    use super::*;

    const SHARE: Share = Share {
        worker: 1,
        workers: 4,
        beside: true,
    };

    fn taking(folder: &Path) -> Taking {
        Taking::new(SHARE, 8, folder, AllNames::default())
    }

    fn ended(taking: &Taking) -> Ended {
        Ended {
            scheduled: taking.entries,
            outcomes: taking.outcomes,
            end_ns: 0,
            entries: taking.entries,
            digest: taking.chain.digest().to_string(),
            send_lag: Vec::new(),
            session_wait: Vec::new(),
            why: Vec::new(),
            steal_fraction: 0.0,
            throttled_ns: 0,
            terms: shakedown_record::ledger::Terms::default(),
        }
    }

    #[test]
    fn what_is_sent_is_written_under_the_numbers_of_all() {
        let folder = tempfile::tempdir().unwrap();
        let names = AllNames::new(Mutex::new(vec!["engine-1".to_string()]));
        let mut taking = Taking::new(SHARE, 8, folder.path(), names);
        taking.names(vec!["engine-2".into()]).unwrap();
        let both = vec!["engine-2".into(), "engine-1".into()];
        taking.names(both).unwrap();
        let mut chain = Chain::default();
        let by = |slot, served_by| {
            (
                slot,
                Entry {
                    served_by,
                    ..acked(slot)
                },
            )
        };
        let block = chain.pack(&[by(1, 1), by(5, 2), by(9, 0)]);
        taking.block(&block).unwrap();
        taking.agrees(&ended(&taking)).unwrap();
        let read = LedgerReader::open(folder.path()).unwrap();
        let numbers = [1, 5, 9].map(|slot| read.get(slot).unwrap().unwrap().served_by);
        assert_eq!(numbers, [2, 1, 0]);
    }

    #[test]
    fn what_is_not_its_own_is_refused_and_nothing_of_it_written() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |entries: &[(u64, Entry)]| {
            let mut taking = taking(folder.path());
            let first = taking.chain.clone().pack(&[(1, acked(1))]);
            taking.block(&first).unwrap();
            let next = taking.chain.clone().pack(entries);
            taking.block(&next).unwrap_err()
        };
        assert!(refused(&[(5, acked(5)), (2, acked(2))]).contains("slot 2 is not one of its own"));
        assert!(refused(&[(1, acked(1))]).contains("slot 1 came a second time"));
        let open = Entry {
            outcome: None,
            ..acked(5)
        };
        assert!(refused(&[(5, open)]).contains("slot 5 has not ended"));
        let read = LedgerReader::open(folder.path()).unwrap();
        assert_eq!(read.get(5).unwrap(), None);
    }

    #[test]
    fn a_last_word_with_another_digest_or_count_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut taking = taking(folder.path());
        let block = taking.chain.clone().pack(&[(1, acked(1)), (5, acked(5))]);
        taking.block(&block).unwrap();
        let said = ended(&taking);
        let digest = Ended {
            digest: "0".repeat(64),
            ..said.clone()
        };
        assert!(
            taking
                .agrees(&digest)
                .unwrap_err()
                .contains("another digest")
        );
        let mut fewer = said.clone();
        fewer.scheduled = 3;
        assert!(taking.agrees(&fewer).unwrap_err().contains("scheduled 3"));
        let mut other = said;
        other.outcomes.acked = 1;
        other.outcomes.timeout = 1;
        assert!(taking.agrees(&other).is_err());
    }
}
