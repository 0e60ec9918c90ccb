//! The stand-in for hft: books in memory, one thread, nobody to agree with.
//!
//! ```text
//! binary --+--> queue (100,000) --> worker: limit, book, answer --> back to who asked
//! HTTP   --+                          |
//!                                     +--> journal --> Redis, every few milliseconds
//! ```
//!
//! An order is acknowledged when it is in the book of this replica; the journal follows. A replica that is started again with the
//! same name reads its journal back, and has lost what had not been written yet. Everything runs in one thread, so that nobody waits
//! for a lock or for another core.

mod args;
mod floor;
mod http;
mod journal;
mod keeper;
mod queue;
mod run;
mod seat;
mod sockets;
mod stats;

pub use args::{HftArgs, HftConfig};
pub use run::run;
