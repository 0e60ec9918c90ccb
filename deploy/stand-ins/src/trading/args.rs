//! The command line of trading-app.

use shakedown_engine::endpoint::Endpoint;

use crate::service::ServiceArgs;

/// trading-app of ai-trading.
#[derive(Debug, Clone, clap::Args)]
pub struct TradingAppArgs {
    /// How it is started.
    #[command(flatten)]
    pub service: ServiceArgs,
    /// Port of HTTP: /health, /ready, /metrics, /trades, /pnl. 0: any.
    #[arg(long, default_value_t = 8000)]
    pub port: u16,
    /// PostgreSQL for writes, PgBouncer with a pool of transactions as a rule.
    #[arg(long, value_name = "URL")]
    pub postgresql: String,
    /// A read replica; without it reads go where writes go.
    #[arg(long, value_name = "URL")]
    pub replica: Option<String>,
    /// Connections for writes.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub connections: u16,
    /// Where last prices come from.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8001")]
    pub data_processor: Endpoint,
    /// Where signals come from.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8002")]
    pub ml_service: Endpoint,
    /// Redis, where last prices are found when data-processor does not answer.
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "sentinels")]
    pub redis: Option<Endpoint>,
    /// Sentinels that know the master of Redis.
    #[arg(long = "sentinel", value_name = "HOST:PORT", value_delimiter = ',')]
    pub sentinels: Vec<Endpoint>,
    /// Under which name they know it.
    #[arg(long, value_name = "NAME", default_value = "mymaster")]
    pub redis_master: String,
    /// The age of a price at which nobody trades any more, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 2_000)]
    pub stale_after_ms: u64,
    /// How long a signal is waited for, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 100)]
    pub signal_within_ms: u64,
    /// How far the position of an account in a symbol may be from zero, in units.
    #[arg(long, value_name = "UNITS", default_value_t = 1_000_000)]
    pub position_limit: u32,
    /// An account that has lost more than this trades no more.
    #[arg(long, value_name = "AMOUNT", default_value_t = 1_000_000_000)]
    pub loss_limit: u64,
}
