//! A worker's own ledger, taken into the run's: all of it, or what was not sent before the worker died.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use shakedown_record::OutcomeCounts;
use shakedown_record::ledger::{
    ENTRY_BYTES, Entry, LedgerError, LedgerReader, LedgerWriter, OrderKind,
};

use super::coordinator::Party;
use super::take::renumbered;
use crate::config::Share;
use crate::flow::{Course, Flow};
use crate::pacing::Schedule;

/// A slot and its entry.
const ROW_BYTES: usize = 8 + ENTRY_BYTES;

/// Why a shard could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    #[error(transparent)]
    Read(#[from] LedgerError),
    #[error("the ledger cannot be written: {0}")]
    Write(#[from] io::Error),
    #[error("the ledger that was handed over is cut")]
    Cut,
    #[error("slot {0} of the ledger that was handed over is no entry")]
    NoEntry(u64),
    #[error("there is no order flow: {0}")]
    Flow(String),
}

/// Takes entries of a dead worker's ledger that the run's does not have, or has without an end; returns how many.
///
/// An entry that never ended stays one: it is unresolved when it was written to a socket, and never sent otherwise.
/// Done twice it does nothing the second time.
///
/// # Errors
/// When the shard cannot be read or the ledger cannot be written.
pub fn salvage(
    shard: &Path,
    ledger: &Path,
    (share, sessions): (Share, u32),
    numbers: &[u8],
) -> Result<u64, ShardError> {
    let (from, known) = (LedgerReader::open(shard)?, LedgerReader::open(ledger)?);
    let mut writer = LedgerWriter::new(ledger);
    let mut taken = 0;
    for entry in from.entries() {
        let (slot, mut entry) = entry?;
        if !share.owns(slot, sessions) {
            continue;
        }
        let has_ended = match known.get(slot)? {
            Some(known) => known.outcome.is_some() || entry.outcome.is_none(),
            None => false,
        };
        if !has_ended {
            entry.served_by = renumbered(entry.served_by, numbers);
            writer.put(slot, &entry)?;
            writer.release_below(slot);
            taken += 1;
        }
    }
    Ok(taken)
}

/// Writes the ledger of a worker that has ended, entry by entry, for [`take_over`].
///
/// # Errors
/// When it cannot be read, or nobody takes it.
pub fn hand_over(folder: &Path, to: &mut impl Write) -> Result<u64, ShardError> {
    let mut count = 0;
    for entry in LedgerReader::open(folder)?.entries() {
        let (slot, entry) = entry?;
        to.write_all(&slot.to_le_bytes())?;
        to.write_all(&entry.encode())?;
        count += 1;
    }
    to.flush()?;
    Ok(count)
}

/// Makes a ledger in a new folder of what [`hand_over`] wrote.
///
/// # Errors
/// When it is cut or no ledger, or cannot be written.
pub fn take_over(from: &mut impl Read, folder: &Path) -> Result<u64, ShardError> {
    fs::create_dir_all(folder)?;
    let mut writer = LedgerWriter::new(folder);
    let (mut count, mut bytes) = (0, Vec::new());
    from.read_to_end(&mut bytes)?;
    if bytes.len() % ROW_BYTES != 0 {
        return Err(ShardError::Cut);
    }
    for row in bytes.chunks_exact(ROW_BYTES) {
        let (slot, entry) = row.split_at(8);
        let slot = u64::from_le_bytes(slot.try_into().expect("a slot has eight bytes"));
        let entry = Entry::decode(entry.try_into().expect("rows are this long"));
        let entry = entry.ok().flatten().ok_or(ShardError::NoEntry(slot))?;
        writer.put(slot, &entry)?;
        writer.release_below(slot);
        count += 1;
    }
    Ok(count)
}

/// Counts every slot of a share from `next` on that was due before `until_ns` as sent and unresolved: nobody knows better. What
/// it asked is written as the stream has it, with a new order where it had another message. Returns how many.
///
/// # Errors
/// When the ledger cannot be written.
pub(super) fn assume_sent(
    party: &Party,
    share: Share,
    next: u64,
    until_ns: u64,
) -> Result<u64, ShardError> {
    let load = &party.load;
    let flow = Flow::new(load, party.seed).map_err(|error| ShardError::Flow(error.to_string()))?;
    let mut courses = vec![Course::default(); load.sessions as usize];
    let mut writer = LedgerWriter::new(&party.ledger);
    let mut count = 0;
    let due = Schedule::new(load.arrival.clone(), party.seed);
    for slot in due.take_while(|slot| slot.at_ns < until_ns) {
        if !share.owns(slot.index, load.sessions) {
            continue;
        }
        let session = slot.index % u64::from(load.sessions);
        let draft = flow.draft_in(&mut courses[session as usize], slot.index, slot.at_ns);
        if slot.index < next {
            continue;
        }
        let entry = Entry {
            intended_ns: slot.at_ns,
            sent_ns: Some(slot.at_ns),
            done_ns: None,
            lag_ns: 0,
            kind: match draft.kind {
                OrderKind::Oversized => OrderKind::Oversized,
                _ => OrderKind::New,
            },
            side: draft.side,
            symbol: draft.symbol,
            account: draft.account,
            session: session as u16,
            price_ticks: draft.price_ticks,
            quantity_lots: draft.quantity_lots,
            target: None,
            sequence: None,
            served_by: 0,
            outcome: None,
        };
        writer.put(slot.index, &entry)?;
        writer.release_below(slot.index);
        count += 1;
    }
    Ok(count)
}

/// What the run's ledger has of a share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// How its slots ended.
    pub outcomes: OutcomeCounts,
    /// One more than the highest of them.
    pub slots_end: u64,
    /// The run time after which none of them was due, in nanoseconds.
    pub until_ns: u64,
}

