//! Holding the Lease of a drill while the run goes on.
//!
//! The Lease is renewed every few seconds. When somebody else has it, when it was removed, or when it could not be renewed
//! for as long as it is good, the run is told to end, as by a signal: it heals first. An annotation on the Lease asks
//! the run to end, too.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use shakedown_record::event::{Leftover, LeftoverKind};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::mark::{DrillAbout, DrillMark};
use crate::mechanisms::kubernetes::act::{Acquired, HeldLease, LeaseClaim};
use crate::mechanisms::kubernetes::{Cluster, ClusterError};

/// Whoever puts this on the Lease ends the run; its value says who that is.
pub const HALT_ANNOTATION: &str = "shakedown.dev/halt";

const RENEWED_EVERY: Duration = Duration::from_secs(2);
const ONE_CALL_WITHIN: Duration = Duration::from_secs(3);
/// The API server may just be coming back.
const RELEASED_WITHIN: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(500);
/// A Lease may go away between two looks at it.
const TRIES: usize = 3;

/// Somebody else has the Lease. Nothing was touched: exit 77.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{system} in namespace {namespace} is being validated already by {by}, since {since}; {}",
    what_to_do(until, lease)
)]
pub struct Taken {
    pub system: String,
    pub namespace: String,
    pub by: String,
    pub since: String,
    pub until: Timestamp,
    /// Its name and namespace.
    pub lease: (String, String),
}

/// Why there is no Lease.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    #[error(transparent)]
    Taken(Box<Taken>),
    #[error(
        "there is no namespace {0}, in which a run keeps its Lease and a copy of its journal: make it (kubectl create \
         namespace {0}), or name another in the profile (environments.kubernetes.drills)"
    )]
    NoNamespace(String),
    #[error("the Lease that lets one run at a time on the system cannot be had: {0}")]
    Cluster(#[from] ClusterError),
}

fn what_to_do(until: &Timestamp, (name, namespace): &(String, String)) -> String {
    format!(
        "wait for that run, or end it: `shakedown halt --environment kubernetes --namespace {namespace}`; if its runner is dead, \
         its Lease {name} in {namespace} is free after {}",
        until.round(jiff::Unit::Second).unwrap_or(*until)
    )
}

/// A Lease that is held and renewed. Dropping it ends the renewing, and the Lease runs out.
#[derive(Debug)]
pub struct Drill {
    cluster: Cluster,
    mark: DrillMark,
    /// `None` once it was lost or given back.
    held: Arc<Mutex<Option<HeldLease>>>,
    keeping: JoinHandle<()>,
}

impl Drill {
    /// Takes the Lease and keeps it. Why it has to be given up is said to `end`.
    ///
    /// # Errors
    /// When somebody else has it; when the API server does not give it.
    pub async fn begin(
        cluster: &Cluster,
        about: &DrillAbout,
        (system, namespace): (&str, &str),
        end: watch::Sender<Option<String>>,
    ) -> Result<Drill, DrillError> {
        let claim = about.claim();
        let held = match acquire(cluster, &claim).await? {
            Acquired::Held(held) => Arc::new(Mutex::new(Some(held))),
            Acquired::Taken { by, since, until } => {
                return Err(DrillError::Taken(Box::new(Taken {
                    system: system.to_string(),
                    namespace: namespace.to_string(),
                    by,
                    since: since.map_or("nobody knows when".to_string(), |since| {
                        since.round(jiff::Unit::Second).unwrap_or(since).to_string()
                    }),
                    until,
                    lease: (claim.name, claim.namespace),
                })));
            }
        };
        let keeper = Keeper {
            cluster: cluster.within(ONE_CALL_WITHIN),
            held: Arc::clone(&held),
            good_for: Duration::from_secs(u64::from(about.duration_s)),
            end,
        };
        Ok(Drill {
            cluster: cluster.within(ONE_CALL_WITHIN),
            mark: about.mark(cluster.reach()),
            held,
            keeping: tokio::spawn(keeper.keep()),
        })
    }

    /// Where it is, for a journal.
    pub fn mark(&self) -> &DrillMark {
        &self.mark
    }

