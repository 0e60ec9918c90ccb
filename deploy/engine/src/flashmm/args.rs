//! What a market maker is told to be FlashMM.

use crate::endpoint::Endpoint;
use crate::error::EngineError;
use crate::maker::MakerConfig;

/// What a market maker stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum MakerDialect {
    /// A small one, which quotes what it is told.
    MarketMaker,
    /// FlashMM, which also quotes by itself.
    Flashmm,
}

/// Arguments of FlashMM.
#[derive(Debug, Clone, clap::Args)]
pub struct FlashmmArgs {
    /// As flashmm: the PostgreSQL that keeps orders, quotes and fills, as postgres://USER:PASSWORD@HOST:PORT/DATABASE; without it
    /// nothing is kept.
    #[arg(
        long,
        value_name = "URL",
        env = "FLASHMM_POSTGRES",
        hide_env_values = true
    )]
    pub postgres: Option<String>,
    /// As flashmm: the Redis that keeps the state.
    #[arg(long, value_name = "HOST:PORT")]
    pub redis: Option<Endpoint>,
    /// As flashmm: the InfluxDB that keeps a point of each symbol for each second.
    #[arg(long, value_name = "HOST:PORT")]
    pub influx: Option<Endpoint>,
    /// As flashmm: the database of the points.
    #[arg(long, value_name = "NAME", default_value = "flashmm")]
    pub influx_database: String,
    /// As flashmm: hold the memory of the process against so many bytes in the metrics; without it against the limit of its control
    /// group, or all memory of the machine.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub memory_limit: Option<u64>,
}

impl FlashmmArgs {
    /// How its database is reached, if it has one.
    ///
    /// # Errors
    /// [`EngineError::Usage`], without the URL: there is a password in it.
    pub fn database(&self) -> Result<Option<tokio_postgres::Config>, EngineError> {
        let config = self.postgres.as_deref().map(str::parse).transpose();
        config.map_err(|error: tokio_postgres::Error| {
            let why = std::error::Error::source(&error).map_or_else(String::new, |it| format!(": {it}"));
            EngineError::Usage(format!(
                "--postgres is no URL of a database{why}; write postgres://USER:PASSWORD@HOST:PORT/DATABASE"
            ))
        })
    }
}

/// The configuration of FlashMM.
#[derive(Clone)]
pub struct FlashmmConfig {
    /// What any market maker is told.
    pub maker: MakerConfig,
    /// Where orders, quotes and fills are kept.
    pub postgres: Option<tokio_postgres::Config>,
    /// Where the state is kept.
    pub redis: Option<Endpoint>,
    /// Where points are kept, and in which database.
    pub influx: Option<(Endpoint, String)>,
    /// What its memory is held against, in bytes.
    pub memory_limit: Option<u64>,
}
