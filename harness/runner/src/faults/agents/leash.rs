//! The Lease on which the agents of one firing hang: renewed while Shakedown lives, and the way in which they are told
//! what to do.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::agent::{PHASE_ANNOTATION, Phase};
use crate::drill::RUN_LABEL;
use crate::mechanisms::kubernetes::act::{Acquired, HeldLease, LeaseClaim};
use crate::mechanisms::kubernetes::{Ask, Cluster, ClusterError};

/// Agents hold it for lost when it has not changed for 4 s.
const RENEWED_EVERY: Duration = Duration::from_secs(1);
const ONE_CALL_WITHIN: Duration = Duration::from_millis(1_500);
const PAUSE: Duration = Duration::from_millis(500);
const DURATION_S: u32 = 5;

/// A Lease of ours. Dropping it ends the renewing: the agents heal.
#[derive(Debug)]
pub(super) struct Leash {
    cluster: Cluster,
    held: Arc<Mutex<HeldLease>>,
    renewing: JoinHandle<()>,
}

impl Leash {
    pub(super) async fn hold(
        cluster: &Cluster,
        namespace: &str,
        name: &str,
        run_id: &str,
    ) -> Result<Leash, ClusterError> {
        let claim = LeaseClaim {
            namespace: namespace.to_string(),
            name: name.to_string(),
            holder: run_id.to_string(),
            duration_s: DURATION_S,
            label: (RUN_LABEL.to_string(), run_id.to_string()),
        };
        let held = match cluster.acquire(&claim).await? {
            Acquired::Held(held) => Arc::new(Mutex::new(held)),
            Acquired::Taken { by, .. } => {
                let ask = Ask::of("acquire", "leases", namespace, name);
                return Err(ClusterError::Conflict {
                    ask,
                    why: format!("it is held by {by}"),
                });
            }
        };
        let cluster = cluster.within(ONE_CALL_WITHIN);
        let (renewed, by) = (Arc::clone(&held), cluster.clone());
        let renewing = tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEWED_EVERY).await;
                let mut held = renewed.lock().await;
                if let Err(error) = by.renew(&mut held).await {
                    tracing::warn!("the lease of the agents is not renewed: {error}");
                }
            }
        });
        Ok(Leash {
            cluster,
            held,
            renewing,
        })
    }

    /// Says what is to be done.
    pub(super) async fn say(&self, phase: Phase) -> Result<(), ClusterError> {
        let mut held = self.held.lock().await;
        held.annotate(PHASE_ANNOTATION, phase.word());
        self.cluster.renew(&mut held).await
    }

    /// The same, again and again while the API server does not take it.
    pub(super) async fn say_until(&self, phase: Phase, until: Instant) -> Result<(), ClusterError> {
        loop {
            match self.say(phase).await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() + PAUSE >= until => return Err(error),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Renews it no longer.
    pub(super) async fn let_go(&self) {
        self.renewing.abort();
        // A renewal that is under way is over once its lock can be had.
        drop(self.held.lock().await);
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}
