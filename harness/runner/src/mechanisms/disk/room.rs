//! How much may still be written: a full disk without filling any.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{SeekFrom, Statx, seek};
use rustix::io::Errno;

const BLOCK_BYTES: u64 = 512;

/// The room of a disk, in bytes; without a bound nothing is counted.
#[derive(Debug, Default)]
pub(super) struct Room {
    left: Mutex<Option<u64>>,
    refused: AtomicU64,
}

impl Room {
    pub(super) fn set(&self, left_bytes: Option<u64>) {
        *self.lock() = left_bytes;
    }

    /// What may still be written, when there is a bound.
    pub(super) fn left(&self) -> Option<u64> {
        *self.lock()
    }

    /// How often there was none.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Takes all of it.
    ///
    /// # Errors
    /// `ENOSPC` when there is less; nothing is taken then.
    pub(super) fn take(&self, bytes: u64) -> Result<(), Errno> {
        if let Some(left) = self.lock().as_mut() {
            *left = left.checked_sub(bytes).ok_or_else(|| self.refuse())?;
        }
        Ok(())
    }

    /// Takes up to so much, and says how much it was.
    ///
    /// # Errors
    /// `ENOSPC` when something was wanted and there is nothing.
    pub(super) fn take_up_to(&self, bytes: u64) -> Result<u64, Errno> {
        match self.lock().as_mut() {
            Some(0) if bytes > 0 => Err(self.refuse()),
            Some(left) => {
                let taken = bytes.min(*left);
                *left -= taken;
                Ok(taken)
            }
            None => Ok(bytes),
        }
    }

    pub(super) fn give_back(&self, bytes: u64) {
        if let Some(left) = self.lock().as_mut() {
            *left = left.saturating_add(bytes);
        }
    }

    fn refuse(&self) -> Errno {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Errno::NOSPC
    }

    fn lock(&self) -> MutexGuard<'_, Option<u64>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a file occupies, in bytes: its length, or less if it has holes.
pub(super) fn occupied(seen: &Statx) -> u64 {
    seen.stx_size
        .min(seen.stx_blocks.saturating_mul(BLOCK_BYTES))
}

/// How many bytes of this range of a file are new places: behind its end, or in a hole. What was allocated before
/// is none.
pub(super) fn new_bytes(file: &OwnedFd, seen: &Statx, offset: u64, bytes: u64) -> u64 {
    let end = offset.saturating_add(bytes);
    let behind = end.saturating_sub(offset.max(seen.stx_size));
    if occupied(seen) >= seen.stx_size {
        return behind;
    }
    let inside = end.min(seen.stx_size);
    let mut at = offset;
    let mut in_holes = 0;
    while at < inside {
        // ENXIO: no data after this place, only the hole up to the end.
        let data = seek(file, SeekFrom::Data(at)).unwrap_or(inside).min(inside);
        in_holes += data - at;
        if data == inside {
            break;
        }
        at = seek(file, SeekFrom::Hole(data))
            .unwrap_or(inside)
            .max(data + 1);
    }
    behind + in_holes
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::super::inodes::look;
    use super::*;

    #[test]
    fn room_is_taken_until_there_is_none_and_comes_back() {
        let room = Room::default();
        assert_eq!(room.take(u64::MAX), Ok(()), "no bound");
        room.set(Some(10));
        assert_eq!(room.take(4), Ok(()));
        assert_eq!(room.take(7), Err(Errno::NOSPC));
        assert_eq!(room.take_up_to(7), Ok(6));
        assert_eq!(room.take_up_to(0), Ok(0), "overwriting needs none");
        assert_eq!(room.take_up_to(1), Err(Errno::NOSPC));
        assert_eq!((room.left(), room.refused()), (Some(0), 2));
        room.give_back(3);
        assert_eq!(room.left(), Some(3));
        room.set(None);
        assert_eq!(room.take_up_to(50), Ok(50));
    }

    #[test]
    fn only_new_places_count() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[1; 8192], 0).unwrap();
        file.set_len(65536).unwrap();
        file.write_all_at(&[1; 4096], 32768).unwrap();
        file.sync_all().unwrap();
        let file = OwnedFd::from(file);
        let new = |offset, bytes| new_bytes(&file, &look(&file).unwrap(), offset, bytes);
        assert_eq!(new(0, 8192), 0, "written before");
        assert_eq!(new(4096, 8192), 4096, "half in the hole");
        assert_eq!(new(32768, 4096), 0, "the island");
        assert_eq!(new(16384, 32768), 28672, "hole, island, hole");
        assert_eq!(new(61440, 8192), 8192, "hole, then behind the end");
        assert_eq!(new(70000, 10), 10);
    }
}
