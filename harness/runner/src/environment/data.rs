//! The data of servers that Shakedown has started: kept, and brought back.

use super::error::EnvironmentError;
use super::kind::Environment;
use super::local::no_store;

impl Environment {
    /// Keeps the data; what it came to, in words.
    pub(crate) async fn back_up(&self) -> Result<String, EnvironmentError> {
        match self {
            Environment::Local(cluster) => cluster.back_up().await,
            Environment::External(_)
            | Environment::Kubernetes(_)
            | Environment::Docker(_)
            | Environment::OnNode(_) => Err(no_store()),
        }
    }

    /// Brings the data back as it was at a moment, in nanoseconds since 1970; what it came to, in words.
    pub(crate) async fn restore(&self, moment: (u64, &str)) -> Result<String, EnvironmentError> {
        match self {
            Environment::Local(cluster) => cluster.restore(moment).await,
            Environment::External(_)
            | Environment::Kubernetes(_)
            | Environment::Docker(_)
            | Environment::OnNode(_) => Err(no_store()),
        }
    }
}
