//! Where there is no ledger of everything: the digest of a load, and a ledger of what was disturbed.

use std::io;
use std::path::PathBuf;

use shakedown_record::ledger::{Entry, LedgerWriter};
use shakedown_record::load_digest::LoadDigest;
use shakedown_record::slots::SlotStats;

use super::tally::Collected;

/// The digest of a load while it fills. Entries that it asks to keep are numbered anew, without gaps.
#[derive(Debug)]
pub(crate) struct Scratch {
    digest: LoadDigest,
    folder: PathBuf,
    ledger: LedgerWriter,
    kept: u64,
    failure: Option<io::Error>,
}

impl Scratch {
    /// For a load that is meant to last `duration_ns`; what is kept goes into `folder`.
    pub fn new(folder: PathBuf, timeout_ns: u64, duration_ns: u64) -> Scratch {
        Scratch {
            digest: LoadDigest::new(timeout_ns, duration_ns),
            ledger: LedgerWriter::new(&folder),
            folder,
            kept: 0,
            failure: None,
        }
    }

    /// Takes the next 100 ms slot, and returns its figures and its list, emptied.
    pub fn take(&mut self, mut collected: Collected) -> (SlotStats, Vec<(u64, Entry)>) {
        collected.entries.sort_unstable_by_key(|(slot, _)| *slot);
        if self.digest.add(collected.tally, &collected.entries) {
            for (_, entry) in &collected.entries {
                if let Err(error) = self.ledger.put(self.kept, entry) {
                    self.failure.get_or_insert(error);
                }
                self.kept += 1;
            }
            self.ledger.release_below(self.kept);
        }
        collected.entries.clear();
        let last = self.digest.slots.last();
        let stats = last.map_or_else(SlotStats::default, |interval| interval.stats);
        (stats, collected.entries)
    }

    /// The digest as far as it is filled.
    pub fn digest(&self) -> &LoadDigest {
        &self.digest
    }

    /// The digest, when all slots were taken.
    ///
    /// # Errors
    /// When an entry could not be kept.
    pub fn end(mut self) -> io::Result<LoadDigest> {
        self.digest.end();
        if let Some(error) = self.failure {
            return Err(error);
        }
        drop(self.ledger);
        LedgerWriter::finish(&self.folder, self.kept)?;
        Ok(self.digest)
    }
}
