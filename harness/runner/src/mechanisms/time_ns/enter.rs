//! What happens in the child, between fork and exec.
//!
//! `unshare` gives a new time namespace to the children of whoever calls it, and since Linux 6.2 to itself at its next
//! exec. Calling it in the child, just before its exec, leaves the thread that starts children as it was; a thread of
//! a process with several could never come back.
#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// How a trial says that everything went well; no call that it makes fails so.
const DONE: Errno = Errno::CANCELED;

/// Makes the command start in a time namespace with these offsets; starting it fails when that cannot be.
pub(super) fn prepare(command: &mut Command, offsets: String) {
    // SAFETY: between fork and exec the closure makes four system calls on memory that was allocated before the fork,
    // and builds an error from a number: no allocation, no lock.
    unsafe {
        command.pre_exec(move || enter(offsets.as_bytes()));
    }
}

/// Goes as far as a child of [`prepare`] would, and starts no program. `Ok` when a start would have come that far.
pub(super) fn trial(offsets: String) -> io::Result<()> {
    let mut command = Command::new("/proc/self/exe");
    // SAFETY: as in `prepare`.
    unsafe {
        command.pre_exec(move || {
            enter(offsets.as_bytes())?;
            Err(DONE.into())
        });
    }
    match command.spawn() {
        Err(error) if error.raw_os_error() == Some(DONE.raw_os_error()) => Ok(()),
        Err(error) => Err(error),
        // Not reached: the closure always fails.
        Ok(mut child) => child.wait().map(drop),
    }
}

fn enter(offsets: &[u8]) -> io::Result<()> {
    // SAFETY: `unshare` is unsafe for what it may do to file descriptors and to memory shared between threads; a new
    // time namespace touches neither, and the calling process has one thread.
    unsafe { unshare_unsafe(UnshareFlags::NEWTIME)? };
    let file = open(
        c"/proc/self/timens_offsets",
        OFlags::WRONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    // The kernel takes it in one piece or not at all.
    rustix::io::write(&file, offsets)?;
    Ok(())
}
