//! A network namespace, pinned: by an open file, so that the number of its inode cannot pass to another.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::resume_unwind;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustix::fs::fstat;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde::{Deserialize, Serialize};

use super::netlink::{Family, NetlinkError, NetlinkSocket};
use super::sys;
use crate::mechanisms::process::{ProcessError, ProcessHandle};

const OF_THIS_THREAD: &str = "/proc/thread-self/ns/net";
const OF_THIS_PROCESS: &str = "/proc/self/ns/net";

/// Which namespace: equal for two as long as either is held open, and only then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NetnsId {
    pub device: u64,
    pub inode: u64,
}

impl fmt::Display for NetnsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "net:[{}]", self.inode)
    }
}

/// A network namespace that stays there as long as this value does.
///
/// The file is closed on exec, so a namespace that only we hold ends with us, with everything in it, whatever ends
/// us. The kernel takes it down in the background, usually within 100 ms.
#[derive(Debug, Clone)]
pub struct Netns {
    file: Arc<OwnedFd>,
    id: NetnsId,
}

/// Why a namespace could not be had or entered.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    #[error("cannot make a network namespace: {0}{rights}", rights = rights(.0))]
    Make(io::Error),
    #[error("cannot enter {id}: {source}{}", rights(.source))]
    Enter { id: NetnsId, source: io::Error },
    #[error("cannot open {path}: {source}")]
    Open { path: String, source: io::Error },
    #[error("cannot start a thread for {id}: {source}")]
    Thread { id: NetnsId, source: io::Error },
    #[error(transparent)]
    Process(#[from] ProcessError),
}

fn rights(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        "; that takes root (CAP_SYS_ADMIN)"
    } else {
        ""
    }
}

impl Netns {
    /// The namespace of this process (of its first thread).
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn own() -> Result<Netns, NetnsError> {
        Self::open(Path::new(OF_THIS_PROCESS))
    }

    /// The namespace in which a process is now; `None` when the process has ended.
    ///
    /// The process is looked at again after the file was opened: as long as it has not ended, its pid was its own.
    ///
    /// # Errors
    /// When `/proc` does not let us look.
    pub fn of_process(process: &ProcessHandle) -> Result<Option<Netns>, NetnsError> {
        let opened = Self::open(Path::new(&format!("/proc/{}/ns/net", process.pid())));
        if process.has_exited()? {
            return Ok(None);
        }
        opened.map(Some)
    }

    /// A fresh namespace that has no name anywhere: only this value keeps it. Its loopback interface is down.
    ///
    /// # Errors
    /// Without CAP_SYS_ADMIN.
    pub fn anonymous() -> Result<Netns, NetnsError> {
        let thread = std::thread::Builder::new()
            .name("new-netns".to_string())
            .spawn(|| {
                sys::leave_network_namespace().map_err(|error| NetnsError::Make(error.into()))?;
                Self::open(Path::new(OF_THIS_THREAD))
            })
            .map_err(NetnsError::Make)?;
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Which one this is.
    pub fn id(&self) -> NetnsId {
        self.id
    }

    /// True for the namespace in which Shakedown itself is: faults on it would hit the machine, and Shakedown.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn is_own(&self) -> Result<bool, NetnsError> {
        Ok(Self::own()?.id == self.id)
    }

    /// Does something inside, on a thread that was started for it, and waits for it to be done. Sockets that it
    /// opens belong to this namespace ever after, and may be used from any thread.
    ///
    /// # Errors
    /// When the namespace cannot be entered; the job has not been begun then.
    pub fn run_in<R: Send>(&self, job: impl FnOnce() -> R + Send) -> Result<R, NetnsError> {
        std::thread::scope(|scope| {
            let inside = || self.enter_for_good().map(|()| job());
            std::thread::Builder::new()
                .name("in-netns".to_string())
                .spawn_scoped(scope, inside)
                .map_err(|source| NetnsError::Thread {
                    id: self.id,
                    source,
                })?
                .join()
                .unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// Makes the program that `command` starts begin its life inside. Starting it fails when that cannot be done.
    pub fn enter_on_exec(&self, command: &mut Command) {
        sys::enter_before_exec(command, Arc::clone(&self.file));
    }

    /// A netlink socket inside.
    ///
    /// # Errors
    /// When the namespace cannot be entered (outer), or the socket not be opened (inner).
    pub fn netlink(
        &self,
        family: Family,
    ) -> Result<Result<NetlinkSocket, NetlinkError>, NetnsError> {
        self.run_in(|| NetlinkSocket::open(family))
    }

    /// Moves the calling thread inside, where it must end: only for threads that do nothing else.
    pub(in crate::mechanisms) fn enter_for_good(&self) -> Result<(), NetnsError> {
        move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network)).map_err(
            |error| NetnsError::Enter {
                id: self.id,
                source: error.into(),
            },
        )
    }

    fn open(path: &Path) -> Result<Netns, NetnsError> {
        let failed = |source: io::Error| NetnsError::Open {
            path: path.display().to_string(),
            source,
        };
        let file = OwnedFd::from(File::open(path).map_err(failed)?);
        let stat = fstat(&file).map_err(|error| failed(error.into()))?;
        Ok(Netns {
            file: Arc::new(file),
            id: NetnsId {
                device: stat.st_dev,
                inode: stat.st_ino,
            },
        })
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
