//! The load generator: pacing and order flow (pure), gateways (I/O), and the engine room that drives them.
//!
//! ```text
//! pacing (when) + flow (what) --> engine room: N threads, own sockets --> ledger, 100 ms slots, report
//!                                      http, binary, websocket: bytes       selfcheck: was it us?
//! ```
//!
//! Every scheduled slot has an intended time from a schedule that knows nothing of the engine, and ends in exactly
//! one outcome. No tokio here: its timers round to milliseconds and its tasks hide who waited for whom.

pub mod binary;
mod config;
mod crew;
mod engine;
mod error;
pub mod flow;
mod generator;
pub mod http;
pub mod pacing;
mod portable;
pub mod secret;
pub mod selfcheck;
pub mod websocket;

pub use config::{GeneratorConfig, Mode, Work};
pub use error::LoadError;
pub use generator::{Finished, Generator, LiveCounters, start};
