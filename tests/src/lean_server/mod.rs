//! A server that costs as little as a server can: load generators are compared against it, not with it.
//!
//! One thread, edge-triggered epoll, answers that were put together beforehand, nothing allocated for a request. It
//! replies after programmed delays, and logs when it received and when it answered each request on `CLOCK_MONOTONIC`.
//!
//! ```text
//! wire     how much of what came is one request, and its id
//! queue    answers that wait for their moment
//! server   sockets
//! ```
//!
//! `truth_server` has a thread for each connection and does the same for rates at which that does not matter.

mod queue;
mod server;
mod wire;

pub use server::{Announced, LeanProgram, serve};
pub use wire::{Parsed, parse};
