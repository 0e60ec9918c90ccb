//! Asking the system under test: who leads, who is ready, which build, which latency it measured itself.
//!
//! Probes run beside the load and must not disturb it: short timeouts, one request per replica at a time, a share of
//! the profile's ceiling. Whatever a reply says in words passes [`client::Client::clean`] before it is kept.

pub mod alerts;
pub mod client;
pub mod desk;
pub mod exposition;
pub mod limiter;
mod machine;
pub mod metrics;
mod pod_usage;
pub mod prometheus;
pub mod roles;
pub mod scraper;
pub mod series_log;
pub mod state;
pub mod target;
pub mod together;
pub mod watch;

pub use alerts::AlertWatch;
pub use client::{Client, ClientError, Reply, https};
pub use desk::Answered;
pub use limiter::Limiter;
pub use roles::RoleSeen;
pub use scraper::Scraper;
pub use series_log::SeriesLog;
pub use target::{Copy, OrderWords, Target};
pub use watch::Watch;

#[cfg(test)]
mod tests;
