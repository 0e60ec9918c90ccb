//! The few things that are done to a cgroup filesystem, so that a tree in a folder can stand for the kernel's.

use std::fmt;
use std::fs;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// Reading and changing control groups. Paths are absolute, `/proc` and `/sys/fs/cgroup` included.
pub trait CgroupFs: fmt::Debug + Send + Sync {
    /// The text of a file.
    ///
    /// # Errors
    /// What the kernel says.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// Writes a value to a file that is there, in one call.
    ///
    /// # Errors
    /// What the kernel says.
    fn write(&self, path: &Path, value: &str) -> io::Result<()>;

    /// Makes a group.
    ///
    /// # Errors
    /// What the kernel says.
    fn make_group(&self, path: &Path) -> io::Result<()>;

    /// Removes a group that holds no process and no group.
    ///
    /// # Errors
    /// What the kernel says; `ResourceBusy` while it is in use.
    fn remove_group(&self, path: &Path) -> io::Result<()>;

    /// The groups directly below a group.
    ///
    /// # Errors
    /// What the kernel says.
    fn subgroups(&self, path: &Path) -> io::Result<Vec<PathBuf>>;

    /// Says whether this process may write there, without writing.
    ///
    /// # Errors
    /// Why it may not.
    fn writable(&self, path: &Path) -> io::Result<()>;
}

/// The kernel's own.
#[derive(Debug, Clone, Copy)]
pub struct KernelFs;

impl CgroupFs for KernelFs {
    fn read(&self, path: &Path) -> io::Result<String> {
        fs::read_to_string(path)
    }

    fn write(&self, path: &Path, value: &str) -> io::Result<()> {
        OpenOptions::new()
            .write(true)
            .open(path)?
            .write_all(value.as_bytes())
    }

    fn make_group(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn remove_group(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn subgroups(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    }

    fn writable(&self, path: &Path) -> io::Result<()> {
        Ok(access(path, Access::WRITE_OK)?)
    }
}
