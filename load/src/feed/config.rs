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
    /// How a buy and a sell are called.
    pub sides: [String; 2],
    pub seed: u64,
    pub files: FeedFiles,
}

/// What is to be written; no file may exist.
#[derive(Debug, Clone)]
pub enum FeedFiles {
    /// Of whoever listens from the start: all messages, and what they tell of the books, where that is asked for.
    Whole {
        messages: PathBuf,
        book: Option<PathBuf>,
    },
    /// Of whoever comes late: what it is told of the books.
    Late { book: PathBuf },
}
