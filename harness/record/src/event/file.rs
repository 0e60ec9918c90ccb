//! The file of the events: one JSON object a line, linked by hashes, each flushed at once.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use super::{Event, Stamped};
use crate::chain::Chain;
use crate::clock::monotonic_ns;

/// Appends events to `events.jsonl`; each is flushed at once, so that a dead run keeps what happened.
#[derive(Debug)]
pub struct EventWriter {
    file: File,
    chain: Chain,
}

impl EventWriter {
    /// Creates the file.
    ///
    /// # Errors
    /// When it cannot be created, or exists.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::create_new(path)?,
            chain: Chain::default(),
        })
    }

    /// Appends an event stamped now and returns the stamp.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, event: Event) -> io::Result<Stamped> {
        let stamped = Stamped {
            mono_ns: monotonic_ns(),
            event,
        };
        self.append(&stamped)?;
        Ok(stamped)
    }

    /// Appends an event that carries its own stamp.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, stamped: &Stamped) -> io::Result<()> {
        let mut line = serde_json::to_vec(stamped)?;
        self.chain.link(&mut line);
        line.push(b'\n');
        self.file.write_all(&line)
    }

    /// Syncs the file to disk.
    ///
    /// # Errors
    /// When it cannot be synced.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Why events cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    #[error("cannot read {path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("{path}, line {line}: not an event of this version: {what}")]
    Line {
        path: String,
        line: usize,
        what: String,
    },
}

/// Reads all events in order. A torn last line (the run was killed while writing it) is dropped.
///
/// # Errors
/// When the file is missing or a line other than the last is no event.
pub fn read_events(path: &Path) -> Result<Vec<Stamped>, EventError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|source| EventError::Io {
        path: name.clone(),
        source,
    })?;
    let lines: Vec<String> = BufReader::new(file)
        .lines()
        .collect::<io::Result<_>>()
        .map_err(|source| EventError::Io {
            path: name.clone(),
            source,
        })?;
    let mut events = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        match serde_json::from_str(line) {
            Ok(event) => events.push(event),
            Err(_) if index + 1 == lines.len() => break,
            Err(error) => {
                return Err(EventError::Line {
                    path: name,
                    line: index + 1,
                    what: error.to_string(),
                });
            }
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Firing;

    #[test]
    fn events_round_trip_and_a_torn_last_line_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut writer = EventWriter::create(&path).unwrap();
        let first = writer.write(Event::SteadyReached).unwrap();
        let firing = Firing {
            fault: "leader-dies".into(),
            occurrence: 0,
        };
        let second = writer.write(Event::FaultInjected { firing }).unwrap();
        writer.file.write_all(b"{\"mono_ns\": 12, \"eve").unwrap();
        assert_eq!(read_events(&path).unwrap(), [first, second]);
    }

    #[test]
    fn damage_in_the_middle_is_an_error_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        std::fs::write(&path, "{}\n{\"mono_ns\":1,\"event\":\"steady-reached\"}\n").unwrap();
        assert!(matches!(
            read_events(&path),
            Err(EventError::Line { line: 1, .. })
        ));
    }
}
