//! What a worker tells of its load: ids, entries, 100 ms slots, and the last word.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use shakedown_record::ledger::LedgerError;
use shakedown_record::slots::SLOT_NS;
use shakedown_scenarios::plan::LoadPlan;

use super::block::Chain;
use super::duty::{Voice, WorkerError};
use super::feed::Feed;
use super::message::{Ended, FromWorker};
use crate::config::Share;
use crate::generator::Generator;

/// What the coordinator is told of the load.
pub(super) struct Tale {
    feed: Feed,
    ids: Vec<IdFile>,
    chain: Chain,
    entries: u64,
    folder: PathBuf,
    /// Names that were told.
    names: usize,
}

impl Tale {
    /// Nothing was told yet.
    ///
    /// # Errors
    /// When the ledger's folder cannot be read.
    pub(super) fn new(ledger: &Path, share: Share, plan: &LoadPlan) -> Result<Tale, LedgerError> {
        let ids = (0..plan.threads).map(|thread| share.thread(thread as usize));
        Ok(Tale {
            feed: Feed::new(ledger, share, plan.sessions)?,
            ids: ids.map(|thread| IdFile::new(ledger, thread)).collect(),
            chain: Chain::default(),
            entries: 0,
            folder: ledger.to_path_buf(),
            names: 0,
        })
    }

    /// All that has ended since the last time: entries before the slots that they are in.
    pub(super) fn tell(&mut self, generator: &Generator, voice: &Voice) -> Result<(), WorkerError> {
        let tallies = generator.take_tallies();
        let Some((last, _)) = tallies.last() else {
            return Ok(());
        };
        self.tell_names(&generator.served_by(), voice)?;
        self.send_entries((*last as u64 + 1) * SLOT_NS as u64, voice)?;
        for (index, tally) in tallies {
            voice.say(&FromWorker::Slot { index, tally })?;
        }
        Ok(())
    }

    fn tell_names(&mut self, names: &[String], voice: &Voice) -> Result<(), WorkerError> {
        if names.len() > self.names {
            self.names = names.len();
            let names = names.to_vec();
            super::names::keep(&self.folder, &names)?;
            voice.say(&FromWorker::Names { names })?;
        }
        Ok(())
    }

    fn send_entries(&mut self, until_ns: u64, voice: &Voice) -> Result<(), WorkerError> {
        for file in &mut self.ids {
            if let Some(lines) = file.more()? {
                let thread = file.thread;
                voice.say(&FromWorker::ServerIds { thread, lines })?;
            }
        }
        loop {
            let entries = self.feed.before(until_ns)?;
            if entries.is_empty() {
                return Ok(());
            }
            self.entries += entries.len() as u64;
            voice.send_block(&self.chain.pack(&entries))?;
        }
    }

    /// The rest of the ledger, and the last word.
    pub(super) fn end(mut self, generator: Generator, voice: &Voice) -> Result<(), WorkerError> {
        let slots = generator.take_tallies();
        let names = generator.served_by();
        let (finished, lags) = generator.finish_in_full()?;
        self.tell_names(&names, voice)?;
        self.feed.reopen()?;
        self.send_entries(u64::MAX, voice)?;
        for (index, tally) in slots {
            voice.say(&FromWorker::Slot { index, tally })?;
        }
        let report = finished.report;
        voice.say(&FromWorker::Ended(Box::new(Ended {
            scheduled: finished.scheduled,
            outcomes: report.outcomes,
            end_ns: finished.end_ns,
            entries: self.entries,
            digest: self.chain.digest().to_string(),
            send_lag: lags.send_lag.counts(),
            session_wait: lags.session_wait.counts(),
            why: report.why,
            steal_fraction: report.steal_fraction,
            throttled_ns: report.throttled_ns,
            terms: finished.terms,
        })))?;
        Ok(())
    }
}

/// A file of ids that the engine made, which grows.
struct IdFile {
    thread: u32,
    path: PathBuf,
    told: u64,
}

impl IdFile {
    fn new(ledger: &Path, thread: u64) -> IdFile {
        IdFile {
            thread: thread as u32,
            path: ledger.join(format!("server-ids-{thread}.jsonl")),
            told: 0,
        }
    }

    /// The whole lines that came since the last call.
    fn more(&mut self) -> io::Result<Option<String>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(self.told))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        bytes.truncate(whole.map_or(0, |at| at + 1));
        self.told += bytes.len() as u64;
        Ok((!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn only_whole_lines_are_told_and_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut ids = IdFile::new(folder.path(), 3);
        assert_eq!(ids.more().unwrap(), None);
        let mut file = File::create(folder.path().join("server-ids-3.jsonl")).unwrap();
        file.write_all(b"one\ntwo\nth").unwrap();
        assert_eq!(ids.more().unwrap().as_deref(), Some("one\ntwo\n"));
        assert_eq!(ids.more().unwrap(), None);
        file.write_all(b"ree\n").unwrap();
        assert_eq!(ids.more().unwrap().as_deref(), Some("three\n"));
    }
}
