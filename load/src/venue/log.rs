//! The log: written before anybody is told, read when a venue is started again.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use shakedown_record::venue::{VenueEvent, VenueLine};

/// Appends to the log.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    buffer: Vec<u8>,
}

impl Log {
    /// Opens the file, and ends a line that a killed process left torn.
    pub(super) fn open(path: &Path) -> io::Result<Log> {
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)?;
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(Log {
            file,
            buffer: Vec::new(),
        })
    }

    /// Notes what happened; it is in the file after [`Log::write`].
    pub(super) fn note(&mut self, at_ns: u64, event: VenueEvent) {
        let line = VenueLine { at_ns, event };
        // Such a line always has a JSON.
        if serde_json::to_writer(&mut self.buffer, &line).is_ok() {
            self.buffer.push(b'\n');
        }
    }

    /// Hands everything that was noted to the kernel.
    pub(super) fn write(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.file.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use shakedown_record::venue::read_venue;

    use super::*;

    #[test]
    fn a_torn_line_is_ended_and_everything_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("venue.jsonl");
        for resumed in 0..3 {
            let mut log = Log::open(&path).unwrap();
            log.note(resumed, VenueEvent::Started { resumed });
            log.write().unwrap();
            log.note(9, VenueEvent::Started { resumed: 9 });
            log.buffer.truncate(7);
            log.write().unwrap();
        }
        let lines = read_venue(&path).unwrap().unwrap();
        let at: Vec<u64> = lines.iter().map(|line| line.at_ns).collect();
        assert_eq!(at, [0, 1, 2]);
    }
}
