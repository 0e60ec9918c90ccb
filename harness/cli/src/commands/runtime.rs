//! The runtime of everything but the load.

use crate::output::Failure;

/// A runtime for the control plane; the load has threads of its own.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::bug(format!("cannot start the runtime: {error}")))
}
