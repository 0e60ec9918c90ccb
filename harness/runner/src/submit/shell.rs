//! Submitting, following, fetching, and taking everything away.

use std::time::{Duration, Instant};

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use shakedown_record::ExitCode;
use shakedown_record::run_dir::RunDir;

use super::error::SubmitError;
use super::fetch::{Courier, fetch_run};
use super::manifest::{GRACE_S, config_map, job};
use super::parcel::{KEEP_S, Kept};
use super::preflight::preflight;
use super::submission::{SUBMITTED, Submission, by_hand};
use super::watch::{Heard, RunEnded, Stop, followed, pod_of, started};
use crate::mechanisms::kubernetes::act::{ObjectKind, OwnObject};
use crate::mechanisms::kubernetes::{Cluster, ClusterError};

/// Until everything is gone: the courier looks twice a second, the kubelet takes its time.
const GONE_WITHIN: Duration = Duration::from_secs(60);
/// Attempts to ask for the end of a Job.
const TRIES: u32 = 5;
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// A run that has ended in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The run's own.
    pub code: ExitCode,
    pub fetched: Fetched,
    /// The report as the run's log has it, when it came to one.
    pub report: Option<String>,
    /// What is still in the cluster.
    pub left: Option<String>,
}

/// What became of the run directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// It is here, as it was sealed.
    Whole,
    /// The run ended before it made one, and has said why.
    NoneMade,
    /// It is there, and not here.
    Failed(String),
}

/// Submits a run and follows it to its end. `dir` is made by the caller, and empty.
///
/// # Errors
/// When it is not submitted, does not start, or is lost. Then nothing of it is left in the cluster, unless the error
/// says so.
pub async fn submit(
    cluster: &Cluster,
    of: &Submission,
    dir: &RunDir,
    mut stop: Stop,
    say: &mut dyn FnMut(&str),
) -> Result<Delivered, SubmitError> {
    // Everything that can be wrong here comes before the first object there.
    config_map(of, "")?;
    preflight(cluster, of).await?;
    make(cluster, of).await?;
    say(&introduction(cluster, of));
    let pod = match started(cluster, of, &stop, say).await {
        Ok(pod) => pod,
        Err(error) => return Err(with_left(error, take_away(cluster, of).await)),
    };
    let courier = Courier {
        cluster,
        namespace: &of.namespace,
        pod: &pod,
    };
    let mut heard = Heard::default();
    let deadline_s = job(of).spec.and_then(|it| it.active_deadline_seconds);
    let most_s = u64::try_from(deadline_s.unwrap_or_default().saturating_add(GRACE_S));
    let until = Instant::now() + Duration::from_secs(most_s.unwrap_or_default());
    let ended = followed(&courier, &mut heard, &mut stop, until, say, async || {
        ask_for_end(cluster, of).await
    });
    let delivered = match ended.await {
        Ok(ended) => deliver(&courier, ended, &heard, dir).await,
        Err(error) => Err(error),
    };
    let delivered = match delivered {
        Ok(delivered) => delivered,
        Err(error) => return Err(with_left(error, take_away(cluster, of).await)),
    };
    if let Fetched::Failed(_) = delivered.fetched {
        return Ok(Delivered {
            left: Some(format!(
                "the run directory is not here, so its pod was left as it is: for {} min after its end it can be fetched \
                 by hand\n  {}\nand then `kubectl -n {} delete job {}`",
                KEEP_S / 60,
                by_hand(of, &cluster.reach().kubectl()),
                of.namespace,
                of.name
            )),
            ..delivered
        });
    }
    // A courier that does not hear it stays until the pod's grace is over; what matters is here already.
    let _ = courier.release().await;
    let left = take_away(cluster, of).await;
    Ok(Delivered { left, ..delivered })
}

/// The Job first: what is made after it goes with it.
async fn make(cluster: &Cluster, of: &Submission) -> Result<(), SubmitError> {
    let made: Job = cluster.create(&of.namespace, &job(of)).await?;
    let uid = made.metadata.uid.unwrap_or_default();
    let files = config_map(of, &uid)?;
    match cluster.create::<ConfigMap>(&of.namespace, &files).await {
        Ok(_) => Ok(()),
        Err(error) => Err(with_left(error.into(), take_away(cluster, of).await)),
    }
}

