//! Why load could not be made, or cannot be trusted.

use std::io;
use std::path::PathBuf;

/// Why load could not be made, or cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("there is no entry address: give at least one base URL such as http://127.0.0.1:8080")]
    NoEntry,
    #[error(
        "'{url}' is not an entry address: {what} (expected http://host:port or https://host:port)"
    )]
    Url { url: String, what: String },
    #[error("cannot resolve the host of '{url}': {source}")]
    Resolve { url: String, source: io::Error },
    #[error("TLS cannot be used: {what}")]
    Tls { what: String },
    #[error("the load plan cannot be run: {what}")]
    Plan { what: String },
    #[error(
        "this kernel cannot drive the load threads ({what}): {source}; Linux 5.11 or later is needed"
    )]
    Kernel {
        what: &'static str,
        source: io::Error,
    },
    #[error("cannot write the ledger in {path}: {source}")]
    Ledger { path: PathBuf, source: io::Error },
    #[error("load thread {thread} died: {what}")]
    Panicked { thread: usize, what: String },
    #[error("worker {worker} of {workers}: {why}")]
    Worker {
        worker: usize,
        workers: usize,
        why: String,
    },
    #[error(
        "what worker {worker} of {workers} sent is refused: {what}; the figures of this run are void"
    )]
    Shard {
        worker: usize,
        workers: usize,
        what: String,
    },
    #[error(
        "conservation is broken: {scheduled} slots were scheduled and {ended} ended; the figures of this run are void"
    )]
    Conservation { scheduled: u64, ended: u64 },
}
