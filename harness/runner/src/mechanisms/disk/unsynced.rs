//! What a power cut would take: for each file, what it takes to make it again what it was when it was last synced.
//!
//! A file goes back as a whole: nothing that was written after its last `fsync` or `fdatasync` is kept, and all that
//! was written before is. Names are not taken back: what was created, renamed or removed stays so.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{Mode, OFlags, ftruncate, open};
use rustix::io::{Errno, pread, pwrite, retry_on_intr};
use serde::{Deserialize, Serialize};

use super::inodes::{Key, key, look};

/// What is overwritten is kept in blocks of so many bytes.
const BLOCK_BYTES: u64 = 4096;

/// What power cuts have taken from a disk since it was mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Taken {
    /// Files that went back to what they were when they were last synced.
    pub files: u64,
    /// Bytes that had been written to them since, each as often as it was written.
    pub bytes: u64,
}

/// A file that was changed since it was synced, as it was then.
#[derive(Debug)]
struct Undo {
    /// Holds the file, whatever becomes of its names, so that its number cannot pass to another.
    file: OwnedFd,
    size: u64,
    /// What was overwritten or cut off, by the number of the block; only what lay within the size.
    blocks: BTreeMap<u64, Vec<u8>>,
    written: u64,
}

/// `None`: nothing was changed since the last sync.
type Slot = Arc<Mutex<Option<Undo>>>;

/// What is not synced, of all files of a disk. Nothing is kept until somebody wants it.
#[derive(Debug, Default)]
pub(super) struct Unsynced {
    wanted: AtomicBool,
    files: Mutex<HashMap<Key, Slot>>,
    taken: Mutex<Taken>,
}

impl Unsynced {
    /// From now on what is overwritten is kept; what is there counts as synced.
    pub(super) fn keep(&self) {
        self.wanted.store(true, Ordering::SeqCst);
    }

    pub(super) fn taken(&self) -> Taken {
        *locked(&self.taken)
    }

    /// Makes a change to a place of a file, once what stands there is kept.
    ///
    /// # Errors
    /// Those of the change, and of reading what it overwrites.
    pub(super) fn changing<T>(
        &self,
        file: &OwnedFd,
        place: Range<u64>,
        change: impl FnOnce() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        if !self.wanted.load(Ordering::Relaxed) {
            return change();
        }
        let slot = self.slot(file)?;
        let mut slot = locked(&slot);
        let undo = match slot.take() {
            Some(undo) => undo,
            None => Undo::of(file)?,
        };
        slot.insert(undo).keep(place)?;
        change()
    }

    /// Syncs a file: what was written to it before is safe. Writers of the same file wait meanwhile, so that it is
    /// known which side of the sync a write is on.
    ///
    /// # Errors
    /// Those of the sync; what was not safe is not safe then.
    pub(super) fn syncing(
        &self,
        file: &OwnedFd,
        sync: impl FnOnce() -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        if !self.wanted.load(Ordering::Relaxed) {
            return sync();
        }
        let slot = self.slot(file)?;
        let mut slot = locked(&slot);
        sync()?;
        *slot = None;
        Ok(())
    }

    /// Makes every file what it was when it was last synced.
    ///
    /// # Errors
    /// The first file that cannot be written; the others are gone through all the same.
    pub(super) fn cut(&self) -> Result<(), Errno> {
        let slots: Vec<Slot> = locked(&self.files).drain().map(|(_, slot)| slot).collect();
        let mut outcome = Ok(());
        for slot in slots {
            let Some(undo) = locked(&slot).take() else {
                continue;
            };
            match undo.revert() {
                Ok(()) => {
                    let mut taken = locked(&self.taken);
                    taken.files += 1;
                    taken.bytes += undo.written;
                }
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome
    }

    fn slot(&self, file: &OwnedFd) -> Result<Slot, Errno> {
        let key = key(&look(file)?);
        Ok(Arc::clone(locked(&self.files).entry(key).or_default()))
    }
}

impl Undo {
    fn of(file: &OwnedFd) -> Result<Undo, Errno> {
        // Whoever writes may not be allowed to read.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let file = open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Undo {
            size: look(&file)?.stx_size,
            file,
            blocks: BTreeMap::new(),
            written: 0,
        })
    }

    /// Keeps the blocks of a place that are not kept yet: those are as they were.
    fn keep(&mut self, place: Range<u64>) -> Result<(), Errno> {
        self.written += place.end.saturating_sub(place.start);
        let end = place.end.min(self.size);
        if place.start >= end {
            return Ok(());
        }
        for block in place.start / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES) {
            if !self.blocks.contains_key(&block) {
                let from = block * BLOCK_BYTES;
                let bytes = BLOCK_BYTES.min(self.size - from) as usize;
                let old = self.read(from, bytes)?;
                self.blocks.insert(block, old);
            }
        }
        Ok(())
    }

    fn read(&self, from: u64, bytes: usize) -> Result<Vec<u8>, Errno> {
        let mut old = vec![0; bytes];
        let mut read = 0;
        while read < bytes {
            match retry_on_intr(|| pread(&self.file, &mut old[read..], from + read as u64))? {
                0 => break,
                more => read += more,
            }
        }
        Ok(old)
    }

    fn revert(&self) -> Result<(), Errno> {
        retry_on_intr(|| ftruncate(&self.file, self.size))?;
        for (block, old) in &self.blocks {
            let mut written = 0;
            while written < old.len() {
                let at = block * BLOCK_BYTES + written as u64;
                written += retry_on_intr(|| pwrite(&self.file, &old[written..], at))?;
            }
        }
        Ok(())
    }
}

