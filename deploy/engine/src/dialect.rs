//! Which system an engine stands for (`docs/stand-ins.md`), and what all of them may be told.

use std::path::PathBuf;

use crate::error::EngineError;
use crate::hft::HftArgs;
use crate::hive_mind::HiveMindArgs;
use crate::http::guard::{Rules, key_in};

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Dialect {
    /// Nothing but itself.
    Reference,
    /// hive-mind: a node of a consensus, with health and metrics at ports of their own.
    HiveMind,
    /// hft: books in memory, nobody to agree with.
    Hft,
}

/// What a node stands for, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct DialectArgs {
    /// Which system the node stands for.
    #[arg(long = "as", value_name = "SYSTEM", default_value = "reference")]
    pub dialect: Dialect,
    /// Let in no more than so many orders a second; as hft 100000 without it, otherwise all of them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub rate_limit: Option<u64>,
    /// Hold the memory of the process against so many bytes in the metrics; without it against the limit of its control group, or
    /// all memory of the machine.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub memory_limit: Option<u64>,
    /// Let in over HTTP only who sends what is in this file as `x-api-key`.
    #[arg(long, value_name = "FILE")]
    pub api_key: Option<PathBuf>,
    /// As hive-mind.
    #[command(flatten)]
    pub hive_mind: HiveMindArgs,
    /// As hft.
    #[command(flatten)]
    pub hft: HftArgs,
}

impl DialectArgs {
    /// Who is let in.
    ///
    /// # Errors
    /// [`EngineError::Usage`] when there is no key where one should be.
    pub fn rules(&self) -> Result<Rules, EngineError> {
        Ok(Rules {
            key: self.api_key.as_deref().map(key_in).transpose()?,
            rate_limit: self.rate_limit,
        })
    }
}
