//! Why a run, or a probe, could not be carried out.

use std::io;

use shakedown_load::LoadError;
use shakedown_load::secret::SecretError;
use shakedown_record::ExitCode;
use shakedown_record::ledger::LedgerError;

use crate::drill::DrillError;
use crate::environment::EnvironmentError;
use crate::guard::Refusal;
use crate::journal::JournalError;
use crate::lock::LockError;
use crate::mechanisms::monitoring::MonitoringError;
use crate::probes::ClientError;
use crate::state_dir::StateDirError;

/// Why a run, or a probe, could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("a guard refused: {0}")]
    Refused(#[from] Refusal),
    /// A guard could not ask what it has to ask.
    #[error("the target cannot be reached, so nothing can be proven of it: {0}")]
    Unreachable(String),
    #[error("{replica} was not ready within {within_s} s")]
    NotReady { replica: String, within_s: u64 },
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error(transparent)]
    State(#[from] StateDirError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Drill(#[from] DrillError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("worker {worker} cannot be started: {why}")]
    Worker { worker: u32, why: String },
    /// A pod that knocks at doors.
    #[error("the guest {guest} cannot knock: {why}")]
    Guest { guest: String, why: String },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Alerts cannot be watched or silenced.
    #[error("the system's monitoring: {0}")]
    Monitoring(#[from] MonitoringError),
    #[error("{what} cannot be written: {source}")]
    Write { what: String, source: io::Error },
    #[error("{what} did not end within {within_s} s")]
    Hung { what: &'static str, within_s: u64 },
}

impl RunError {
    /// The exit code that this error forces, whatever the analysis finds.
    pub fn exit(&self) -> ExitCode {
        match self {
            RunError::Refused(_)
            | RunError::Lock(LockError::Held(_))
            | RunError::Drill(DrillError::Taken(_)) => ExitCode::Refused,
            RunError::Load(
                LoadError::Conservation { .. }
                | LoadError::Panicked { .. }
                | LoadError::Shard { .. },
            )
            | RunError::Hung { .. } => ExitCode::Bug,
            RunError::Unreachable(_)
            | RunError::NotReady { .. }
            | RunError::Secret(_)
            | RunError::Environment(_)
            | RunError::State(_)
            | RunError::Journal(_)
            | RunError::Lock(LockError::Io { .. })
            | RunError::Drill(DrillError::NoNamespace(_) | DrillError::Cluster(_))
            | RunError::Client(_)
            | RunError::Load(_)
            | RunError::Worker { .. }
            | RunError::Guest { .. }
            | RunError::Ledger(_)
            | RunError::Monitoring(_)
            | RunError::Write { .. } => ExitCode::Unavailable,
        }
    }
}
