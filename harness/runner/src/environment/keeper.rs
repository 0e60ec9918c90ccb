//! Who keeps servers that have roles: in which order they come up, and what one is that is started again.

use super::error::EnvironmentError;
use super::local::LocalCluster;
use super::{postgresql, redis};

/// Who keeps the servers of a store.
#[derive(Debug)]
pub(super) enum Keeper {
    PostgreSql(postgresql::Keeper),
    Redis(Box<redis::Keeper>),
}

impl Keeper {
    /// All of them, each in its role.
    pub(super) async fn bring_up(&self, cluster: &LocalCluster) -> Result<(), EnvironmentError> {
        match self {
            Keeper::PostgreSql(keeper) => keeper.bring_up(cluster).await,
            Keeper::Redis(keeper) => keeper.bring_up(cluster).await,
        }
    }

    /// Starts a server again, in the role that is its own then.
    pub(super) async fn respawn(
        &self,
        cluster: &LocalCluster,
        name: &str,
    ) -> Result<(), EnvironmentError> {
        match self {
            Keeper::PostgreSql(keeper) => keeper.respawn(cluster, name).await,
            Keeper::Redis(keeper) => keeper.respawn(cluster, name).await,
        }
    }

    /// No server is promoted by Shakedown from now on.
    pub(super) fn rest(&self) {
        match self {
            Keeper::PostgreSql(keeper) => keeper.rest(),
            Keeper::Redis(_) => {}
        }
    }
}