    /// Gives the Lease back; says what is left of it when that cannot be done.
    pub async fn give_back(self) -> Option<Leftover> {
        self.keeping.abort();
        let mut held = self.held.lock().await.take()?;
        let until = Instant::now() + RELEASED_WITHIN;
        loop {
            // What was written last may not be known here.
            let released = match self.cluster.renew(&mut held).await {
                Ok(()) => self.cluster.release(&held).await,
                Err(error) if is_lost(&error) => return None,
                Err(error) => Err(error),
            };
            match released {
                Ok(()) => return None,
                Err(error) if Instant::now() + PAUSE >= until => {
                    let DrillMark {
                        lease, namespace, ..
                    } = &self.mark;
                    return Some(Leftover {
                        kind: LeftoverKind::Object,
                        what: format!("the lease {lease} in {namespace}: {error}"),
                        remove_with: self.mark.remove_lease_with(),
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

impl Drop for Drill {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

/// Takes a Lease that may be given back just now.
pub(crate) async fn acquire(cluster: &Cluster, claim: &LeaseClaim) -> Result<Acquired, DrillError> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        match cluster.acquire(claim).await {
            Ok(acquired) => return Ok(acquired),
            Err(ClusterError::NotFound(ask)) if ask.verb == "create" => {
                return Err(DrillError::NoNamespace(claim.namespace.clone()));
            }
            Err(error) if error.is_gone() && tries > 0 => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Renews a Lease for as long as it can be had.
struct Keeper {
    cluster: Cluster,
    held: Arc<Mutex<Option<HeldLease>>>,
    good_for: Duration,
    end: watch::Sender<Option<String>>,
}

/// What a renewal comes to.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    GoOn,
    /// Somebody asks the run to end.
    Halted(String),
    Lost(String),
}

impl Keeper {
    async fn keep(self) {
        let mut renewed_at = Instant::now();
        loop {
            tokio::time::sleep(RENEWED_EVERY.min(self.good_for / 4)).await;
            let mut held = self.held.lock().await;
            let Some(lease) = held.as_mut() else { return };
            let asked_at = Instant::now();
            let renewed = self.cluster.renew(lease).await;
            if renewed.is_ok() {
                renewed_at = asked_at;
            }
            let halted = lease.annotation(HALT_ANNOTATION);
            match next(renewed, halted, renewed_at.elapsed(), self.good_for) {
                Next::GoOn => {}
                Next::Halted(by) => self.say(by),
                Next::Lost(why) => {
                    let claim = lease.claim().clone();
                    *held = None;
                    let by = self.holder_of(&claim).await;
                    let LeaseClaim {
                        name, namespace, ..
                    } = claim;
                    self.say(format!(
                        "the loss of the lease {name} in {namespace} ({why}{by})"
                    ));
                    return;
                }
            }
        }
    }

    fn say(&self, why: String) {
        self.end.send_if_modified(|said| match said {
            Some(_) => false,
            None => {
                *said = Some(why);
                true
            }
        });
    }

    async fn holder_of(&self, claim: &LeaseClaim) -> String {
        let found = self.cluster.get::<Lease>(&claim.namespace, &claim.name);
        let holder = found
            .await
            .ok()
            .and_then(|lease| lease.spec?.holder_identity);
        holder
            .filter(|holder| *holder != claim.holder)
            .map_or(String::new(), |holder| format!(": {holder}"))
    }
}

/// It is not ours any more.
fn is_lost(error: &ClusterError) -> bool {
    matches!(
        error,
        ClusterError::Conflict { .. } | ClusterError::NotFound(_)
    )
}

fn next(
    renewed: Result<(), ClusterError>,
    halted: Option<&str>,
    silent_for: Duration,
    good_for: Duration,
) -> Next {
    match (renewed, halted) {
        (Ok(()), Some(by)) => Next::Halted(format!("halt by {by}")),
        (Ok(()), None) => Next::GoOn,
        (Err(ClusterError::NotFound(_)), _) => Next::Lost("it was removed".to_string()),
        (Err(error), _) if is_lost(&error) => Next::Lost("somebody else has it".to_string()),
        (Err(error), _) if silent_for >= good_for => {
            let s = good_for.as_secs();
            Next::Lost(format!(
                "not renewed for the {s} s that it is good: {error}"
            ))
        }
        (Err(error), _) => {
            tracing::warn!("the lease of the run is not renewed: {error}");
            Next::GoOn
        }
    }
}

#[cfg(test)]
mod tests;
