//! Files and folders that are open. All data goes to the data folder through [`OpenFile`] alone, at once.

use std::collections::HashMap;
use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustix::fs::{Dir, FallocateFlags, SeekFrom, fallocate, fdatasync, fsync, ftruncate, seek};
use rustix::io::{Errno, pread, pwrite, retry_on_intr};

use super::encode::{Answer, FolderPage};
use super::inodes::look;
use super::room::{Room, new_bytes, occupied};

/// Open things by the numbers that the kernel was given for them.
#[derive(Debug)]
pub(super) struct Handles<T> {
    table: RwLock<(u64, HashMap<u64, Arc<T>>)>,
}

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Handles {
            table: RwLock::new((0, HashMap::new())),
        }
    }
}

impl<T> Handles<T> {
    pub(super) fn add(&self, opened: T) -> u64 {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.0 += 1;
        let handle = table.0;
        table.1.insert(handle, Arc::new(opened));
        handle
    }

    pub(super) fn get(&self, handle: u64) -> Result<Arc<T>, Errno> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.1.get(&handle).cloned().ok_or(Errno::BADF)
    }

    pub(super) fn remove(&self, handle: u64) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.1.remove(&handle);
    }
}

/// A file of the data folder, open.
#[derive(Debug)]
pub(super) struct OpenFile {
    fd: OwnedFd,
}

impl OpenFile {
    pub(super) fn of(fd: OwnedFd) -> OpenFile {
        OpenFile { fd }
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Up to so many bytes from `offset`; fewer only at the end of the file.
    pub(super) fn read(&self, offset: u64, bytes: u32) -> Result<Vec<u8>, Errno> {
        let mut data = vec![0; bytes as usize];
        let mut read = 0;
        while read < data.len() {
            let at = offset + read as u64;
            match retry_on_intr(|| pread(&self.fd, &mut data[read..], at))? {
                0 => break,
                more => read += more,
            }
        }
        data.truncate(read);
        Ok(data)
    }

    /// Writes as much as there is room for, and says how much that was.
    pub(super) fn write(&self, room: &Room, offset: u64, data: &[u8]) -> Result<u32, Errno> {
        let (allowed, taken) = self.room_for(room, offset, data.len())?;
        match self.write_all(offset, &data[..allowed]) {
            Ok(written) => Ok(written),
            Err(error) => {
                room.give_back(taken);
                Err(error)
            }
        }
    }

    fn write_all(&self, offset: u64, data: &[u8]) -> Result<u32, Errno> {
        let mut written = 0;
        while written < data.len() {
            let at = offset + written as u64;
            match retry_on_intr(|| pwrite(&self.fd, &data[written..], at)) {
                Ok(0) => break,
                Ok(more) => written += more,
                Err(error) if written == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(written as u32)
    }

    /// How many bytes may be written here, and how much room was taken for them.
    fn room_for(&self, room: &Room, offset: u64, bytes: usize) -> Result<(usize, u64), Errno> {
        if room.left().is_none() {
            return Ok((bytes, 0));
        }
        let seen = look(&self.fd)?;
        let new = new_bytes(&self.fd, &seen, offset, bytes as u64);
        if occupied(&seen) < seen.stx_size {
            // In a file with holes the new bytes are not simply the last ones.
            room.take(new)?;
            return Ok((bytes, new));
        }
        let old = bytes as u64 - new;
        let taken = match room.take_up_to(new) {
            Err(_) if old > 0 => 0,
            taken => taken?,
        };
        Ok(((old + taken) as usize, taken))
    }

    pub(super) fn sync(&self, data_only: bool) -> Result<(), Errno> {
        if data_only {
            retry_on_intr(|| fdatasync(&self.fd))
        } else {
            retry_on_intr(|| fsync(&self.fd))
        }
    }

    pub(super) fn truncate(&self, room: &Room, size: u64) -> Result<(), Errno> {
        if room.left().is_none() {
            return retry_on_intr(|| ftruncate(&self.fd, size));
        }
        let before = occupied(&look(&self.fd)?);
        retry_on_intr(|| ftruncate(&self.fd, size))?;
        room.give_back(before.saturating_sub(size));
        Ok(())
    }

    pub(super) fn allocate(
        &self,
        room: &Room,
        offset: u64,
        bytes: u64,
        mode: u32,
    ) -> Result<(), Errno> {
        let mode = FallocateFlags::from_bits_retain(mode);
        let frees = FallocateFlags::PUNCH_HOLE | FallocateFlags::COLLAPSE_RANGE;
        let mut new = 0;
        if room.left().is_some() && !mode.intersects(frees) {
            new = new_bytes(&self.fd, &look(&self.fd)?, offset, bytes);
            room.take(new)?;
        }
        retry_on_intr(|| fallocate(&self.fd, mode, offset, bytes))
            .inspect_err(|_| room.give_back(new))
    }

    /// The next data or hole; other places the kernel finds itself.
    pub(super) fn seek(&self, offset: u64, whence: u32) -> Result<u64, Errno> {
        match whence {
            3 => seek(&self.fd, SeekFrom::Data(offset)),
            4 => seek(&self.fd, SeekFrom::Hole(offset)),
            _ => Err(Errno::INVAL),
        }
    }
}

#[derive(Debug)]
struct FolderEntry {
    inode: u64,
    kind: u32,
    name: CString,
}

/// A folder that is open, and its entries as they were when it was last read from the start.
#[derive(Debug)]
pub(super) struct OpenFolder {
    fd: OwnedFd,
    entries: Mutex<Vec<FolderEntry>>,
}

impl OpenFolder {
    pub(super) fn of(fd: OwnedFd) -> OpenFolder {
        OpenFolder {
            fd,
            entries: Mutex::default(),
        }
    }

    pub(super) fn read(&self, offset: u64, bytes: u32) -> Result<Answer, Errno> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if offset == 0 {
            *entries = self.entries()?;
        }
        let mut page = FolderPage::of_at_most(bytes);
        let from = usize::try_from(offset).map_err(|_| Errno::INVAL)?;
        for (index, entry) in entries.iter().enumerate().skip(from) {
            if !page.push(entry.inode, index as u64 + 1, entry.kind, &entry.name) {
                break;
            }
        }
        Ok(page.into_answer())
    }

    fn entries(&self) -> Result<Vec<FolderEntry>, Errno> {
        let of_entry = |entry: rustix::fs::DirEntry| FolderEntry {
            inode: entry.ino(),
            kind: entry.file_type().as_raw_mode() >> 12,
            name: entry.file_name().to_owned(),
        };
        Dir::read_from(&self.fd)?
            .map(|entry| entry.map(of_entry))
            .collect()
    }

    pub(super) fn sync(&self, data_only: bool) -> Result<(), Errno> {
        if data_only {
            retry_on_intr(|| fdatasync(&self.fd))
        } else {
            retry_on_intr(|| fsync(&self.fd))
        }
    }
}
