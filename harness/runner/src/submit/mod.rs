//! A run inside the cluster: submitted as a Job, followed by its log, fetched when it has ended.
//!
//! ```text
//! here:     Submission --manifest--> Job + ConfigMap   --log-->  progress   --exec-->  run directory
//! in there: container `run`: the run itself            container `courier`: keeps the run directory until it was fetched
//! ```
//!
//! A container that has ended can be asked for nothing but its log, and a log is rotated long before it holds a run
//! directory. So a second container of the same image stays a while: it listens on nothing, and is asked by `exec`. That
//! the run is over it knows by a lock on a file, which the kernel frees however the run ends.
//!
//! [`job`], [`start_of`] and [`Once`] are pure. The run in there needs nothing of what is here: when this process dies it
//! goes on and ends by itself.

mod apart;
mod error;
mod fetch;
mod lines;
mod manifest;
mod parcel;
mod preflight;
mod rights;
mod shell;
mod start;
mod submission;
mod watch;

pub use error::SubmitError;
pub use lines::Once;
pub use manifest::{config_map, job};
pub use parcel::{Ending, Kept, Parcel, Stage, keep};
pub use rights::{manifest as rights_manifest, needs};
pub use shell::{Delivered, Fetched, submit};
pub use start::{Start, start_of};
pub use submission::{Apart, INPUTS, PARCEL, REPORT_FOLLOWS, Submission};
