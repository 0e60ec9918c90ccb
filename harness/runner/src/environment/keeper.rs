//! Who keeps servers that have roles: in which order they come up, and what one is that is started again.

use tokio::sync::watch;

use super::error::EnvironmentError;
use super::local::{LocalCluster, no_store};
use super::{alike, postgresql, redis};

/// Who keeps the servers of a store.
#[derive(Debug)]
pub(super) enum Keeper {
    PostgreSql(postgresql::Keeper),
    Redis(Box<redis::Keeper>),
    Alike(Box<alike::Keeper>),
}

impl Keeper {
    /// All of them, each in its role.
    pub(super) async fn bring_up(&self, cluster: &LocalCluster) -> Result<(), EnvironmentError> {
        match self {
            Keeper::PostgreSql(keeper) => keeper.bring_up(cluster).await,
            Keeper::Redis(keeper) => keeper.bring_up(cluster).await,
            Keeper::Alike(keeper) => keeper.bring_up(cluster).await,
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
            Keeper::Alike(keeper) => keeper.respawn(cluster, name).await,
        }
    }

    /// Whether it knows how to keep the data of its servers.
    pub(super) fn keeps_data(&self) -> bool {
        match self {
            Keeper::PostgreSql(_) => true,
            Keeper::Redis(_) | Keeper::Alike(_) => false,
        }
    }

    /// Keeps the data.
    pub(super) async fn back_up(&self, cluster: &LocalCluster) -> Result<String, EnvironmentError> {
        match self {
            Keeper::PostgreSql(keeper) => keeper.back_up(cluster).await,
            Keeper::Redis(_) | Keeper::Alike(_) => Err(no_store()),
        }
    }

    /// Brings the data back as it was at a moment.
    pub(super) async fn restore(
        &self,
        cluster: &LocalCluster,
        moment: (u64, &str),
    ) -> Result<String, EnvironmentError> {
        match self {
            Keeper::PostgreSql(keeper) => keeper.restore(cluster, moment).await,
            Keeper::Redis(_) | Keeper::Alike(_) => Err(no_store()),
        }
    }

    /// No server is promoted by Shakedown from now on.
    pub(super) fn rest(&self) {
        match self {
            Keeper::PostgreSql(keeper) => keeper.rest(),
            Keeper::Redis(_) => {}
            Keeper::Alike(keeper) => keeper.rest(),
        }
    }

    /// Which place of the part the primary has, now and whenever another one is promoted; `None`: there is none.
    pub(super) fn primary(&self) -> Option<watch::Receiver<usize>> {
        match self {
            Keeper::PostgreSql(keeper) => Some(keeper.primary()),
            Keeper::Redis(_) | Keeper::Alike(_) => None,
        }
    }
}
