//! Why a run directory cannot be judged at all. What is merely incomplete is judged inconclusive instead.

use std::path::PathBuf;

use shakedown_record::ledger::LedgerError;

/// Why there is no analysis.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    #[error(
        "{path} is not a run directory: there is no such folder (`shakedown history` lists the runs)"
    )]
    NoDirectory { path: PathBuf },
    #[error(
        "no order '{order}' in this run: expected an id such as {example}, or a slot below {scheduled}"
    )]
    NoSuchOrder {
        order: String,
        example: String,
        scheduled: u64,
    },
    #[error("the ledger cannot be read: {0}")]
    Ledger(#[from] LedgerError),
}
