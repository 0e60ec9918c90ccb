//! The reference engine: a small but honest exchange that Shakedown can be proven against.
//!
//! Price-time-priority books, replicated by consensus over three or more nodes with a durable log. The clean
//! engine never loses, duplicates or diverges; a list of [`defects`] can be switched on, and each must turn a
//! named check of a validation red. It shares no code with the harness: what checks it must not agree with it
//! by construction.
//!
//! The way of an order: [`http`], [`binary`] or [`websocket`] parses it, [`gateway`] brings it to the leader (over [`peer`] if need be),
//! [`proposer`] puts all waiting commands into one entry of the [`raft`] log, every replica applies that entry to
//! its [`state`], and the leader's answers travel back. Each replica tells of what it applied in its [`feed`].

pub mod accept;
pub mod binary;
pub mod book;
pub mod bucket;
pub mod checksum;
pub mod cli;
pub mod cluster;
pub mod command;
pub mod config;
pub mod contact;
pub mod decimal;
pub mod defects;
pub mod dialect;
pub mod durable;
pub mod endpoint;
pub mod entrances;
pub mod error;
pub mod feed;
pub mod fix;
pub mod flashmm;
pub mod gateway;
pub mod handover;
pub mod hft;
pub mod hive_mind;
pub mod http;
pub mod identity;
pub mod ingest;
pub mod instruments;
pub mod maker;
pub mod metrics;
pub mod node;
pub mod peer;
pub mod ports;
pub mod proposer;
pub mod raft;
pub mod records;
pub mod redis;
pub mod secure;
pub mod state;
pub mod upkeep;
pub mod websocket;

pub use cli::EngineCommand;
pub use defects::{Defect, DefectInfo, defects};
pub use error::EngineError;
