//! Load from several processes, on one machine or many: each has its own part of the sessions, and one coordinator
//! merges what they wrote.
//!
//! ```text
//! coordinator --order, pings, zero, end-->  worker: the whole generator for its share of the sessions
//!      ^                                       |
//!      +-- ready, pongs, 100 ms slots, ledger --+   frames over a pair of pipes, whoever carries them
//! ```
//!
//! Session `s` belongs to worker `s mod workers`, and every worker walks the whole schedule: the union of what they send
//! is what one process would send, byte for byte. A worker's ledger comes in blocks, each under a chain of digests;
//! only entries of its own slots, in order, are taken. What was not merged when a worker died is taken from its own
//! ledger, where that can still be read.
//!
//! A worker's times are its own clock's, since a zero that was turned into it; how far that may be from the
//! coordinator's is measured all the time ([`clock`]) and told at the end.

mod block;
pub mod clock;
mod coordinator;
mod duty;
mod feed;
mod frame;
mod message;
mod names;
mod peer;
mod remains;
mod shard;
mod silence;
mod take;
mod tale;
mod totals;

pub use coordinator::{Lost, Party, Workers};
pub use duty::{DESERTED_AFTER, WORKER_PID, WorkerError, serve};
pub use message::WorkerOrder;
pub use peer::{Post, WorkerLink};
pub use remains::{Remains, take_remains};
pub use shard::{ShardError, hand_over, salvage, take_over};
pub use silence::has_unread;
