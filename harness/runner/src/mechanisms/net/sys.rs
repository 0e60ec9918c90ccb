//! The system calls that have no safe wrapper, each behind a function that is safe to call.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

/// Gives the calling thread a network namespace of its own, in which it is alone.
pub(super) fn leave_network_namespace() -> rustix::io::Result<()> {
    // SAFETY: CLONE_NEWNET changes which interfaces the calling thread sees. It closes no file, unlike the flags
    // because of which this call is unsafe.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }
}

/// Lets the program that `command` will start begin its life in another network namespace.
pub(super) fn enter_before_exec(command: &mut Command, namespace: Arc<OwnedFd>) {
    // SAFETY: between fork and exec the closure makes one system call and builds an error from a number: no
    // allocation, no lock, nothing that another thread could have left half done.
    unsafe {
        command.pre_exec(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(io::Error::from)
        });
    }
}

/// Asks for the kernel's own words in errors, and for errors without a copy of the request.
pub(super) fn ask_for_words(socket: &OwnedFd) -> io::Result<()> {
    for option in [libc::NETLINK_EXT_ACK, libc::NETLINK_CAP_ACK] {
        let on: libc::c_int = 1;
        // SAFETY: the pointer and the length are those of one live c_int, which is only read.
        let done = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_NETLINK,
                option,
                (&raw const on).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        if done != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
