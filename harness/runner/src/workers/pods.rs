//! Workers as pods of an Indexed Job, on machines of a cluster.
//!
//! A pod does nothing by itself: a worker is started in it by `exec`, and that connection is its standard input and
//! output. So nobody listens, nothing that is said stands in a log or in a manifest, and a worker whose connection
//! breaks ends. Its own ledger stays in its pod, from which it is fetched when only the worker died.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shakedown_load::workers::{DESERTED_AFTER, Post, WorkerLink, has_unread, take_over};
use shakedown_record::event::{Leftover, LeftoverKind};
use shakedown_record::run_dir::RunDir;
use shakedown_record::worker::Parts;
use shakedown_scenarios::plan::KubernetesPlan;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::job::{CONTAINER, FOLDER, INDEX_LABEL, Wanted, job, name_of, selector};
use crate::drill::RUN_LABEL;
use crate::error::RunError;
use crate::journal::{Entry, Journal, Undo};
use crate::mechanisms::kubernetes::act::{Conversation, ObjectKind, OwnObject};
use crate::mechanisms::kubernetes::look::{ContainerState, PodLook};
use crate::mechanisms::kubernetes::{self, Cluster, ClusterError};

/// An image may have to be pulled.
const START_WITHIN: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Its pods have 2 s to end in.
const GONE_WITHIN: Duration = Duration::from_secs(35);

/// A worker's ledger is fetched within this, or not at all.
const FETCH_WITHIN: Duration = Duration::from_secs(60);

/// The program of a pod, wherever its image keeps it.
const ITSELF: &str = "/proc/1/exe";

/// What the workers are called in the journal.
pub(crate) const LABEL: &str = "workers";

/// The Job of a run's workers.
#[derive(Debug)]
pub struct WorkerJob {
    cluster: Cluster,
    own: OwnObject,
    run_id: String,
    workers: u32,
}

impl WorkerJob {
    /// The Job of a run; nothing is made yet.
    ///
    /// # Errors
    /// When the profile names no image and no namespace.
    pub fn of(
        cluster: Cluster,
        plan: &KubernetesPlan,
        run_id: &str,
        workers: u32,
    ) -> Result<WorkerJob, RunError> {
        let Some(agent) = &plan.agent else {
            return Err(failed(
                0,
                "the profile has no `agent`, whose image and namespace they take",
            ));
        };
        Ok(WorkerJob {
            cluster,
            own: OwnObject {
                kind: ObjectKind::Job,
                namespace: agent.namespace.clone(),
                name: name_of(run_id),
                label: (RUN_LABEL.to_string(), run_id.to_string()),
            },
            run_id: run_id.to_string(),
            workers,
        })
    }

    /// Makes the Job, waits for its pods, and starts a worker in each.
    ///
    /// # Errors
    /// In words, which pod does not start, and why.
    pub async fn start(
        &self,
        plan: &KubernetesPlan,
        longest_s: u64,
        run_dir: &RunDir,
        journal: &Journal,
    ) -> Result<Vec<WorkerLink>, RunError> {
        let Some(agent) = &plan.agent else {
            return Err(failed(0, "the profile has no `agent`"));
        };
        journal.record(&Entry::FaultIntent {
            fault: LABEL.to_string(),
            kind: LABEL.to_string(),
            targets: vec![self.own.to_string()],
            undo: vec![Undo::Cluster {
                name: self.own.to_string(),
                back: Box::new(kubernetes::Undo::delete(&self.cluster, self.own.clone())),
            }],
        })?;
        let wanted = job(Wanted {
            name: &self.own.name,
            run_id: &self.run_id,
            workers: self.workers,
            longest_s,
            cluster: plan,
            agent,
        });
        let made = self.cluster.create(&self.own.namespace, &wanted).await;
        made.map_err(|error| failed(0, error))?;
        let mut links = Vec::new();
        for (number, pod) in self.pods().await?.into_iter().enumerate() {
            let shard = Parts::shard(&run_dir.workers(), number as u32 + 1);
            let link = self.engage(&pod, shard).await;
            links.push(link.map_err(|why| failed(number as u32 + 1, why))?);
        }
        Ok(links)
    }

