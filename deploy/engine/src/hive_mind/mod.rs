//! The stand-in for hive-mind: what a node of the reference engine shows beside its own port.
//!
//! ```text
//! :8091  /health/live  /health/ready  /health     who this node is, and whom it is connected to
//! :9090  /metrics                                 trading, consensus, resources, security
//! ```
//!
//! Two of its numbers need somebody to look: [`watch`] notes whenever consensus is lost, and compares what was accepted here with
//! what the other nodes have.

mod args;
mod numbers;
mod outpost;
mod watch;

pub use args::{Colour, HiveMind, HiveMindArgs};
pub use outpost::Outpost;
