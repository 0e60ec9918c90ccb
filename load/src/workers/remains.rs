//! What workers leave behind: their own ledgers, taken into the run's when one of them was lost, or when their coordinator died
//! and nobody else can.

use std::path::Path;
use std::{fs, io};

use shakedown_record::worker::Parts;

use super::names;
use super::shard::{ShardError, salvage};
use crate::config::Share;

/// What was taken of the workers of a run that died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remains {
    pub workers: u32,
    /// Entries that the run's ledger did not have, or had without an end.
    pub taken: u64,
    /// Workers, from 1, of which no ledger was found.
    pub without: Vec<u32>,
}

/// Takes the ledgers of the workers of a run that died into the run's. `None` when there is nothing to take, or it was taken
/// before. Only when all are taken one of them is removed: whoever is ended in the middle of this begins again.
///
/// # Errors
/// When one cannot be read, or the run's cannot be written; nothing is removed then.
pub fn take_remains(shards: &Path, ledger: &Path) -> Result<Option<Remains>, ShardError> {
    let Some(mut parts) = Parts::read(shards)? else {
        return Ok(None);
    };
    let mut taken = 0;
    let was_taken = !parts.without.is_empty();
    if !was_taken {
        let mut all = names::kept(ledger)?;
        for worker in 0..parts.workers {
            let shard = Parts::shard(shards, worker + 1);
            if !shard.exists() {
                parts.without.push(worker + 1);
                continue;
            }
            let mut numbers = Vec::new();
            if names::number(&mut all, &mut numbers, names::kept(&shard)?) {
                names::keep(ledger, &all)?;
            }
            let share = Share {
                worker,
                workers: parts.workers,
                beside: true,
            };
            taken += take_shard(&shard, ledger, (share, parts.sessions), &numbers)?;
        }
        match parts.without.is_empty() {
            true => Parts::remove(shards)?,
            false => parts.write(shards)?,
        }
    }
    for worker in 1..=parts.workers {
        remove(&Parts::shard(shards, worker));
    }
    Ok((!was_taken).then_some(Remains {
        workers: parts.workers,
        taken,
        without: parts.without,
    }))
}

/// Entries and ids that a dead worker had not sent; how many entries. One that died before it began has none.
///
/// # Errors
/// When they cannot be read or written.
pub(super) fn take_shard(
    shard: &Path,
    ledger: &Path,
    ours: (Share, u32),
    numbers: &[u8],
) -> Result<u64, ShardError> {
    if !shard.exists() {
        return Ok(0);
    }
    let taken = salvage(shard, ledger, ours, numbers)?;
    take_ids(shard, ledger)?;
    Ok(taken)
}

/// Lines of ids that a dead worker had not sent: its files are what it sent and more. A line that it was writing when it died
/// is none.
fn take_ids(shard: &Path, ledger: &Path) -> io::Result<()> {
    for entry in fs::read_dir(shard)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("server-ids-") {
            let mut lines = fs::read(entry.path())?;
            let whole = lines.iter().rposition(|byte| *byte == b'\n');
            lines.truncate(whole.map_or(0, |at| at + 1));
            fs::write(ledger.join(name), lines)?;
        }
    }
    Ok(())
}

/// Removes a shard that was taken; the last one goes with the folder in which they lay.
pub(super) fn remove(shard: &Path) {
    if !shard.exists() {
        return;
    }
    if let Err(error) = fs::remove_dir_all(shard) {
        tracing::warn!("{} is left behind: {error}", shard.display());
    } else if let Some(folder) = shard.parent() {
        remove_if_empty(folder);
    }
}

/// Nothing is left to be merged.
pub(super) fn all_merged(shards: &Path) {
    match Parts::remove(shards) {
        Ok(()) => remove_if_empty(shards),
        Err(error) => tracing::warn!("{} is left behind: {error}", shards.display()),
    }
}

fn remove_if_empty(folder: &Path) {
    if fs::remove_dir(folder).is_ok() {
        tracing::debug!("{} is merged", folder.display());
    }
}

#[cfg(test)]
mod tests {
    use shakedown_record::ledger::{Entry, LedgerReader, LedgerWriter};

    use super::super::block::tests::acked;
    use super::*;

