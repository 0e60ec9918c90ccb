//! Why a fault could not be done, or could not be shown to be gone.

use std::io;

use shakedown_record::event::Leftover;

use crate::environment::{EnvironmentError, LinkError};
use crate::journal::JournalError;
use crate::mechanisms::cgroup::CgroupError;
use crate::mechanisms::disk::DiskError;
use crate::mechanisms::docker::EngineError;
use crate::mechanisms::kubernetes::ClusterError;
use crate::mechanisms::link::LinkError as UserspaceError;
use crate::mechanisms::stress::StressError;
use crate::mechanisms::{CommandError, ProcessError, WatchdogError};

/// Why a step of a fault's life failed. Whatever was done up to there is undone by healing.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    #[error("{fault}: there is no target")]
    NoTarget { fault: String },
    #[error(
        "{fault}: {kind} needs a process, and {target} does not run or is known by its address only"
    )]
    NoHandle {
        fault: String,
        kind: &'static str,
        target: String,
    },
    #[error("{fault}: {target} is stopped already, by another fault or by somebody else")]
    AlreadyStopped { fault: String, target: String },
    #[error("{fault}: it was to be injected before it was armed")]
    NotArmed { fault: String },
    #[error("{fault}: gone before the fault reached it: {targets}")]
    TargetGone { fault: String, targets: String },
    #[error("{fault}: {target} does not end, not even by SIGKILL")]
    DoesNotEnd { fault: String, target: String },
    #[error("{fault}: {target} is still stopped after SIGCONT")]
    StaysStopped { fault: String, target: String },
    #[error("{fault}: {reason}")]
    NotPossible { fault: String, reason: String },
    #[error("{fault}: {source}")]
    Disk {
        fault: String,
        source: Box<DiskError>,
    },
    #[error("{fault}: {source}")]
    Group {
        fault: String,
        source: Box<CgroupError>,
    },
    #[error("{fault}: {source}")]
    Stress {
        fault: String,
        source: Box<StressError>,
    },
    #[error("{fault}: {source}")]
    Link { fault: String, source: LinkError },
    #[error("{fault}: {source}")]
    Userspace {
        fault: String,
        source: UserspaceError,
    },
    #[error("{fault}: `{line}` failed: {how}")]
    CommandFailed {
        fault: String,
        line: String,
        how: String,
    },
    #[error("{fault}: {source}")]
    Command { fault: String, source: CommandError },
    #[error("{fault}: the folder in which Shakedown was started is gone: {source}")]
    NoFolder { fault: String, source: io::Error },
    #[error("{fault}: {source}")]
    Process { fault: String, source: ProcessError },
    #[error("{fault}: {source}")]
    Cluster {
        fault: String,
        source: Box<ClusterError>,
    },
    /// What an agent says, or why it says nothing; in words.
    #[error("{fault}: {why}")]
    Agent { fault: String, why: String },
    #[error("{fault}: {source}")]
    Container { fault: String, source: EngineError },
    #[error("{fault}: {source}")]
    Journal { fault: String, source: JournalError },
    #[error("{fault}: {source}")]
    Watchdog {
        fault: String,
        source: WatchdogError,
    },
    #[error("{fault}: {source}")]
    Environment {
        fault: String,
        source: Box<EnvironmentError>,
    },
}

/// The state after a fault is not the state before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotClean {
    /// What of *ours* is still there; `None` when the system itself did not come back, which is its own doing.
    pub left: Option<Leftover>,
    pub reason: String,
}

impl NotClean {
    /// The same, beside targets that ended by themselves: that comes first.
    pub(super) fn beside(self, ended: &[String]) -> NotClean {
        match ended {
            [] => self,
            ended => NotClean {
                reason: format!("{}; {}", has_ended(ended), self.reason),
                ..self
            },
        }
    }
}

/// For people.
pub(super) fn has_ended(names: &[String]) -> String {
    format!("ended while the fault was on: {}", names.join(", "))
}
