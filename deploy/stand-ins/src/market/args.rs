//! The command line of data-processor.

use shakedown_engine::endpoint::Endpoint;

use crate::service::ServiceArgs;

/// data-processor of ai-trading.
#[derive(Debug, Clone, clap::Args)]
pub struct DataProcessorArgs {
    /// How it is started.
    #[command(flatten)]
    pub service: ServiceArgs,
    /// Port of HTTP: /health, /ready, /metrics, /prices, /bars. 0: any.
    #[arg(long, default_value_t = 8001)]
    pub port: u16,
    /// Port on which market data comes in, in frames (docs/market-data.md). 0: any.
    #[arg(long, default_value_t = 8011)]
    pub ingest_port: u16,
    /// PostgreSQL, which stands for TimescaleDB, for bars of a second. Without it they are not kept.
    #[arg(long, value_name = "URL")]
    pub postgresql: Option<String>,
    /// Redis, for last prices; without it they are kept here only.
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "sentinels")]
    pub redis: Option<Endpoint>,
    /// Sentinels that know the master of Redis.
    #[arg(long = "sentinel", value_name = "HOST:PORT", value_delimiter = ',')]
    pub sentinels: Vec<Endpoint>,
    /// Under which name they know it.
    #[arg(long, value_name = "NAME", default_value = "mymaster")]
    pub redis_master: String,
}
