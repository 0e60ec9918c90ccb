//! A mount namespace without a name: what is mounted in it, only the processes in it see, and it is gone with the
//! last of them. Nothing appears in the mount table of the host.
#![allow(unsafe_code)]

use std::ffi::{CString, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_change, unmount};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

/// The type under which our mounts stand in a mount table.
pub(super) const FILE_SYSTEM: &str = "fuse.shakedown";

/// A mount namespace of one disk, held open.
#[derive(Debug, Clone)]
pub struct MountNamespace {
    file: Arc<OwnedFd>,
}

impl MountNamespace {
    /// That of a thread.
    pub(super) fn of_thread(pid: u32, tid: i32) -> io::Result<MountNamespace> {
        let file = File::open(format!("/proc/{pid}/task/{tid}/ns/mnt"))?;
        Ok(MountNamespace {
            file: Arc::new(file.into()),
        })
    }

    /// Has a program run in this namespace. Every path leads where it did, only the data folder is behind the disk.
    /// The namespace is entered between fork and exec, after which the working folder is `folder`.
    ///
    /// The program and its arguments are not changed. Starting it fails when the namespace cannot be entered.
    ///
    /// # Errors
    /// When `folder` cannot be a path: there is a zero byte in it.
    pub fn join(&self, command: &mut Command, folder: &Path) -> io::Result<()> {
        let file = Arc::clone(&self.file);
        let folder = CString::new(folder.as_os_str().as_bytes())?;
        // SAFETY: between fork and exec the closure makes two system calls with what was made before, and builds
        // errors from numbers: no allocation, no lock, nothing that another thread could have left half done.
        unsafe {
            command.pre_exec(move || {
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Mount))?;
                rustix::process::chdir(folder.as_c_str())?;
                Ok(())
            });
        }
        Ok(())
    }

    /// Does something in this namespace, on a thread of its own. It blocks.
    ///
    /// # Errors
    /// When there is no thread, or it cannot enter.
    pub fn run<R: Send>(&self, job: impl FnOnce() -> R + Send) -> io::Result<R> {
        std::thread::scope(|scope| {
            let inside = std::thread::Builder::new()
                .name("mount-namespace".to_string())
                .spawn_scoped(scope, || {
                    own_folders()?;
                    let kind = Some(LinkNameSpaceType::Mount);
                    move_into_link_name_space(self.file.as_fd(), kind)?;
                    Ok(job())
                })?;
            match inside.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Detaches our mount at this path, if there is one: new opens reach the folder below, what is open stays as it is.
    ///
    /// # Errors
    /// When the namespace cannot be entered or the kernel refuses.
    pub(super) fn detach(&self, at: &Path) -> io::Result<()> {
        self.run(|| detach_here(at))?
    }

    /// True when our mount is at this path.
    ///
    /// # Errors
    /// When the namespace cannot be entered, or `/proc` cannot be read.
    pub fn has_disk_at(&self, at: &Path) -> io::Result<bool> {
        self.run(|| has_disk_here(at))?
    }
}

/// Moves this thread, and those that it starts, into a new namespace that is a copy. Mounts of the host arrive there
/// as before, but none of its own goes to the host.
pub(super) fn enter_new() -> io::Result<()> {
    // SAFETY: the flag leaves the table of descriptors shared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    let quiet = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    mount_change("/", quiet)?;
    Ok(())
}

/// A thread that shares its working folder with others may not change namespace.
fn own_folders() -> io::Result<()> {
    // SAFETY: the flag leaves the table of descriptors shared.
    unsafe { unshare_unsafe(UnshareFlags::FS) }?;
    Ok(())
}

/// [`MountNamespace::detach`] in the namespace of this thread.
pub(super) fn detach_here(at: &Path) -> io::Result<()> {
    if has_disk_here(at)? {
        unmount(at, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW)?;
    }
    Ok(())
}

fn has_disk_here(at: &Path) -> io::Result<bool> {
    let table = fs::read_to_string("/proc/thread-self/mountinfo")?;
    Ok(topmost_type(&table, at) == Some(FILE_SYSTEM))
}

/// The type of what was mounted last at this path.
fn topmost_type<'a>(mountinfo: &'a str, at: &Path) -> Option<&'a str> {
    mountinfo
        .lines()
        .filter_map(|line| {
            let (own, other) = line.split_once(" - ")?;
            let place = own.split(' ').nth(4)?;
            (unescaped(place) == at).then(|| other.split(' ').next())?
        })
        .next_back()
}

/// A path of the mount table, in which blanks and the like stand as octal numbers.
fn unescaped(text: &str) -> PathBuf {
    let mut plain = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\');
        let number = octal
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match number {
            Some(byte) => {
                plain.push(byte);
                rest = &after[3..];
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
        22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n\
        90 22 0:40 / /run/a\\040b rw master:3 - fuse.shakedown shakedown rw,user_id=0\n\
        91 22 0:41 / /run/c rw - fuse.shakedown shakedown rw\n\
        92 22 0:42 / /run/c rw - tmpfs tmpfs rw\n";

    #[test]
    fn the_last_mount_at_a_place_counts() {
        let at = |path: &str| topmost_type(TABLE, Path::new(path));
        assert_eq!(at("/run/a b"), Some(FILE_SYSTEM));
        assert_eq!(at("/run/c"), Some("tmpfs"));
        assert_eq!(at("/run/a"), None);
        assert_eq!(at("/"), Some("ext4"));
    }

    #[test]
    fn a_backslash_that_is_no_number_stays() {
        assert_eq!(unescaped("/a\\134b"), Path::new("/a\\b"));
        assert_eq!(unescaped("/a\\zb\\"), Path::new("/a\\zb\\"));
    }
}
