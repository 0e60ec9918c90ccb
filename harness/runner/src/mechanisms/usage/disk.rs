//! How full the file system under a folder is, as a process sees it.

use std::io;
use std::path::{Path, PathBuf};

use crate::mechanisms::process::ProcessId;

/// Bytes of a file system.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiskUse {
    pub used: f64,
    /// What those who are not root can use at most, as `df` counts.
    pub size: f64,
}

/// Looks at the file system that holds a folder, in the mounts of a process.
///
/// # Errors
/// When the folder cannot be reached.
pub fn disk_use(process: ProcessId, folder: &Path) -> io::Result<DiskUse> {
    let below = folder.strip_prefix("/").unwrap_or(folder);
    let path = PathBuf::from(format!("/proc/{}/root", process.pid)).join(below);
    let told = rustix::fs::statvfs(&path)?;
    let block = told.f_frsize as f64;
    let used = told.f_blocks.saturating_sub(told.f_bfree) as f64 * block;
    Ok(DiskUse {
        used,
        size: used + told.f_bavail as f64 * block,
    })
}
