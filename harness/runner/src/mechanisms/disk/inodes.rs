//! Which file the kernel means by a number: each that it knows is held open, so that no name is looked up twice
//! and nothing outside the data folder can be reached.

use std::collections::HashMap;
use std::ffi::CStr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, PoisonError, RwLock};

use rustix::fs::{AtFlags, Mode, OFlags, Statx, StatxFlags, open, openat, statx};
use rustix::io::Errno;

/// The number of the data folder itself.
pub(super) const ROOT: u64 = 1;

/// A file, folder or link that the kernel knows. Held by an `O_PATH` descriptor: its inode number cannot pass to
/// another file meanwhile.
#[derive(Debug)]
pub(super) struct Inode {
    fd: OwnedFd,
}

/// A file, whatever its names: device and number.
pub(super) type Key = (u32, u32, u64);

#[derive(Debug)]
struct Known {
    inode: Arc<Inode>,
    key: Key,
    lookups: u64,
}

#[derive(Debug)]
struct Table {
    known: HashMap<u64, Known>,
    numbers: HashMap<Key, u64>,
    next: u64,
}

/// All that the kernel knows.
#[derive(Debug)]
pub(super) struct Inodes {
    table: RwLock<Table>,
}

impl Inode {
    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// A path that leads to exactly this file, whatever its names are now.
    pub(super) fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.fd.as_raw_fd())
    }

    pub(super) fn look(&self) -> Result<Statx, Errno> {
        look(&self.fd)
    }

    /// Opens it for reading or writing.
    pub(super) fn open(&self, flags: OFlags) -> Result<OwnedFd, Errno> {
        open(self.path(), flags | OFlags::CLOEXEC, Mode::empty())
    }
}

/// The attributes of an open file.
pub(super) fn look(fd: &OwnedFd) -> Result<Statx, Errno> {
    statx(fd, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)
}

impl Inodes {
    /// Only the root is known.
    pub(super) fn of(root: OwnedFd) -> Result<Inodes, Errno> {
        let key = key(&look(&root)?);
        let root = Known {
            inode: Arc::new(Inode { fd: root }),
            key,
            lookups: 1,
        };
        Ok(Inodes {
            table: RwLock::new(Table {
                known: HashMap::from([(ROOT, root)]),
                numbers: HashMap::from([(key, ROOT)]),
                next: ROOT + 1,
            }),
        })
    }

    pub(super) fn get(&self, node: u64) -> Result<Arc<Inode>, Errno> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let known = table.known.get(&node).ok_or(Errno::STALE)?;
        Ok(Arc::clone(&known.inode))
    }

    /// Finds a name, and has the kernel know it: its number and attributes.
    pub(super) fn look_up(&self, parent: &Inode, name: &CStr) -> Result<(u64, Statx), Errno> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.remember(openat(&parent.fd, name, flags, Mode::empty())?)
    }

    /// Has the kernel know an open file.
    pub(super) fn remember_open(&self, file: &OwnedFd) -> Result<(u64, Statx), Errno> {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        self.remember(open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
    }

    fn remember(&self, fd: OwnedFd) -> Result<(u64, Statx), Errno> {
        let seen = look(&fd)?;
        let key = key(&seen);
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let table = &mut *table;
        let node = *table.numbers.entry(key).or_insert_with(|| {
            table.next += 1;
            table.next
        });
        table
            .known
            .entry(node)
            .or_insert_with(|| Known {
                inode: Arc::new(Inode { fd }),
                key,
                lookups: 0,
            })
            .lookups += 1;
        Ok((node, seen))
    }

    /// The kernel forgets so many lookups of a number; with the last, the number.
    pub(super) fn forget(&self, node: u64, lookups: u64) {
        if node == ROOT {
            return;
        }
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = table.known.get_mut(&node) else {
            return;
        };
        known.lookups = known.lookups.saturating_sub(lookups);
        if known.lookups == 0
            && let Some(gone) = table.known.remove(&node)
        {
            table.numbers.remove(&gone.key);
        }
    }
}

pub(super) fn key(seen: &Statx) -> Key {
    (seen.stx_dev_major, seen.stx_dev_minor, seen.stx_ino)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_number_as_long_as_it_is_known() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), b"x").unwrap();
        std::fs::hard_link(folder.path().join("a"), folder.path().join("b")).unwrap();
        let root = open(folder.path(), OFlags::PATH, Mode::empty()).unwrap();
        let inodes = Inodes::of(root).unwrap();
        let root = inodes.get(ROOT).unwrap();
        let (a, _) = inodes.look_up(&root, c"a").unwrap();
        let (b, seen) = inodes.look_up(&root, c"b").unwrap();
        assert_eq!((a, seen.stx_nlink), (b, 2));
        std::fs::remove_file(folder.path().join("a")).unwrap();
        std::fs::remove_file(folder.path().join("b")).unwrap();
        assert_eq!(inodes.get(a).unwrap().look().unwrap().stx_nlink, 0);
        inodes.forget(a, 1);
        assert!(inodes.get(a).is_ok(), "one lookup is left");
        inodes.forget(a, 1);
        assert_eq!(inodes.get(a).unwrap_err(), Errno::STALE);
        inodes.forget(ROOT, 9);
        assert!(inodes.get(ROOT).is_ok());
    }

    #[test]
    fn nothing_follows_a_link_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("out")).unwrap();
        let root = open(folder.path(), OFlags::PATH, Mode::empty()).unwrap();
        let inodes = Inodes::of(root).unwrap();
        let (_, seen) = inodes.look_up(&inodes.get(ROOT).unwrap(), c"out").unwrap();
        let kind = rustix::fs::FileType::from_raw_mode(u32::from(seen.stx_mode));
        assert_eq!(kind, rustix::fs::FileType::Symlink);
    }
}
