//! Connections of sessions, as the generator saw them end: what orders that end with a connection are judged by.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::reader::LedgerError;
use super::retry::read_lines;

/// The last moment of a connection. What a session was acknowledged between two of them came over the later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionEnd {
    pub session: u16,
    /// When the client saw it, in nanoseconds since zero.
    pub at_ns: u64,
    /// It had not ended then: the session was kept connected until the copies had been read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

/// Appends to the file of one load thread.
#[derive(Debug)]
pub struct ConnectionWriter {
    file: File,
    lines: Vec<u8>,
}

impl ConnectionWriter {
    /// Opens the file of a load thread in the ledger's folder, and makes it if there is none.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(ledger: &Path, thread: usize) -> io::Result<Self> {
        Ok(Self {
            file: OpenOptions::new()
                .create(true)
                .append(true)
                .open(path(ledger, thread))?,
            lines: Vec::new(),
        })
    }

    /// Adds one, to be written with the next [`ConnectionWriter::flush`].
    pub fn add(&mut self, end: &ConnectionEnd) {
        if serde_json::to_writer(&mut self.lines, end).is_ok() {
            self.lines.push(b'\n');
        }
    }

    /// Writes what was added.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        let written = self.file.write_all(&self.lines);
        self.lines.clear();
        written
    }
}

fn path(ledger: &Path, thread: usize) -> PathBuf {
    ledger.join(format!("connections-{thread}.jsonl"))
}

/// What all load threads saw of their connections, each file in its order; `None` when nobody looked.
///
/// # Errors
/// When a file exists and cannot be read or parsed.
pub fn read_connection_ends(ledger: &Path) -> Result<Option<Vec<ConnectionEnd>>, LedgerError> {
    if !path(ledger, 0).exists() {
        return Ok(None);
    }
    let mut ends = Vec::new();
    for thread in 0.. {
        let path = path(ledger, thread);
        if !path.exists() {
            break;
        }
        ends.extend(read_lines::<ConnectionEnd>(&path)?);
    }
    Ok(Some(ends))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_wrote_is_read_and_without_a_file_nobody_looked() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_connection_ends(folder.path()).unwrap(), None);
        let end = |session, at_ns, kept| ConnectionEnd {
            session,
            at_ns,
            kept,
        };
        let all = [end(0, 5, false), end(0, 9, true), end(1, 7, false)];
        let mut first = ConnectionWriter::open(folder.path(), 0).unwrap();
        first.add(&all[0]);
        first.flush().unwrap();
        let mut again = ConnectionWriter::open(folder.path(), 0).unwrap();
        again.add(&all[1]);
        again.flush().unwrap();
        let mut second = ConnectionWriter::open(folder.path(), 1).unwrap();
        second.add(&all[2]);
        second.flush().unwrap();
        let read = read_connection_ends(folder.path()).unwrap().unwrap();
        assert_eq!(read, all);
    }
}
