//! The pods of a run, as one environment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use shakedown_record::event::Event;
use shakedown_scenarios::plan::{KubernetesPlan, RestartedBy};
use tokio::task::JoinHandle;

use super::discovery::{FoundPart, connect, discover};
use super::entry::service_urls;
use super::seen::{PartOfPods, Seen, lock};
use super::slots::Slots;
use super::whereabouts::own_node;
use crate::environment::address_book::AddressBook;
use crate::environment::error::EnvironmentError;
use crate::environment::handle::{Replica, ReplicaHealth};
use crate::environment::health::{HttpAnswer, PlainRequest, ask_plain, readiness, refuses};
use crate::environment::kind::StartContext;
use crate::mechanisms::ProcessState;
use crate::mechanisms::kubernetes::look::{
    ContainerLook, ContainerState, NodeLook, PodLook, Workload,
};
use crate::mechanisms::kubernetes::{Cluster, Scope, Watch, WatchState};

const POLL: Duration = Duration::from_millis(25);
const ONE_ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Pods that run already. Dropping it leaves them as they are.
#[derive(Debug)]
pub struct KubernetesTarget {
    cluster: Cluster,
    plan: KubernetesPlan,
    /// By part: the container that is meant, and the port of the orders.
    parts: BTreeMap<String, PartOfPods>,
    replicas: Vec<Replica>,
    entry: Vec<String>,
    readiness: Option<PlainRequest>,
    health_port: Option<u16>,
    orders_per_s: f64,
    own_node: Option<String>,
    restarted_by: RestartedBy,
    seen: Arc<Seen>,
    observer: JoinHandle<()>,
}

/// Where a replica is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    pub replica: String,
    pub pod: PodLook,
    /// The container that is meant.
    pub container: String,
    pub port: u16,
}

impl Place {
    /// Where it serves; `None` while the pod has no address.
    pub fn address(&self) -> Option<SocketAddr> {
        self.pod.ip.map(|ip| SocketAddr::new(ip, self.port))
    }

    /// The runtime's name of its container.
    pub fn container_id(&self) -> Option<&str> {
        let mut all = self.pod.containers.iter();
        let own = all.find(|it| it.name == self.container)?;
        own.id.as_deref()
    }

    /// Its container runs.
    pub fn runs(&self) -> bool {
        let mut all = self.pod.containers.iter();
        let own = all.find(|it| it.name == self.container);
        own.is_some_and(|own| matches!(own.state, ContainerState::Running { .. }))
    }
}

