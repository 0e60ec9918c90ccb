//! Files that survive a power cut: whole or not at all, and a folder that only one engine uses at a time.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;

/// Makes additions, renames and removals in `folder` durable.
///
/// # Errors
/// Those of the file system.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Replaces `folder/name` by `contents`: after a crash there is the old file or the new one, never a mixture.
///
/// # Errors
/// Those of the file system.
pub fn replace_file(folder: &Path, name: &str, contents: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!("{name}.tmp"));
    let mut file = File::create(&temporary)?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(&temporary, folder.join(name))?;
    sync_folder(folder)
}

/// Holds a data folder for one engine; released when dropped, or when the process ends in any way.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Locks `folder`, waiting up to `patience` for an engine that is just ending.
    ///
    /// # Errors
    /// `WouldBlock` when another engine keeps it; otherwise those of the file system.
    pub fn acquire(folder: &Path, patience: Duration) -> io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))?;
        let give_up = Instant::now() + patience;
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < give_up => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::acquire(folder.path(), Duration::ZERO).unwrap();
        let refused = FolderLock::acquire(folder.path(), Duration::from_millis(20)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        drop(first);
        FolderLock::acquire(folder.path(), Duration::ZERO).unwrap();
    }

    #[test]
    fn replacing_leaves_the_new_contents_and_no_rest() {
        let folder = tempfile::tempdir().unwrap();
        replace_file(folder.path(), "vote", b"old and long").unwrap();
        replace_file(folder.path(), "vote", b"new").unwrap();
        assert_eq!(std::fs::read(folder.path().join("vote")).unwrap(), b"new");
        assert!(!folder.path().join("vote.tmp").exists());
    }
}
