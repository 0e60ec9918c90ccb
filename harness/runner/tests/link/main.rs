//! Userspace links between real sockets: what is asked against what the two ends see.
#![allow(clippy::unwrap_used, reason = "all of this is test code")]

mod cuts;
mod endings;
mod flow;
mod shape;
mod watch;
mod world;
