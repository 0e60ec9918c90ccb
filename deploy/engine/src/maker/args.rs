//! What a market maker is told.

use std::net::SocketAddr;

use super::{MakerConfig, VenueOverFix};
use crate::defects::{Defect, Defects};
use crate::error::EngineError;
use crate::flashmm::{FlashmmArgs, FlashmmConfig, MakerDialect};

/// A market maker.
#[derive(Debug, Clone, clap::Args)]
pub struct MakerArgs {
    /// Its name, under which it logs on to the venue.
    #[arg(long)]
    pub name: String,
    /// Where it serves ticks.
    #[arg(long, value_name = "ADDRESS")]
    pub http: SocketAddr,
    /// Where the venue is (`shakedown venue`).
    #[arg(long, value_name = "ADDRESS")]
    pub venue: SocketAddr,
    /// Speak FIX 4.4 to the venue, which has this CompID; WebSocket without it.
    #[arg(long, value_name = "COMPID")]
    pub fix: Option<String>,
    /// The field of an order over FIX that has the id of the tick that it comes from.
    #[arg(long, value_name = "TAG", default_value_t = 526, requires = "fix")]
    pub fix_tag: u32,
    /// What is to be wrong with it on purpose.
    #[arg(long = "defect", value_name = "NAME", value_delimiter = ',')]
    pub defects: Vec<Defect>,
    /// End when the process that started this one ends.
    #[arg(long, value_name = "PID", num_args = 0..=1, default_missing_value = "0")]
    pub with_parent: Option<i32>,
    /// Which system it stands for.
    #[arg(long = "as", value_name = "SYSTEM", default_value = "market-maker")]
    pub dialect: MakerDialect,
    /// As flashmm.
    #[command(flatten)]
    pub flashmm: FlashmmArgs,
}

impl MakerArgs {
    /// The configuration of a small market maker.
    pub fn into_config(self) -> MakerConfig {
        MakerConfig {
            name: self.name,
            http: self.http,
            venue: self.venue,
            fix: self.fix.map(|comp_id| VenueOverFix {
                comp_id,
                tag: self.fix_tag,
            }),
            defects: Defects::new(self.defects),
        }
    }

    /// That of FlashMM.
    ///
    /// # Errors
    /// [`EngineError::Usage`] when its database is none.
    pub fn into_flashmm(self) -> Result<FlashmmConfig, EngineError> {
        let flashmm = self.flashmm.clone();
        let database = flashmm.influx_database.clone();
        Ok(FlashmmConfig {
            postgres: flashmm.database()?,
            redis: flashmm.redis,
            influx: flashmm.influx.map(|server| (server, database)),
            memory_limit: flashmm.memory_limit,
            maker: self.into_config(),
        })
    }
}
