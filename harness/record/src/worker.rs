//! One of the processes that made the load together, and what it leaves behind.

use std::path::{Path, PathBuf};
use std::{fs, io};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outcome::OutcomeCounts;

/// How far a worker's times may be from the coordinator's, in nanoseconds: a tenth of a 100 ms slot.
pub const CLOCK_ERROR_BUDGET_NS: u64 = 10_000_000;

/// What is known of a worker at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerReport {
    /// From 1.
    pub worker: u32,
    /// Where it ran, in words.
    pub place: String,
    /// Slots that it scheduled, as far as the ledger knows.
    pub scheduled: u64,
    pub outcomes: OutcomeCounts,
    /// Of its slots: those of which nobody knows what became of them, because its own ledger was lost with it. They count as
    /// unresolved.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unknown: u64,
    /// Its clock minus the coordinator's when the load began, in nanoseconds; zero of its times was set by it.
    pub clock_offset_ns: i64,
    /// Its times are the coordinator's within this, over the whole run, in nanoseconds.
    pub clock_error_ns: u64,
    /// Why it did not work to the end.
    pub lost: Option<String>,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl WorkerReport {
    /// Its times can be set beside those of others.
    pub fn is_in_time(&self) -> bool {
        self.clock_error_ns <= CLOCK_ERROR_BUDGET_NS
    }
}

/// How sessions are shared among workers whose ledgers are not all in the run's yet. It lies beside those ledgers from before
/// the first order until the last of them is merged; where a run died it says what is still to be merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    pub workers: u32,
    pub sessions: u32,
    /// Set when the others were merged after the run had died: workers, from 1, of which no ledger was found.
    #[serde(default)]
    pub without: Vec<u32>,
}

/// The file of [`Parts`].
const PARTS_FILE: &str = "parts.json";

impl Parts {
    /// The folder of a worker's own ledger, from 1, among those of the others.
    pub fn shard(folder: &Path, worker: u32) -> PathBuf {
        folder.join(format!("worker-{worker}"))
    }

    /// What lies in this folder; `None`: nothing is to be merged.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(folder: &Path) -> io::Result<Option<Parts>> {
        match fs::read(folder.join(PARTS_FILE)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it as a whole, over what was there; the folder is made.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let new = folder.join(format!("{PARTS_FILE}.new"));
        fs::write(&new, serde_json::to_vec(self)?)?;
        fs::rename(new, folder.join(PARTS_FILE))
    }

    /// Removes it: everything is merged.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(folder: &Path) -> io::Result<()> {
        match fs::remove_file(folder.join(PARTS_FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// What a judgement of this run lacks, in words.
    pub fn lacking(&self) -> String {
        match self.without.as_slice() {
            [] => format!(
                "the ledgers of its {} workers are not all in the run's; those of a run that died are taken in by \
                 `shakedown recover`",
                self.workers
            ),
            without => {
                let names: Vec<String> = without.iter().map(u32::to_string).collect();
                format!(
                    "no ledger of its own was found of worker {} of {}: what it sent last is not known",
                    names.join(", "),
                    self.workers
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_there_from_the_first_order_until_all_is_merged() {
        let folder = tempfile::tempdir().unwrap();
        let workers = folder.path().join("workers");
        assert_eq!(Parts::read(&workers).unwrap(), None);
        let mut parts = Parts {
            workers: 4,
            sessions: 64,
            without: Vec::new(),
        };
        parts.write(&workers).unwrap();
        assert_eq!(Parts::read(&workers).unwrap(), Some(parts.clone()));
        assert!(parts.lacking().contains("shakedown recover"));
        parts.without = vec![2, 3];
        parts.write(&workers).unwrap();
        let read = Parts::read(&workers).unwrap().unwrap();
        assert!(read.lacking().contains("worker 2, 3 of 4"), "{read:?}");
        Parts::remove(&workers).unwrap();
        Parts::remove(&workers).unwrap();
        assert_eq!(Parts::read(&workers).unwrap(), None);
        std::fs::write(workers.join(PARTS_FILE), "{").unwrap();
        assert!(Parts::read(&workers).is_err());
    }
}
