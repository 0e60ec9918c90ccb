//! Whoever holds a fault is killed at a random moment, over and over: how soon is everything as before?
//!
//! ```text
//! this process:  namespaces or a target that outlive the owner; a datagram every millisecond (traffic)
//! owner:         a process that puts the fault on with the runner's own mechanism, keeps it up, and gets SIGKILL
//! ```
//!
//! A round counts only when no datagram arrived for some time before the kill, although they were sent. Times are
//! `CLOCK_MONOTONIC`, taken here: the mechanism that is tested says nothing about itself.

mod container;
mod cut;
mod freeze;
mod owner;
mod traffic;

pub use cut::{CutRound, CutWorld};
pub use freeze::{FrozenBy, FrozenRound, FrozenWorld};
pub use owner::play;
