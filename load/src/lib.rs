//! The load generator: pacing and order flow (pure), gateways (I/O), and the engine room that drives them.
//!
//! ```text
//! pacing (when) + flow (what) --> engine room: N threads, own sockets --> ledger, 100 ms slots, report
//!                                      http, fix, postgresql …: bytes        selfcheck: was it us?
//! points: market data into the engine      feed: what the engine tells      venue: what trading systems send to
//! ```
//!
//! Several processes can make one load together ([`workers`]): each has its part of the sessions.
//!
//! Every scheduled slot has an intended time from a schedule that knows nothing of the engine, and ends in exactly
//! one outcome. No tokio here: its timers round to milliseconds and its tasks hide who waited for whom.

pub mod binary;
mod config;
mod crew;
mod drop_copy;
mod ends;
mod engine;
mod error;
pub mod feed;
pub mod fix;
pub mod flow;
mod generator;
pub mod http;
mod http2;
mod making;
pub mod pacing;
pub mod points;
mod portable;
pub mod postgresql;
pub mod redis;
pub mod secret;
pub mod selfcheck;
pub mod tls;
pub mod venue;
pub mod websocket;
pub mod workers;

pub use config::{GeneratorConfig, Io, Mode, RunParts, Share, Work};
pub use engine::KeptSessions;
pub use error::LoadError;
pub use generator::{Finished, Generator, LiveCounters, Prepared, prepare, start};
