//! Writing the ledger: each load thread maps the segments it needs and writes only its own slots.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use memmap2::MmapMut;

use super::{ENTRY_BYTES, Entry, SEGMENT_ENTRIES, segment_name};

/// Writes entries by slot. Several writers (one per thread) may share a folder as long as each slot has one writer.
#[derive(Debug)]
pub struct LedgerWriter {
    folder: PathBuf,
    segments: BTreeMap<u64, MmapMut>,
}

impl LedgerWriter {
    /// A writer into an existing folder.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
            segments: BTreeMap::new(),
        }
    }

    /// Writes the entry of a slot, over what was there.
    ///
    /// # Errors
    /// When a new segment cannot be created (disk full, rights).
    pub fn put(&mut self, slot: u64, entry: &Entry) -> io::Result<()> {
        let number = slot / SEGMENT_ENTRIES;
        if !self.segments.contains_key(&number) {
            self.open(number)?;
        }
        let segment = self.segments.get_mut(&number).expect("opened above");
        let at = (slot % SEGMENT_ENTRIES) as usize * ENTRY_BYTES;
        segment[at..at + ENTRY_BYTES].copy_from_slice(&entry.encode());
        Ok(())
    }

    /// Forgets segments that lie wholly below `slot`, so that the mapped memory stays constant over a long run.
    pub fn release_below(&mut self, slot: u64) {
        self.segments = self.segments.split_off(&(slot / SEGMENT_ENTRIES));
    }

    fn open(&mut self, number: u64) -> io::Result<()> {
        let path = self.folder.join(segment_name(number * SEGMENT_ENTRIES));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        file.set_len(SEGMENT_ENTRIES * ENTRY_BYTES as u64)?;
        // SAFETY: the file lies in a run directory that this run created; it is only ever grown to this fixed length
        // and cut after all writers are gone, and other writers of the same file touch other slots.
        let map = unsafe { MmapMut::map_mut(&file)? };
        self.segments.insert(number, map);
        Ok(())
    }

    /// Cuts the last segment to the slots that were scheduled and syncs all; call after every writer is dropped.
    ///
    /// # Errors
    /// When a file cannot be opened, cut or synced.
    pub fn finish(folder: &Path, scheduled: u64) -> io::Result<()> {
        for number in 0..scheduled.div_ceil(SEGMENT_ENTRIES) {
            let used = (scheduled - number * SEGMENT_ENTRIES).min(SEGMENT_ENTRIES);
            let path = folder.join(segment_name(number * SEGMENT_ENTRIES));
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            file.set_len(used * ENTRY_BYTES as u64)?;
            file.sync_data()?;
        }
        Ok(())
    }
}
