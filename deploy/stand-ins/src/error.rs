//! Why a stand-in could not start or had to stop.

use shakedown_engine::EngineError;

use crate::stores::StoreError;

/// Everything that ends a stand-in other than a request to stop.
#[derive(Debug, thiserror::Error)]
pub enum StandInError {
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// What it shares with the reference engine: addresses, signals, threads.
    #[error(transparent)]
    System(#[from] EngineError),
    /// The database could not be brought to the version that was asked for.
    #[error("the database cannot be brought to schema {to}: {why}")]
    Migration {
        /// The version.
        to: u32,
        /// What stood in the way.
        why: String,
    },
    /// A store that is needed to start does not answer.
    #[error("it cannot start without its store: {0}")]
    Store(#[from] StoreError),
}
