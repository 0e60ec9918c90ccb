//! Why a run could not be submitted, or is lost from sight.

use shakedown_record::ExitCode;

use crate::mechanisms::kubernetes::ClusterError;

/// For people: what is wrong, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The command line or a file asks for what cannot be handed on.
    #[error("{0}")]
    Usage(String),
    /// A right is missing. Nothing was made.
    #[error("a guard refused: {0}")]
    Refused(String),
    #[error("{0}")]
    Unavailable(String),
    /// The run was ended from outside: nobody has healed.
    #[error("{0}")]
    Killed(String),
    /// A person asked to stop before the run had begun.
    #[error("{0}")]
    Interrupted(String),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

impl SubmitError {
    /// The exit code that it forces.
    pub fn exit(&self) -> ExitCode {
        match self {
            SubmitError::Usage(_) => ExitCode::Usage,
            SubmitError::Refused(_) => ExitCode::Refused,
            SubmitError::Killed(_) => ExitCode::Dirty,
            SubmitError::Interrupted(_) => ExitCode::Interrupted,
            SubmitError::Unavailable(_) | SubmitError::Cluster(_) => ExitCode::Unavailable,
        }
    }
}