impl KubernetesTarget {
    pub(in crate::environment) async fn start(
        context: &StartContext<'_>,
        plan: &KubernetesPlan,
    ) -> Result<KubernetesTarget, EnvironmentError> {
        let system = &context.plan.system;
        let cluster = connect(plan).await?;
        let found = discover(&cluster, system, plan).await?;
        let entry = service_urls(&cluster, plan).await?;
        let scope = Scope {
            pods: Some((plan.namespace.clone(), String::new())),
            nodes: true,
        };
        let mut watch = Watch::start(&cluster, scope).await?;
        let transitions = watch.transitions();
        let (parts, slots, replicas) = taken_in(plan, found);
        let faults = replicas.iter();
        let faults = faults.map(|replica| (replica.name.clone(), AtomicUsize::new(0)));
        let seen = Arc::new(Seen {
            watch,
            book: AddressBook::default(),
            slots: Mutex::new(slots),
            events: Mutex::default(),
            untold: Mutex::default(),
            faults: faults.collect(),
        });
        seen.follow(&parts);
        let nodes: Vec<NodeLook> = seen.watch.state().nodes.into_values().collect();
        // What cannot be found out, a guard has asked about before.
        let own_node = own_node(&cluster, &nodes).await.ok().flatten();
        let first = system.parts.first();
        let (observed, of_parts) = (Arc::clone(&seen), parts.clone());
        Ok(KubernetesTarget {
            observer: tokio::spawn(async move {
                let Some(mut transitions) = transitions else {
                    return;
                };
                while let Some(transition) = transitions.recv().await {
                    observed.take_in(&transition, &of_parts);
                }
            }),
            readiness: readiness(system, first.map_or("", |part| &part.name))?,
            health_port: system.health.as_ref().and_then(|health| health.port),
            own_node,
            orders_per_s: context.plan.load.arrival.rate_per_s(),
            restarted_by: first.map_or(RestartedBy::Nobody, |part| part.restarted_by),
            plan: plan.clone(),
            cluster,
            parts,
            replicas,
            entry,
            seen,
        })
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub fn plan(&self) -> &KubernetesPlan {
        &self.plan
    }

    /// Orders that the plan sends in a second.
    pub fn orders_per_s(&self) -> f64 {
        self.orders_per_s
    }

    /// The node on which this process runs, if on one.
    pub fn own_node(&self) -> Option<&str> {
        self.own_node.as_deref()
    }

    /// Pods and nodes as they are now.
    pub fn state(&self) -> WatchState {
        self.seen.watch.state()
    }

    /// Where the addresses of the replicas are looked up.
    pub fn book(&self) -> &AddressBook {
        &self.seen.book
    }

    /// The labels of each replica's pod.
    pub fn labels(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let label = |place: Place| (place.replica, place.pod.labels);
        self.places().into_iter().map(label).collect()
    }

    /// The images that the replicas run, as the runtime resolved them, each once.
    pub fn images(&self) -> Vec<String> {
        let mut images: Vec<String> = Vec::new();
        for place in self.places() {
            let is_meant = |it: &&ContainerLook| it.name == place.container;
            let own = place.pod.containers.iter().find(is_meant);
            images.extend(own.map(|own| own.image_id.clone()));
        }
        images.retain(|image| !image.is_empty());
        images.sort_unstable();
        images.dedup();
        images
    }

    /// Where a replica is now; `None` when it has no pod.
    pub fn place(&self, name: &str) -> Option<Place> {
        self.seen.place(name, &self.parts)
    }

    /// Where all replicas are that have a pod.
    pub fn places(&self) -> Vec<Place> {
        let place = |replica: &Replica| self.place(&replica.name);
        self.replicas.iter().filter_map(place).collect()
    }

    /// The node of a replica, as it is now.
    pub fn node_of(&self, name: &str) -> Option<NodeLook> {
        let node = self.place(name)?.pod.node?;
        self.state().nodes.get(&node).cloned()
    }

    /// The workload that a replica belongs to.
    ///
    /// # Errors
    /// When it has no pod, no owner, or the API server does not tell.
    pub async fn workload_of(&self, name: &str) -> Result<Workload, EnvironmentError> {
        let place = self.place(name);
        let place =
            place.ok_or_else(|| EnvironmentError::Pods(format!("{name} has no pod now")))?;
        let workload = self.cluster.workload_of(&place.pod).await?;
        workload.ok_or_else(|| {
            let pod = place.pod.full_name();
            EnvironmentError::Pods(format!(
                "pod {pod} belongs to no deployment and no stateful set"
            ))
        })
    }

    /// What has happened to pods and nodes since the last call.
    pub fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut *lock(&self.seen.events))
    }

    pub(in crate::environment) fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    pub(in crate::environment) fn entry(&self) -> Vec<String> {
        self.entry.clone()
    }

    pub(in crate::environment) fn address(&self, name: &str) -> Option<SocketAddr> {
        self.place(name)?.address()
    }

    pub(in crate::environment) fn restarted_by(&self) -> RestartedBy {
        self.restarted_by
    }

    pub(in crate::environment) fn fault_begins(&self, name: &str) {
        if let Some(count) = self.seen.faults.get(name) {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }

    pub(in crate::environment) fn fault_ends(&self, name: &str) {
        if let Some(count) = self.seen.faults.get(name) {
            count.fetch_sub(1, Ordering::SeqCst);
        }
    }

    pub(in crate::environment) fn is_explained(&self, name: &str) -> bool {
        self.seen.is_explained(name)
    }

    pub(in crate::environment) fn unexpected_exits(&self) -> Vec<(String, String)> {
        std::mem::take(&mut *lock(&self.seen.untold))
    }

    pub(in crate::environment) async fn log_end(&self, name: &str) -> String {
        let Some(place) = self.place(name) else {
            return "it has no pod".to_string();
        };
        let (pod, lines) = (&place.pod, 20);
        let log = self.cluster.log_end(
            &pod.namespace,
            &pod.name,
            Some(&place.container),
            false,
            lines,
        );
        log.await.unwrap_or_else(|error| error.to_string())
    }

    pub(in crate::environment) async fn wait_ready(
        &self,
        name: &str,
        at_most: Duration,
    ) -> Result<(), EnvironmentError> {
        let deadline = Instant::now() + at_most;
        loop {
            let answer = match self.place(name) {
                Some(place) => self.ask_ready(&place).await,
                None => HttpAnswer::Refused,
            };
            if answer.is_success() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(EnvironmentError::NotReady {
                    name: name.to_string(),
                    waited_s: at_most.as_secs(),
                    answer: answer.to_string(),
                    log: self.log_end(name).await,
                });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    pub(in crate::environment) async fn health(&self, name: &str) -> Option<ReplicaHealth> {
        let Some(place) = self.place(name) else {
            let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
            return self
                .seen
                .faults
                .contains_key(name)
                .then_some(ReplicaHealth {
                    process: ProcessState::Exited,
                    address: nowhere,
                    ready: false,
                });
        };
        let address = place.address();
        let runs = place.runs() && address.is_some();
        Some(ReplicaHealth {
            process: match runs {
                true => ProcessState::Running,
                false => ProcessState::Exited,
            },
            address: address.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0))),
            ready: runs && self.ask_ready(&place).await.is_success(),
        })
    }

    async fn ask_ready(&self, place: &Place) -> HttpAnswer {
        let Some(address) = place.address() else {
            return HttpAnswer::Refused;
        };
        let port = self.health_port.unwrap_or(address.port());
        let address = SocketAddr::new(address.ip(), port);
        match &self.readiness {
            Some(request) => ask_plain(address, request, ONE_ANSWER_WITHIN).await,
            None if refuses(address, ONE_ANSWER_WITHIN).await => HttpAnswer::Refused,
            None => HttpAnswer::Status(200),
        }
    }
}

impl Drop for KubernetesTarget {
    fn drop(&mut self) {
        self.observer.abort();
    }
}

type TakenIn = (
    BTreeMap<String, PartOfPods>,
    BTreeMap<String, Slots>,
    Vec<Replica>,
);

fn taken_in(plan: &KubernetesPlan, found: Vec<FoundPart>) -> TakenIn {
    let (mut parts, mut slots, mut replicas) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for part in found {
        let Some(first) = part.replicas.first() else {
            continue;
        };
        let name = first.replica.part.clone();
        let labels = plan.parts.get(&name).map(|part| part.labels.clone());
        let of_pods = PartOfPods {
            labels: labels.unwrap_or_default(),
            container: first.container.clone(),
            port: first.address.port(),
        };
        parts.insert(name.clone(), of_pods);
        slots.insert(name, part.slots);
        replicas.extend(part.replicas.into_iter().map(|found| found.replica));
    }
    (parts, slots, replicas)
}
