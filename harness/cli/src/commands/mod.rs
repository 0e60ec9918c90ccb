//! One file for each command: read the arguments, call the crates, print, exit.

mod agent;
mod calendar;
mod capacity;
mod dispatch;
#[cfg(feature = "stand-in")]
mod engine;
mod explain;
mod files;
mod halt;
mod init;
mod load;
mod probe;
mod recover;
mod replay;
mod report;
mod run;
mod runtime;
mod show;
mod submit;
mod submitted;
mod suite;
mod venue;
mod worker;

use crate::output::json;
pub use dispatch::dispatch;
use runtime::runtime;
pub use venue::VenueArgs;
