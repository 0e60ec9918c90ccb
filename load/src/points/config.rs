//! What a publisher is told.

use std::path::PathBuf;

use shakedown_scenarios::plan::{Auth, PublishPlan, SymbolShare};

use crate::secret::Secrets;

/// What a publisher is told.
#[derive(Debug, Clone)]
pub struct PointsConfig {
    pub plan: PublishPlan,
    pub rate_per_s: f64,
    pub symbols: Vec<SymbolShare>,
    pub seed: u64,
    pub auth: Auth,
    pub secrets: Secrets,
    /// Base URLs: `http://127.0.0.1:8080`, or `tcp://127.0.0.1:7430` for frames. One is used at a time.
    pub entry: Vec<String>,
    /// A point that is not written by then after its intended time is left out, and one that is not acknowledged by then
    /// after the end stays without; in nanoseconds.
    pub timeout_ns: u64,
    /// The file to be written; it must not exist.
    pub file: PathBuf,
}
