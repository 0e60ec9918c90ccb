//! Consensus: openraft over a log, snapshots and a transport of our own.
//!
//! The log is written by one thread, which gathers everything that waits and makes it durable with one
//! `fdatasync`. A log entry holds all client commands that waited when it was proposed.

#[cfg(test)]
mod conformance;
mod log_files;
mod log_index;
mod log_store;
mod log_writer;
mod network;
mod snapshot;
mod state_machine;
mod types;

pub use log_files::LogFiles;
pub use log_index::{LogEvent, LogIndex};
pub use log_store::{LogReader, LogStore};
pub use network::{Network, NetworkFactory};
pub use snapshot::{SnapshotBuilder, SnapshotStore};
pub use state_machine::StateMachine;
pub use types::{EngineLogId, EngineRaft, TypeConfig};
