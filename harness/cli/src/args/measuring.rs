//! What `load` and `capacity` take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{GuardArgs, ScenarioArgs};
use crate::tls_args::TlsArgs;

/// A search over runs of one scenario at different rates.
#[derive(Debug, Args)]
pub struct CapacityArgs {
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// Rate of the first probe, such as 500/s. Default: the scenario's.
    #[arg(long, value_name = "RATE")]
    pub from: Option<String>,
    /// No probe below this rate. Default: a hundredth of the first.
    #[arg(long, value_name = "RATE")]
    pub floor: Option<String>,
    /// No probe above this rate. Default: `ceilings.orders` of the profile, or a hundred times the first.
    #[arg(long, value_name = "RATE")]
    pub ceiling: Option<String>,
    /// Exit 0 only when this rate, or more, holds; 1 when the SLA breaks at or below it.
    #[arg(long, value_name = "RATE")]
    pub at_least: Option<String>,
    /// How near the lowest rate that does not hold must be.
    #[arg(long, value_name = "SHARE", default_value = "5%")]
    pub precision: String,
    /// Runs at most.
    #[arg(long, default_value_t = 12)]
    pub probes: u32,
    /// Runs at the answer that must hold.
    #[arg(long, default_value_t = 2)]
    pub confirm: u32,
    /// Folder to make, with a run directory for each probe; it must not exist. Default: runs/<start, UTC>-<scenario>-capacity/
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Switch a defect of the stand-in on.
    #[arg(long)]
    pub defect: Vec<String>,
    #[command(flatten)]
    pub guards: GuardArgs,
    /// Print capacity.json instead of the report.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ArrivalName {
    Constant,
    Poisson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IoName {
    Auto,
    Epoll,
    IoUring,
}

#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Target, such as http://127.0.0.1:8080/orders or https://…
    pub url: String,
    /// Requests per second, such as 10000/s. Required unless --closed.
    #[arg(long, required_unless_present = "closed", conflicts_with = "closed")]
    pub rate: Option<String>,
    /// How long to send, such as 10s or 1m30s.
    #[arg(long, default_value = "10s")]
    pub duration: String,
    /// Connections, each with --in-flight requests on their way.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65_000))]
    pub sessions: u32,
    /// HTTP/2: many requests on one connection, as streams. With https agreed on by ALPN, without spoken at once.
    #[arg(long)]
    pub http2: bool,
    /// Requests of a connection that may be unanswered at a time (HTTP/1.1 pipelining; streams with --http2).
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub in_flight: u32,
    /// Load threads.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub threads: u32,
    #[arg(long, value_enum, default_value_t = ArrivalName::Constant)]
    pub arrival: ArrivalName,
    /// When a request counts as failed.
    #[arg(long, default_value = "1s")]
    pub timeout: String,
    /// Closed loop: each session sends its next request when the previous one ended.
    #[arg(long)]
    pub closed: bool,
    /// How sockets are reached. auto: epoll, but io_uring in a closed loop where a probe of 100 ms before the load measures it
    /// as clearly cheaper on this machine. Without io_uring in the kernel: epoll.
    #[arg(long, value_enum, default_value_t = IoName::Epoll)]
    pub io: IoName,
    /// Seed of the Poisson arrivals.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Method; POST when a body is given.
    #[arg(short = 'X', long = "request")]
    pub method: Option<String>,
    /// Header, such as 'Authorization: Bearer x'. May be repeated.
    #[arg(short = 'H', long = "header")]
    pub header: Vec<String>,
    /// Body, @FILE, or @- for stdin. {{id}} and {{now}} are filled in for each request.
    #[arg(short = 'd', long = "data")]
    pub data: Option<String>,
    #[command(flatten)]
    pub tls: TlsArgs,
    /// Exit 1 when this holds, such as 'p99>5ms', 'errors>0.1%' or 'rate<9000/s': p50, p95, p99, p999, max, errors, rate. May be
    /// repeated, or with commas.
    #[arg(long = "fail-if", value_name = "CONDITION")]
    pub fail_if: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
