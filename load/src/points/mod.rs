//! Publishes market data into an engine's ingest: up to a million points per second on one thread and one connection.
//!
//! ```text
//! schedule (when) + walk (what) -> points that are due -> frames or JSON batches -> socket -> receipts
//! ```
//!
//! The schedule is the load's own pacing: when a point is due does not depend on the engine. Each point has a sequence
//! number, its intended time and a price that walks at random from the seed. What is due goes out in each pass; what could
//! not be written within the timeout, since the engine does not read or nobody is there, is left out and counted. Every
//! point ends in one of four ways, and their sum is what was offered. Nothing is allocated for a point.

mod account;
mod batches;
mod config;
mod frames;
mod link;
mod publisher;
mod source;
mod way;

pub use config::PointsConfig;
pub use frames::{LONGEST_FRAME, POINTS_IN_FRAME};
pub use publisher::Publisher;
