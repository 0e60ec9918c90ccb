//! The command line of bot3.

use shakedown_engine::endpoint::Endpoint;

use super::migrations::LATEST;
use crate::service::ServiceArgs;

/// A replica of bot3.
#[derive(Debug, Clone, clap::Args)]
pub struct Bot3Args {
    /// How it is started.
    #[command(flatten)]
    pub service: ServiceArgs,
    /// Port of HTTP: /health, /ready, /metrics, /decide, /orders. 0: any.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Port of the binary gateway (docs/binary-gateway.md). 0: any.
    #[arg(long, default_value_t = 7410)]
    pub binary_port: u16,
    /// Threads that decide.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub threads: u16,
    /// PostgreSQL, which stands for CockroachDB; several hosts: the first that takes writes. Without it there are no orders.
    #[arg(long, value_name = "URL")]
    pub postgresql: Option<String>,
    /// Where the session state is: Redis itself.
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "sentinels")]
    pub redis: Option<Endpoint>,
    /// Where the session state is: sentinels that know the master of Redis.
    #[arg(long = "sentinel", value_name = "HOST:PORT", value_delimiter = ',')]
    pub sentinels: Vec<Endpoint>,
    /// Under which name they know it.
    #[arg(long, value_name = "NAME", default_value = "mymaster")]
    pub redis_master: String,
    /// Servers of NATS with JetStream, which stands for Kafka.
    #[arg(long = "broker", value_name = "HOST:PORT", value_delimiter = ',')]
    pub brokers: Vec<Endpoint>,
    /// Copies of the stream of orders among the servers of the broker.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub broker_copies: u8,
    /// Bring the database to this version of its schema at the start, forth or back. Default: forth to the newest.
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u32).range(0..=i64::from(LATEST)))]
    pub schema: Option<u32>,
    /// How far the position of an account in a symbol may be from zero, in units.
    #[arg(long, value_name = "UNITS", default_value_t = 1_000_000)]
    pub position_limit: u32,
    /// The largest quantity of an order or a decision, in units.
    #[arg(long, value_name = "UNITS", default_value_t = 10_000)]
    pub quantity_limit: u32,
    /// Orders that the strategy may send by itself, per second and thread.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub own_orders: u32,
}
