//! What a node is told to be hive-mind.

use std::net::SocketAddr;

/// Which of two deployments a node belongs to: traffic is switched from one to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Colour {
    /// The one.
    Blue,
    /// The other.
    Green,
}

impl Colour {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }
}

/// Arguments of hive-mind.
#[derive(Debug, Clone, clap::Args)]
pub struct HiveMindArgs {
    /// As hive-mind: the port of its health, at the address of --http.
    #[arg(long, value_name = "PORT", default_value_t = 8091)]
    pub health: u16,
    /// As hive-mind: the port of its metrics, at the address of --http.
    #[arg(long, value_name = "PORT", default_value_t = 9090)]
    pub metrics: u16,
    /// As hive-mind: which deployment the node belongs to.
    #[arg(long, value_name = "COLOUR")]
    pub colour: Option<Colour>,
}

/// What makes a node hive-mind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiveMind {
    /// Where it serves its health.
    pub health: SocketAddr,
    /// Where it serves its metrics.
    pub metrics: SocketAddr,
    /// Its deployment.
    pub colour: Option<Colour>,
    /// What its memory is held against, in bytes.
    pub memory_limit: Option<u64>,
}

impl HiveMindArgs {
    /// The configuration of a node that serves clients at `http`.
    pub fn into_config(self, http: SocketAddr, memory_limit: Option<u64>) -> HiveMind {
        HiveMind {
            health: SocketAddr::new(http.ip(), self.health),
            metrics: SocketAddr::new(http.ip(), self.metrics),
            colour: self.colour,
            memory_limit,
        }
    }
}
