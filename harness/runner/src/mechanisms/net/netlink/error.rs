//! What can go wrong between us and the kernel, in words.

use std::io;

use rustix::io::Errno;

/// A request that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    #[error("cannot open a netlink socket: {0}")]
    Open(io::Error),
    #[error("cannot {doing}: {errno}{}", said(.words))]
    Refused {
        /// What was asked for, such as `add the bridge shkbr`.
        doing: String,
        errno: Errno,
        /// The kernel's own explanation, where it gave one.
        words: Option<String>,
    },
    #[error("cannot {doing}: the kernel did not answer within 5 s")]
    Silent { doing: String },
    #[error("cannot {doing}: {source}")]
    Transport { doing: String, source: io::Error },
    #[error("cannot {doing}: the kernel's answer breaks off in the middle")]
    Malformed { doing: String },
    #[error("cannot {doing}: it changed under our eyes five times in a row")]
    Changing { doing: String },
}

impl NetlinkError {
    /// The kernel's error number, where it refused.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            NetlinkError::Refused { errno, .. } => Some(*errno),
            NetlinkError::Open(_)
            | NetlinkError::Silent { .. }
            | NetlinkError::Transport { .. }
            | NetlinkError::Malformed { .. }
            | NetlinkError::Changing { .. } => None,
        }
    }

    /// True when the thing that was to be removed is not there, which is as good.
    pub fn is_absent(&self) -> bool {
        matches!(self.errno(), Some(Errno::NOENT | Errno::NODEV))
    }

    /// True when the rights for it are missing.
    pub fn is_forbidden(&self) -> bool {
        matches!(self.errno(), Some(Errno::PERM | Errno::ACCESS))
    }
}

fn said(words: &Option<String>) -> String {
    words
        .as_ref()
        .map_or_else(String::new, |words| format!(", the kernel says: {words}"))
}
