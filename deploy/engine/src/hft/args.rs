//! What an engine in memory is told.

use std::net::SocketAddr;
use std::time::Duration;

use crate::defects::Defects;
use crate::endpoint::Endpoint;
use crate::http::guard::Rules;

/// Orders a second, unless another limit is given.
pub const RATE_LIMIT: u64 = 100_000;

/// Arguments of hft.
#[derive(Debug, Clone, clap::Args)]
pub struct HftArgs {
    /// As hft: the Redis in which it keeps its journal, its sessions and the tops of its books; nothing is kept without it.
    #[arg(long, value_name = "HOST:PORT")]
    pub redis: Option<Endpoint>,
    /// As hft: orders that wait for the worker at most.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub queue_limit: usize,
    /// As hft: orders that an account may have in the books.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub risk_limit: u32,
    /// As hft: how often the journal is written, in milliseconds: what a crash loses at most.
    #[arg(long, value_name = "MS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub journal_ms: u64,
}

/// The configuration of an engine in memory.
#[derive(Debug, Clone)]
pub struct HftConfig {
    /// Its name, under which its journal is kept; without one it takes a seat in Redis.
    pub name: Option<String>,
    /// Where it serves everything but the binary gateway.
    pub http: SocketAddr,
    /// Where it takes orders in frames.
    pub binary: Option<SocketAddr>,
    /// Where its journal is.
    pub redis: Option<Endpoint>,
    /// How often that is written.
    pub journal_every: Duration,
    /// Who is let in, and how often.
    pub rules: Rules,
    /// Orders that wait at most.
    pub queue_limit: usize,
    /// Orders that an account may have in the books.
    pub risk_limit: u32,
    /// What its memory is held against, in bytes.
    pub memory_limit: Option<u64>,
    /// How long it goes on serving when it is asked to stop.
    pub drain: Duration,
    /// What is wrong with it on purpose.
    pub defects: Defects,
}
