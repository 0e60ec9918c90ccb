//! What a listener is told.

use std::path::PathBuf;

use shakedown_scenarios::plan::{Auth, FeedPlan};

use crate::secret::Secrets;

/// What a listener is told.
#[derive(Debug, Clone)]
pub struct FeedConfig {
    pub plan: FeedPlan,
    pub auth: Auth,
    pub secrets: Secrets,
    /// Base URLs, such as `http://127.0.0.1:8080`; one after the other is dialled.
    pub entry: Vec<String>,
    /// Prefix of our orders' ids: the order of slot 17 is `{prefix}-17`.
    pub prefix: String,
    pub seed: u64,
    /// The file to be written; it must not exist.
    pub file: PathBuf,
}
