//! Getting to know a target that runs, for a first profile of it: only by asking (GET, or the API server), never by changing anything.

mod address;
mod deployment;

pub use address::address;
pub use deployment::deployment;

/// Why nothing could be found out.
#[derive(Debug, thiserror::Error)]
pub enum AcquaintError {
    #[error("{0}")]
    Unreachable(String),
    #[error("{0}")]
    Wrong(String),
}