    /// The pods in the order of their numbers, once all of them run.
    async fn pods(&self) -> Result<Vec<PodLook>, RunError> {
        let (until, selector) = (Instant::now() + START_WITHIN, selector(&self.run_id));
        loop {
            let seen = self.cluster.pods(&self.own.namespace, &selector).await;
            let why = match seen {
                Ok(pods) => match in_order(pods, self.workers) {
                    Ok(pods) => return Ok(pods),
                    Err(why) => why,
                },
                Err(error) if error.is_passing() => (0, error.to_string()),
                Err(error) => return Err(failed(0, error)),
            };
            if Instant::now() >= until {
                let (number, why) = why;
                let within_s = START_WITHIN.as_secs();
                return Err(failed(number, format!("within {within_s} s: {why}")));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn engage(&self, pod: &PodLook, shard: PathBuf) -> Result<WorkerLink, String> {
        let words = [ITSELF, "worker"].map(str::to_string);
        let conversation = self
            .cluster
            .converse(&self.own.namespace, &pod.name, CONTAINER, &words)
            .await
            .map_err(|error| error.to_string())?;
        let told = Arc::new(Mutex::new(None));
        let ours = bridge(conversation, Arc::clone(&told)).map_err(|error| error.to_string())?;
        let end = |ours: &UnixStream| ours.try_clone().map_err(|error| error.to_string());
        let (reader, writer) = (end(&ours)?, end(&ours)?);
        let node = pod.node.as_deref().unwrap_or("an unknown node");
        Ok(WorkerLink {
            place: format!("pod {} on {node}", pod.name),
            reader: Box::new(reader),
            writer: Box::new(writer),
            ledger: PathBuf::from(FOLDER).join("ledger"),
            shard: shard.clone(),
            post: Box::new(PodPost {
                runtime: Handle::current(),
                cluster: self.cluster.clone(),
                namespace: self.own.namespace.clone(),
                pod: pod.name.clone(),
                ours,
                told,
                shard,
            }),
        })
    }

    /// Takes the Job away, with its pods.
    pub async fn remove(&self, journal: &Journal) -> Option<Leftover> {
        let removed = async {
            self.cluster.delete_own(&self.own).await?;
            self.cluster.gone(&self.own, GONE_WITHIN).await
        };
        let why = match removed.await {
            Ok(()) => {
                let fault = LABEL.to_string();
                let closed = journal.record(&Entry::FaultHealed { fault });
                closed.err().map(|error| error.to_string())
            }
            Err(error) => Some(error.to_string()),
        };
        why.map(|why| Leftover {
            kind: LeftoverKind::Object,
            what: format!("{}: {why}", self.own),
            remove_with: format!("shakedown recover {}", journal.run_id()),
        })
    }
}

fn failed(worker: u32, why: impl ToString) -> RunError {
    RunError::Worker {
        worker: worker.max(1),
        why: why.to_string(),
    }
}

/// The pods by their numbers, when there are as many as workers and all run; else which one does not, and why.
fn in_order(pods: Vec<PodLook>, workers: u32) -> Result<Vec<PodLook>, (u32, String)> {
    let mut all = Vec::new();
    for number in 0..workers {
        let is_it = |pod: &&PodLook| {
            let index = pod.labels.get(INDEX_LABEL);
            index.is_some_and(|index| *index == number.to_string())
        };
        let missing = |why: &str| (number + 1, why.to_string());
        let pod = pods.iter().find(is_it);
        let pod = pod.ok_or_else(|| missing("there is no pod for it: kubectl describe job"))?;
        let container = pod.containers.iter().find(|it| it.name == CONTAINER);
        match container.map(|it| &it.state) {
            Some(ContainerState::Running { .. }) => all.push(pod.clone()),
            Some(ContainerState::Waiting { reason }) if !reason.is_empty() => {
                return Err(missing(&format!("pod {} waits: {reason}", pod.name)));
            }
            Some(ContainerState::Terminated(ended)) => {
                let (code, reason) = (ended.exit_code, &ended.reason);
                return Err(missing(&format!(
                    "pod {} has ended with code {code}: {reason}",
                    pod.name
                )));
            }
            Some(ContainerState::Waiting { .. }) | None => {
                return Err(missing(&format!("pod {} does not run", pod.name)));
            }
        }
    }
    Ok(all)
}

/// Carries what is said both ways between a socket of ours and a worker, until one of them closes.
fn bridge(mut with: Conversation, told: Arc<Mutex<Option<String>>>) -> io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    theirs.set_nonblocking(true)?;
    let (mut from_us, mut to_us) = tokio::net::UnixStream::from_std(theirs)?.into_split();
    tokio::spawn(async move {
        tokio::select! {
            there = tokio::io::copy(&mut from_us, &mut with.stdin) => {
                tracing::debug!("nothing more is said to a worker: {there:?}");
            }
            back = tokio::io::copy(&mut with.stdout, &mut to_us) => {
                tracing::debug!("nothing more is said by a worker: {back:?}");
            }
        }
        let how = with.ended().await;
        *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(how);
        // Only now the other end sees the end.
        drop(to_us);
    });
    Ok(ours)
}

/// Power over a worker in a pod.
struct PodPost {
    runtime: Handle,
    cluster: Cluster,
    namespace: String,
    pod: String,
    ours: UnixStream,
    told: Arc<Mutex<Option<String>>>,
    shard: PathBuf,
}

impl Post for PodPost {
    fn end(&mut self) -> String {
        // It may be closed already.
        let _ = self.ours.shutdown(std::net::Shutdown::Both);
        for _ in 0..300 {
            let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(how) = told.as_ref() {
                return format!("pod {}: {how}", self.pod);
            }
            drop(told);
            std::thread::sleep(Duration::from_millis(10));
        }
        format!("pod {}: the connection to it was closed", self.pod)
    }

    fn has_unread(&self) -> bool {
        has_unread(&self.ours)
    }

    fn rescue(&mut self) -> Result<(), String> {
        let ledger = ledger_in(&self.cluster, &self.namespace, &self.pod);
        let fetched = self
            .runtime
            .block_on(async { tokio::time::timeout(FETCH_WITHIN, ledger).await });
        let why = match fetched {
            Ok(Ok(bytes)) => {
                let taken = take_over(&mut bytes.as_slice(), &self.shard);
                return taken.map(|_| ()).map_err(|error| error.to_string());
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it was not fetched within {} s", FETCH_WITHIN.as_secs()),
        };
        // Nobody can tell it to end: after this it has ended by itself.
        std::thread::sleep(DESERTED_AFTER + Duration::from_secs(1));
        Err(why)
    }
}

/// The ledger of a worker, from whoever is left in its pod; the worker is ended first, should it still run.
async fn ledger_in(cluster: &Cluster, namespace: &str, pod: &str) -> Result<Vec<u8>, ClusterError> {
    let folder = format!("{FOLDER}/ledger");
    let words = [ITSELF, "worker", "--hand-over", &folder].map(str::to_string);
    let command = cluster.exec(namespace, pod, CONTAINER, &words).await?;
    command.all(FETCH_WITHIN).await
}

/// Brings the ledgers of a dead run's workers from their pods, as long as these are there, to where they are taken from. What
/// could not be brought, in words.
///
/// # Errors
/// When the cluster does not say which pods there are.
pub(crate) async fn fetch_ledgers(
    cluster: &Cluster,
    namespace: &str,
    run_id: &str,
    shards: &Path,
) -> Result<Vec<String>, ClusterError> {
    let mut missed = Vec::new();
    for pod in cluster.pods(namespace, &selector(run_id)).await? {
        let index = pod.labels.get(INDEX_LABEL);
        let Some(index) = index.and_then(|index| index.parse::<u32>().ok()) else {
            continue;
        };
        let fetched = ledger_in(cluster, namespace, &pod.name).await;
        let kept = fetched
            .map_err(|error| error.to_string())
            .and_then(|bytes| {
                let taken = take_over(&mut bytes.as_slice(), &Parts::shard(shards, index + 1));
                taken.map_err(|error| error.to_string())
            });
        if let Err(why) = kept {
            missed.push(format!("pod {}: {why}", pod.name));
        }
    }
    Ok(missed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    use super::*;

    fn pod(index: u32, state: serde_json::Value) -> PodLook {
        let labels = BTreeMap::from([(INDEX_LABEL, index.to_string())]);
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": format!("w-{index}"), "namespace": "agents", "uid": "u", "labels": labels},
            "spec": {"containers": [{"name": CONTAINER, "image": "it"}], "nodeName": "node-1"},
            "status": {"phase": "Running", "containerStatuses": [
                {"name": CONTAINER, "image": "it", "imageID": "", "ready": true, "restartCount": 0, "state": state}]}
        }))
        .unwrap();
        PodLook::of(&pod).unwrap()
    }

    #[test]
    fn pods_come_in_the_order_of_their_numbers_once_all_run() {
        let running = json!({"running": {}});
        let pods = vec![pod(1, running.clone()), pod(0, running.clone())];
        let names: Vec<String> = in_order(pods, 2)
            .unwrap()
            .into_iter()
            .map(|it| it.name)
            .collect();
        assert_eq!(names, ["w-0", "w-1"]);
        let (number, why) = in_order(vec![pod(0, running.clone())], 2).unwrap_err();
        assert_eq!(number, 2);
        assert!(why.contains("no pod"), "{why}");
        let waits = pod(1, json!({"waiting": {"reason": "ImagePullBackOff"}}));
        let (_, why) = in_order(vec![pod(0, running.clone()), waits], 2).unwrap_err();
        assert_eq!(why, "pod w-1 waits: ImagePullBackOff");
        let over = pod(
            0,
            json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
        );
        let (number, why) = in_order(vec![over, pod(1, running)], 2).unwrap_err();
        assert_eq!(number, 1);
        assert_eq!(why, "pod w-0 has ended with code 137: OOMKilled");
    }
}