/// Counts the slots of a share in the run's ledger.
///
/// # Errors
/// When it cannot be read.
pub(super) fn count(ledger: &Path, share: Share, sessions: u32) -> Result<Counted, LedgerError> {
    let mut counted = Counted::default();
    for entry in LedgerReader::open(ledger)?.entries() {
        let (slot, entry) = entry?;
        if share.owns(slot, sessions) {
            counted.outcomes.add(entry.settled(), 1);
            counted.slots_end = slot + 1;
            counted.until_ns = counted.until_ns.max(entry.intended_ns + 1);
        }
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::ProptestConfig;
    use proptest::{collection, prop_assert_eq, proptest};
    use shakedown_record::Outcome;

    use super::super::block::tests::acked;
    use super::*;

    const SESSIONS: u32 = 8;

    fn share(worker: u32) -> Share {
        Share {
            worker,
            workers: 4,
            beside: true,
        }
    }

    fn write(folder: &Path, entries: &[(u64, Entry)]) {
        let mut writer = LedgerWriter::new(folder);
        for (slot, entry) in entries {
            writer.put(*slot, entry).unwrap();
        }
        drop(writer);
        let end = entries.iter().map(|(slot, _)| slot + 1).max().unwrap_or(0);
        LedgerWriter::finish(folder, end).unwrap();
    }

    fn read(folder: &Path) -> Vec<(u64, Entry)> {
        let reader = LedgerReader::open(folder).unwrap();
        reader.entries().map(Result::unwrap).collect()
    }

    /// How an order may stand when its worker dies.
    fn entry(slot: u64, state: u8) -> Entry {
        let mut entry = acked(slot);
        match state {
            0 => {}
            1 => entry.outcome = Some(Outcome::Timeout),
            2 => (entry.outcome, entry.done_ns) = (None, None),
            _ => (entry.outcome, entry.done_ns, entry.sent_ns) = (None, None, None),
        }
        entry
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// Four shards in any state, taken in any order, once or twice, are what one ledger of all would be.
        #[test]
        fn shards_taken_are_the_union(
            states in collection::vec(0..5u8, 1..200),
            first in 0..4u32,
            again in 0..2u32,
        ) {
            let folders: Vec<_> = (0..5).map(|_| tempfile::tempdir().unwrap()).collect();
            let written: Vec<(u64, Entry)> = states
                .iter()
                .enumerate()
                .filter(|(_, state)| **state < 4)
                .map(|(slot, state)| (slot as u64, entry(slot as u64, *state)))
                .collect();
            for worker in 0..4 {
                let own: Vec<_> = written
                    .iter()
                    .filter(|(slot, _)| share(worker).owns(*slot, SESSIONS))
                    .copied()
                    .collect();
                write(folders[worker as usize].path(), &own);
            }
            let ledger = folders[4].path();
            for turn in 0..4 + again {
                let worker = (first + turn) % 4;
                let shard = folders[worker as usize].path();
                salvage(shard, ledger, (share(worker), SESSIONS), &[]).unwrap();
                // Shorter files are read sooner.
                LedgerWriter::finish(ledger, states.len() as u64).unwrap();
            }
            prop_assert_eq!(read(ledger), written.clone());
            let mut outcomes = OutcomeCounts::default();
            for worker in 0..4 {
                outcomes.merge(&count(ledger, share(worker), SESSIONS).unwrap().outcomes);
            }
            let mut union = OutcomeCounts::default();
            written.iter().for_each(|(_, entry)| union.add(entry.settled(), 1));
            prop_assert_eq!(outcomes, union);
        }
    }

    #[test]
    fn a_ledger_that_is_handed_over_is_the_same_and_a_cut_one_is_refused() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let own = [(0, acked(0)), (4, entry(4, 2)), (900, entry(900, 1))];
        write(here.path(), &own);
        let mut wire = Vec::new();
        assert_eq!(hand_over(here.path(), &mut wire).unwrap(), 3);
        let shard = there.path().join("worker-1");
        assert_eq!(take_over(&mut wire.as_slice(), &shard).unwrap(), 3);
        assert_eq!(read(&shard), own);
        let cut = take_over(&mut &wire[..100], &there.path().join("cut"));
        assert!(matches!(cut, Err(ShardError::Cut)), "{cut:?}");
        wire[8 + 61] = 0;
        let none = take_over(&mut wire.as_slice(), &there.path().join("none"));
        assert!(matches!(none, Err(ShardError::NoEntry(0))), "{none:?}");
    }

    #[test]
    fn what_was_sent_before_it_died_is_kept_and_the_rest_counted_as_what_it_is() {
        let (shard, ledger) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let sent = Entry {
            served_by: 3,
            ..acked(0)
        };
        write(ledger.path(), &[(0, sent)]);
        let own = [
            (0, acked(0)),
            (4, entry(4, 2)),
            (8, entry(8, 3)),
            (9, acked(9)),
        ];
        write(shard.path(), &own);
        let taken = salvage(shard.path(), ledger.path(), (share(0), SESSIONS), &[]).unwrap();
        assert_eq!(taken, 2, "its own, which were not there");
        assert_eq!(read(ledger.path())[0], (0, sent));
        let counted = count(ledger.path(), share(0), SESSIONS).unwrap();
        let outcomes = counted.outcomes;
        assert_eq!(
            (outcomes.acked, outcomes.unresolved, outcomes.not_sent),
            (1, 1, 1)
        );
        assert_eq!((counted.slots_end, counted.until_ns), (9, 8_000_001));
    }
}
