//! Terms of leaders, as acknowledgements told them: by which it is seen whether a leader went on after it was deposed.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::reader::LedgerError;
use super::retry::read_lines;

/// What a load was told of one term. Times are nanoseconds since zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermSeen {
    pub term: u64,
    /// Requests that were acknowledged with it.
    pub acked: u64,
    /// When the first of these acknowledgements came, and of which slot it was.
    pub first_acked_ns: u64,
    pub first_slot: u64,
    /// When the last of these requests was sent, and its slot.
    pub last_sent_ns: u64,
    pub last_slot: u64,
}

impl TermSeen {
    fn add(&mut self, other: &TermSeen) {
        self.acked += other.acked;
        if other.first_acked_ns < self.first_acked_ns {
            (self.first_acked_ns, self.first_slot) = (other.first_acked_ns, other.first_slot);
        }
        if other.last_sent_ns > self.last_sent_ns {
            (self.last_sent_ns, self.last_slot) = (other.last_sent_ns, other.last_slot);
        }
    }
}

/// All terms that a load was told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms(Vec<TermSeen>);

impl Terms {
    /// Terms that are kept; an engine that tells another with every answer tells none.
    pub const MOST: usize = 1000;

    /// A request was acknowledged with this term.
    pub fn note(&mut self, term: u64, slot: u64, sent_ns: u64, acked_ns: u64) {
        self.add(&TermSeen {
            term,
            acked: 1,
            first_acked_ns: acked_ns,
            first_slot: slot,
            last_sent_ns: sent_ns,
            last_slot: slot,
        });
    }

    /// Adds what another thread or worker was told.
    pub fn merge(&mut self, other: &Terms) {
        other.0.iter().for_each(|seen| self.add(seen));
    }

    /// All of them, in no order.
    pub fn all(&self) -> &[TermSeen] {
        &self.0
    }

    fn add(&mut self, seen: &TermSeen) {
        // The present one is the last.
        let known = self.0.iter().rposition(|it| it.term == seen.term);
        match known {
            Some(known) => self.0[known].add(seen),
            None if self.0.len() < Self::MOST => self.0.push(*seen),
            None => {}
        }
    }

    /// Writes them into the ledger's folder; nothing where there are none.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, ledger: &Path) -> io::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        for seen in &self.0 {
            serde_json::to_writer(&mut lines, seen)?;
            lines.push(b'\n');
        }
        std::fs::write(path(ledger), lines)
    }

    /// Those of a ledger; none where no acknowledgement told any.
    ///
    /// # Errors
    /// When the file exists and cannot be read or parsed.
    pub fn read(ledger: &Path) -> Result<Terms, LedgerError> {
        read_lines(&path(ledger)).map(Terms)
    }
}

fn path(ledger: &Path) -> PathBuf {
    ledger.join("terms.jsonl")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_term_the_first_answer_and_the_last_sending_are_kept() {
        let mut one = Terms::default();
        one.note(1, 7, 100, 150);
        one.note(1, 8, 130, 140);
        let mut other = Terms::default();
        other.note(2, 9, 300, 310);
        other.note(1, 3, 90, 170);
        one.merge(&other);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Terms::read(folder.path()).unwrap(), Terms::default());
        Terms::default().write(folder.path()).unwrap();
        assert!(!path(folder.path()).exists());
        one.write(folder.path()).unwrap();
        let read = Terms::read(folder.path()).unwrap();
        assert_eq!(read, one);
        let told = |seen: &TermSeen| {
            let first = (seen.first_acked_ns, seen.first_slot);
            (
                seen.term,
                seen.acked,
                first,
                (seen.last_sent_ns, seen.last_slot),
            )
        };
        let all: Vec<_> = read.all().iter().map(told).collect();
        assert_eq!(
            all,
            [(1, 3, (140, 8), (130, 8)), (2, 1, (310, 9), (300, 9))]
        );
    }

    #[test]
    fn terms_without_end_fill_no_memory() {
        let mut terms = Terms::default();
        (0..5000).for_each(|term| terms.note(term, term, 0, 0));
        assert_eq!(terms.all().len(), Terms::MOST);
    }
}
