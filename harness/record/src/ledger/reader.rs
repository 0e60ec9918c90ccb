//! Reading the ledger of a finished (or dead) run, slot by slot.
#![allow(unsafe_code)]

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::{ENTRY_BYTES, Entry, NoEntry, SEGMENT_ENTRIES, segment_name};

/// Why a ledger cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("cannot read {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is damaged at slot {slot}: {what}")]
    Damaged {
        path: PathBuf,
        slot: u64,
        what: NoEntry,
    },
    #[error("{path}, line {line}: {what}")]
    Line {
        path: PathBuf,
        line: usize,
        what: String,
    },
}

/// The segments of a ledger, mapped read-only.
#[derive(Debug)]
pub struct LedgerReader {
    folder: PathBuf,
    segments: Vec<Mmap>,
}

impl LedgerReader {
    /// Opens the ledger in a folder; a folder without segments is an empty ledger.
    ///
    /// # Errors
    /// When a segment exists and cannot be mapped.
    pub fn open(folder: &Path) -> Result<Self, LedgerError> {
        let mut segments = Vec::new();
        loop {
            let path = folder.join(segment_name(segments.len() as u64 * SEGMENT_ENTRIES));
            let length = match fs::metadata(&path) {
                Ok(metadata) => metadata.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(source) => return Err(LedgerError::Io { path, source }),
            };
            if length == 0 {
                break;
            }
            let file = File::open(&path).map_err(|source| LedgerError::Io {
                path: path.clone(),
                source,
            })?;
            // SAFETY: run directories are append-only while the run goes on and never written afterwards; a file
            // that somebody cuts under us ends this reader by a signal, it cannot give wrong figures.
            let map =
                unsafe { Mmap::map(&file) }.map_err(|source| LedgerError::Io { path, source })?;
            segments.push(map);
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            segments,
        })
    }

    /// Slots for which there is room in the files; slots beyond the schedule are empty.
    pub fn capacity(&self) -> u64 {
        self.segments
            .iter()
            .map(|segment| (segment.len() / ENTRY_BYTES) as u64)
            .sum()
    }

    /// The entry of a slot; `None` when nothing was written there.
    ///
    /// # Errors
    /// When the bytes are no entry.
    #[inline]
    pub fn get(&self, slot: u64) -> Result<Option<Entry>, LedgerError> {
        self.look(slot).map_err(|what| self.damaged(slot, what))
    }

    /// The same, and only what is wrong with the bytes.
    ///
    /// # Errors
    /// When the bytes are no entry.
    #[inline]
    pub fn look(&self, slot: u64) -> Result<Option<Entry>, NoEntry> {
        let at = (slot % SEGMENT_ENTRIES) as usize * ENTRY_BYTES;
        let segment = self.segments.get((slot / SEGMENT_ENTRIES) as usize);
        let bytes = segment.and_then(|segment| segment.get(at..)?.first_chunk());
        bytes.map_or(Ok(None), Entry::decode)
    }

    /// The damage of a slot with its file.
    pub fn damaged(&self, slot: u64, what: NoEntry) -> LedgerError {
        LedgerError::Damaged {
            path: self.folder.join(segment_name(slot)),
            slot,
            what,
        }
    }

    /// How many segments there are.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// Every slot of a segment in order, as [`LedgerReader::look`] finds it.
    pub fn slots_of(
        &self,
        segment: usize,
    ) -> impl Iterator<Item = (u64, Result<Option<Entry>, NoEntry>)> + '_ {
        let first = segment as u64 * SEGMENT_ENTRIES;
        let bytes: &[u8] = self.segments.get(segment).map_or(&[], |map| map);
        let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
        let slots = (first..first + SEGMENT_ENTRIES).zip(entries);
        slots.map(|(slot, bytes)| (slot, Entry::decode(bytes)))
    }

    /// Every written slot in order.
    pub fn entries(&self) -> impl Iterator<Item = Result<(u64, Entry), LedgerError>> + '_ {
        let slots = (0..self.segments()).flat_map(|segment| self.slots_of(segment));
        slots.filter_map(|(slot, found)| match found {
            Ok(entry) => entry.map(|entry| Ok((slot, entry))),
            Err(what) => Some(Err(self.damaged(slot, what))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::sample;
    use super::super::{Entry, LedgerWriter, SEGMENT_ENTRIES};
    use super::LedgerReader;

    #[test]
    fn what_two_writers_wrote_is_read_back_across_segments() {
        let folder = tempfile::tempdir().unwrap();
        let slots = [
            0,
            1,
            SEGMENT_ENTRIES - 1,
            SEGMENT_ENTRIES,
            SEGMENT_ENTRIES + 5,
        ];
        let (mut even, mut odd) = (
            LedgerWriter::new(folder.path()),
            LedgerWriter::new(folder.path()),
        );
        for slot in slots {
            let writer = if slot % 2 == 0 { &mut even } else { &mut odd };
            writer
                .put(
                    slot,
                    &Entry {
                        outcome: None,
                        ..sample(slot)
                    },
                )
                .unwrap();
            writer.put(slot, &sample(slot)).unwrap();
        }
        even.release_below(SEGMENT_ENTRIES);
        drop((even, odd));
        LedgerWriter::finish(folder.path(), SEGMENT_ENTRIES + 6).unwrap();
        let reader = LedgerReader::open(folder.path()).unwrap();
        assert_eq!(reader.capacity(), SEGMENT_ENTRIES + 6);
        let read: Vec<(u64, Entry)> = reader.entries().map(Result::unwrap).collect();
        assert_eq!(read, slots.map(|slot| (slot, sample(slot))));
    }

    #[test]
    fn an_empty_folder_is_an_empty_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let reader = LedgerReader::open(folder.path()).unwrap();
        assert_eq!((reader.capacity(), reader.entries().count()), (0, 0));
    }
}