fn locked<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::Path;

    use rustix::io::pwrite;

    use super::*;

    /// Numbers that follow from a seed.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.0 >> 33) % bound
        }
    }

    /// What a file holds, and what it held when it was last synced.
    #[derive(Default, Clone)]
    struct Model {
        now: Vec<u8>,
        synced: Vec<u8>,
    }

    fn opened(path: &Path) -> OwnedFd {
        OwnedFd::from(File::options().read(true).write(true).open(path).unwrap())
    }

    /// One random operation on one of the files, done to the file and to its model.
    fn step(unsynced: &Unsynced, folder: &Path, models: &mut [(String, Model)], dice: &mut Dice) {
        let which = dice.below(models.len() as u64) as usize;
        let (name, model) = &mut models[which];
        let file = opened(&folder.join(&*name));
        match dice.below(8) {
            0 => {
                unsynced
                    .syncing(&file, || rustix::fs::fdatasync(&file))
                    .unwrap();
                model.synced.clone_from(&model.now);
            }
            1 => {
                let size = dice.below(20_000);
                let cut = || ftruncate(&file, size);
                let place = size..size.max(model.now.len() as u64);
                unsynced.changing(&file, place, cut).unwrap();
                model.now.resize(size as usize, 0);
            }
            2 => {
                let to = format!("renamed-{}", dice.below(1_000_000_000));
                fs::rename(folder.join(&*name), folder.join(&to)).unwrap();
                *name = to;
            }
            _ => {
                let offset = dice.below(16_000) as usize;
                let data = vec![dice.below(255) as u8 + 1; dice.below(9_000) as usize];
                let end = offset + data.len();
                let place = offset as u64..end as u64;
                let write = || pwrite(&file, &data, offset as u64);
                assert_eq!(unsynced.changing(&file, place, write), Ok(data.len()));
                if !data.is_empty() {
                    let size = model.now.len().max(end);
                    model.now.resize(size, 0);
                    model.now[offset..end].copy_from_slice(&data);
                }
            }
        }
    }

    #[test]
    fn after_a_cut_every_file_is_what_it_was_when_it_was_last_synced() {
        for seed in 1..=60 {
            let folder = tempfile::tempdir().unwrap();
            let mut dice = Dice(seed);
            let mut models: Vec<(String, Model)> = Vec::new();
            for name in ["a", "b", "c"] {
                let there = vec![b'x'; dice.below(10_000) as usize];
                fs::write(folder.path().join(name), &there).unwrap();
                let model = Model {
                    now: there.clone(),
                    synced: there,
                };
                models.push((name.to_string(), model));
            }
            let unsynced = Unsynced::default();
            unsynced.keep();
            for _cut in 0..3 {
                for _ in 0..dice.below(60) {
                    step(&unsynced, folder.path(), &mut models, &mut dice);
                }
                unsynced.cut().unwrap();
                for (name, model) in &mut models {
                    let now = fs::read(folder.path().join(&*name)).unwrap();
                    assert!(now == model.synced, "seed {seed}, {name}");
                    model.now = now;
                }
            }
        }
    }

    #[test]
    fn what_is_taken_is_counted_and_what_nobody_wants_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, b"synced").unwrap();
        let file = opened(&path);
        let unsynced = Unsynced::default();
        let append = |text: &'static [u8], at: u64| {
            let place = at..at + text.len() as u64;
            unsynced.changing(&file, place, || pwrite(&file, text, at))
        };
        append(b", lost", 6).unwrap();
        unsynced.cut().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"synced, lost", "it is off");
        unsynced.keep();
        append(b" not yet", 12).unwrap();
        let failed: Result<(), Errno> = unsynced.syncing(&file, || Err(Errno::IO));
        assert_eq!(failed, Err(Errno::IO));
        unsynced.cut().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"synced, lost");
        assert_eq!(unsynced.taken(), Taken { files: 1, bytes: 8 });
    }

    #[test]
    fn a_file_whose_name_is_gone_is_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"first").unwrap();
        let unsynced = Unsynced::default();
        unsynced.keep();
        let file = opened(&path);
        unsynced
            .changing(&file, 0..3, || pwrite(&file, b"xyz", 0))
            .unwrap();
        drop(file);
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"second").unwrap();
        unsynced.cut().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
    }
}