    const SESSIONS: u32 = 8;

    fn write(folder: &Path, entries: &[(u64, Entry)]) {
        fs::create_dir_all(folder).unwrap();
        let mut writer = LedgerWriter::new(folder);
        for (slot, entry) in entries {
            writer.put(*slot, entry).unwrap();
        }
    }

    fn read(folder: &Path) -> Vec<(u64, Entry)> {
        let reader = LedgerReader::open(folder).unwrap();
        reader.entries().map(Result::unwrap).collect()
    }

    fn by(slot: u64, served_by: u8) -> (u64, Entry) {
        let entry = Entry {
            served_by,
            ..acked(slot)
        };
        (slot, entry)
    }

    fn text(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    /// A run of two workers: slot 0 had arrived, the rest had not.
    fn died() -> tempfile::TempDir {
        let run = tempfile::tempdir().unwrap();
        let (ledger, workers) = (run.path().join("ledger"), run.path().join("workers"));
        let parts = Parts {
            workers: 2,
            sessions: SESSIONS,
            without: Vec::new(),
        };
        parts.write(&workers).unwrap();
        write(&ledger, &[by(0, 1)]);
        names::keep(&ledger, &text(&["a"])).unwrap();
        let open = Entry {
            outcome: None,
            done_ns: None,
            ..acked(4)
        };
        write(&Parts::shard(&workers, 1), &[by(0, 1), by(2, 2), (4, open)]);
        names::keep(&Parts::shard(&workers, 1), &text(&["a", "b"])).unwrap();
        let second = Parts::shard(&workers, 2);
        write(&second, &[by(1, 1), by(3, 0)]);
        names::keep(&second, &text(&["c"])).unwrap();
        fs::write(second.join("server-ids-1.jsonl"), "one\ntwo\nth").unwrap();
        run
    }

    fn take(run: &tempfile::TempDir) -> Result<Option<Remains>, ShardError> {
        take_remains(&run.path().join("workers"), &run.path().join("ledger"))
    }

    #[test]
    fn all_that_workers_wrote_is_in_the_ledger_of_their_run_afterwards() {
        let run = died();
        let remains = take(&run).unwrap().unwrap();
        assert_eq!((remains.taken, remains.without), (4, vec![]));
        let ledger = run.path().join("ledger");
        let slots: Vec<_> = read(&ledger)
            .iter()
            .map(|(slot, entry)| (*slot, entry.served_by, entry.outcome.is_some()))
            .collect();
        let expected = [
            (0, 1, true),
            (1, 3, true),
            (2, 2, true),
            (3, 0, true),
            (4, 0, false),
        ];
        assert_eq!(slots, expected);
        assert_eq!(names::kept(&ledger).unwrap(), ["a", "b", "c"]);
        let ids = fs::read_to_string(ledger.join("server-ids-1.jsonl")).unwrap();
        assert_eq!(ids, "one\ntwo\n");
        assert!(!run.path().join("workers").exists());
        assert_eq!(take(&run).unwrap(), None, "there is nothing left to take");
    }

    #[test]
    fn a_ledger_that_is_gone_is_named_and_the_others_are_taken() {
        let run = died();
        let workers = run.path().join("workers");
        fs::remove_dir_all(Parts::shard(&workers, 1)).unwrap();
        let remains = take(&run).unwrap().unwrap();
        assert_eq!((remains.taken, remains.without), (2, vec![1]));
        let parts = Parts::read(&workers).unwrap().unwrap();
        assert!(parts.lacking().contains("worker 1 of 2"), "{parts:?}");
        assert_eq!(take(&run).unwrap(), None);
    }

    #[test]
    fn nothing_is_removed_while_one_of_them_cannot_be_read() {
        let run = died();
        let second = Parts::shard(&run.path().join("workers"), 2);
        fs::write(second.join("served-by.json"), "{").unwrap();
        assert!(take(&run).is_err());
        assert!(second.exists() && run.path().join("workers/worker-1").exists());
        names::keep(&second, &text(&["c"])).unwrap();
        let remains = take(&run).unwrap().unwrap();
        assert_eq!(remains.taken, 2, "what was taken at first is there already");
        assert_eq!(read(&run.path().join("ledger")).len(), 5);
    }
}
