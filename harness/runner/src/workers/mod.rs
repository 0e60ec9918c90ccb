//! Processes that make the load together: started here, told by the load generator's coordinator over pipes, and ended
//! with the run.

mod job;
mod local;
mod pods;
mod rights;
mod stand_by;

pub use local::{Workshop, start_local};
pub use pods::WorkerJob;
pub(crate) use pods::{LABEL, fetch_ledgers};
pub(crate) use rights::rights;
pub use stand_by::{hand_over, stand_by};
