//! The Lease of a dead run, held while its journal is replayed: nobody else runs on the system meanwhile.

use super::adopt::RECOVERS_WITHIN_S;
use super::report::RunState;
use crate::drill::{DrillError, DrillMark, acquire};
use crate::mechanisms::kubernetes::act::Acquired;
use crate::mechanisms::kubernetes::{Cluster, ClusterError, Replayed};

/// Takes the Lease, and says who has it when it cannot be had. What keeps us from asking is met with again by whatever
/// is to be undone.
pub(super) fn take(mark: &DrillMark) -> Option<RunState> {
    match ask(mark) {
        Ok(Acquired::Taken { by, until, .. }) => Some(RunState::Held {
            by,
            until: until.to_string(),
        }),
        Ok(Acquired::Held(_)) => None,
        Err(error) => {
            tracing::warn!("{error}");
            None
        }
    }
}

/// Takes the Lease, if it can be had.
pub(super) fn ask(mark: &DrillMark) -> Result<Acquired, DrillError> {
    let claim = mark.claim(RECOVERS_WITHIN_S);
    Cluster::blocking(&mark.reach, async move |cluster| {
        Ok(acquire(&cluster, &claim).await)
    })?
}

/// Gives the Lease back, and removes the copy of the journal where nothing is left to be undone.
pub(super) fn give_back(mark: &DrillMark, nothing_left: bool) -> Result<(), String> {
    let own = mark.clone();
    let done = Cluster::blocking(&mark.reach, async move |cluster| {
        if nothing_left && let Replayed::Foreign(why) = cluster.delete_own(&own.own_copy()).await? {
            return Ok(Err(why));
        }
        release(&cluster, &own).await.map(Ok)
    });
    done.map_err(|error| error.to_string())?
}

async fn release(cluster: &Cluster, mark: &DrillMark) -> Result<(), ClusterError> {
    match acquire(cluster, &mark.claim(RECOVERS_WITHIN_S)).await {
        Ok(Acquired::Held(held)) => cluster.release(&held).await,
        // Whoever has it by now gives it back.
        Ok(Acquired::Taken { .. }) | Err(DrillError::NoNamespace(_) | DrillError::Taken(_)) => {
            Ok(())
        }
        Err(DrillError::Cluster(error)) => Err(error),
    }
}