fn introduction(cluster: &Cluster, of: &Submission) -> String {
    format!(
        "submitted as job {} in {} of {}, as {}\n  \
         If this ends before the run does, the run goes on. For {} min after its end it can be fetched by hand:\n  {}",
        of.name,
        of.namespace,
        cluster.describe(),
        of.account,
        KEEP_S / 60,
        by_hand(of, &cluster.reach().kubectl())
    )
}

async fn deliver(
    courier: &Courier<'_>,
    ended: RunEnded,
    heard: &Heard,
    dir: &RunDir,
) -> Result<Delivered, SubmitError> {
    let (code, kept) = match ended {
        RunEnded::Code { code, kept } => (code, kept),
        RunEnded::Killed { why, kept } => {
            let fetched = fetched(courier, kept.as_ref(), dir).await;
            let here = match dir.events().exists() {
                true => "what it had recorded is here",
                false => "nothing of it could be fetched",
            };
            tracing::debug!("fetching a killed run: {fetched:?}");
            return Err(SubmitError::Killed(format!(
                "the run was ended in the cluster before it was over: {why}; {here}. Nobody has healed: agents do so \
                 by themselves, and `shakedown recover` takes back what is left where the journal can be found"
            )));
        }
        RunEnded::Gone => {
            return Err(SubmitError::Killed(
                "the pod of the run is gone, and its run directory with it: its node was lost, or somebody has deleted \
                 it. Whether it had healed is unknown; agents do so by themselves"
                    .to_string(),
            ));
        }
    };
    Ok(Delivered {
        code,
        fetched: fetched(courier, kept.as_ref(), dir).await,
        report: heard.report(),
        left: None,
    })
}

async fn fetched(courier: &Courier<'_>, kept: Option<&Kept>, dir: &RunDir) -> Fetched {
    let Some(kept) = kept else {
        let why = "the courier of the run does not answer; is its image of this version?";
        return Fetched::Failed(why.to_string());
    };
    match kept.bytes {
        Some(bytes) => match fetch_run(courier, bytes, dir).await {
            Ok(()) => Fetched::Whole,
            Err(why) => Fetched::Failed(why),
        },
        None => Fetched::NoneMade,
    }
}

/// Has the Job deleted: the run is asked to end, heals and is still there to be followed.
async fn ask_for_end(cluster: &Cluster, of: &Submission) -> Result<(), ClusterError> {
    let own = OwnObject {
        kind: ObjectKind::Job,
        namespace: of.namespace.clone(),
        name: of.name.clone(),
        label: (SUBMITTED.to_string(), of.name.clone()),
    };
    let mut tried = 1;
    loop {
        match cluster.delete_own(&own).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_passing() && tried < TRIES => {
                tried += 1;
                tokio::time::sleep(LOOK_EVERY * 5).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Deletes the Job, and waits until its pod and its files are gone; what is left.
async fn take_away(cluster: &Cluster, of: &Submission) -> Option<String> {
    let asked = ask_for_end(cluster, of).await;
    let until = Instant::now() + GONE_WITHIN;
    loop {
        let left = match &asked {
            Ok(()) => left(cluster, of).await,
            Err(error) => Some(error.to_string()),
        };
        let over = asked.is_err() || Instant::now() >= until;
        match left {
            None => return None,
            Some(what) if over => {
                return Some(format!(
                    "left in the cluster: job {} in {} ({what}); it goes by itself, or with `kubectl -n {} delete job {}`",
                    of.name, of.namespace, of.namespace, of.name
                ));
            }
            Some(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

async fn left(cluster: &Cluster, of: &Submission) -> Option<String> {
    match pod_of(cluster, of).await {
        Ok(None) => {}
        Ok(Some(_)) => return Some("its pod is being ended".to_string()),
        Err(error) => return Some(error.to_string()),
    }
    match cluster.get::<ConfigMap>(&of.namespace, &of.name).await {
        Ok(_) => Some("its files".to_string()),
        Err(error) if error.is_gone() => None,
        Err(error) => Some(error.to_string()),
    }
}

fn with_left(error: SubmitError, left: Option<String>) -> SubmitError {
    let Some(left) = left else {
        return error;
    };
    let text = format!("{error}\n{left}");
    match error {
        SubmitError::Usage(_) => SubmitError::Usage(text),
        SubmitError::Refused(_) => SubmitError::Refused(text),
        SubmitError::Killed(_) => SubmitError::Killed(text),
        SubmitError::Interrupted(_) => SubmitError::Interrupted(text),
        SubmitError::Unavailable(_) | SubmitError::Cluster(_) => SubmitError::Unavailable(text),
    }
}
