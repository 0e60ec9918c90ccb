//! The containers of a run, as one environment.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use shakedown_scenarios::plan::{DockerPlan, Plan, RestartedBy};
use tokio::task::JoinHandle;

use super::container::Container;
use super::discovery::{Found, discover};
use crate::environment::error::EnvironmentError;
use crate::environment::handle::{Handle, Replica, ReplicaHealth};
use crate::environment::health::{HttpAnswer, PlainRequest, ask_plain, readiness, refuses};
use crate::environment::kind::StartContext;
use crate::environment::network::ClusterNetwork;
use crate::mechanisms::docker::{ContainerState, Engine};
use crate::mechanisms::net::Netns;
use crate::mechanisms::net::nodes::NodeLink;
use crate::mechanisms::{Exit, ProcessId, ProcessState};

const OBSERVED_EVERY: Duration = Duration::from_millis(100);
const POLL: Duration = Duration::from_millis(25);
const STARTS_WITHIN: Duration = Duration::from_secs(10);
const ONE_ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// What Docker calls the interface of a container's first network.
const INTERFACE: &str = "eth0";

/// Containers that run already. Dropping it leaves them as they are.
#[derive(Debug)]
pub struct DockerTarget {
    seen: Arc<Seen>,
    replicas: Vec<Replica>,
    entry: Vec<String>,
    labels: BTreeMap<String, BTreeMap<String, String>>,
    readiness: Option<PlainRequest>,
    health_port: Option<u16>,
    restarted_by: RestartedBy,
    exe: PathBuf,
    observer: JoinHandle<()>,
}

/// What the observer shares with everybody else.
#[derive(Debug)]
struct Seen {
    engine: Engine,
    containers: Vec<Container>,
    /// With root.
    network: Option<Arc<ClusterNetwork>>,
}

impl DockerTarget {
    pub(in crate::environment) async fn start(
        context: &StartContext<'_>,
        docker: &DockerPlan,
    ) -> Result<DockerTarget, EnvironmentError> {
        let plan = context.plan;
        let engine = Engine::of_environment().await?;
        let found = discover(&engine, &plan.system, docker).await?;
        let containers = found.iter().map(Container::new);
        let containers = containers.collect::<Result<Vec<_>, _>>()?;
        let network = network(plan, &containers)?;
        let first = plan.system.parts.first();
        let seen = Arc::new(Seen {
            engine,
            containers,
            network,
        });
        let observed = Arc::clone(&seen);
        Ok(DockerTarget {
            seen,
            entry: match docker.entry.is_empty() {
                false => docker.entry.clone(),
                true => entry(first.map(|part| part.name.as_str()), &found),
            },
            labels: labels_of(&found),
            replicas: found.into_iter().map(|found| found.replica).collect(),
            readiness: readiness(&plan.system, first.map_or("", |part| &part.name))?,
            health_port: plan.system.health.as_ref().and_then(|health| health.port),
            restarted_by: first.map_or(RestartedBy::Nobody, |part| part.restarted_by),
            exe: context.exe.clone(),
            observer: tokio::spawn(async move {
                loop {
                    for container in &observed.containers {
                        let network = observed.network.as_ref();
                        container.observe(&observed.engine, network).await;
                    }
                    tokio::time::sleep(OBSERVED_EVERY).await;
                }
            }),
        })
    }

    pub fn engine(&self) -> &Engine {
        &self.seen.engine
    }

    /// The id of a replica's container, and the name of the network in which it is reached.
    pub fn container(&self, name: &str) -> Option<(String, String)> {
        let container = self.find(name)?;
        Some((container.id.clone(), container.network.clone()))
    }

    /// The labels of each replica's container.
    pub fn labels(&self) -> &BTreeMap<String, BTreeMap<String, String>> {
        &self.labels
    }

    pub(in crate::environment) fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    pub(in crate::environment) fn entry(&self) -> Vec<String> {
        self.entry.clone()
    }

    pub(in crate::environment) fn handle(&self, name: &str) -> Option<Handle> {
        self.find(name)?.process().map(Handle::Process)
    }

    pub(in crate::environment) fn address(&self, name: &str) -> Option<SocketAddr> {
        self.find(name).map(|container| container.address)
    }

    pub(in crate::environment) fn exit_of(&self, name: &str, process: ProcessId) -> Option<Exit> {
        self.find(name)?.exit_of(process)
    }

    pub(in crate::environment) fn log_end(&self, name: &str) -> String {
        self.find(name).map(Container::log_end).unwrap_or_default()
    }

    pub(in crate::environment) fn expect_exit(&self, name: &str, expected: bool) {
        if let Some(container) = self.find(name) {
            container.expect_exit(expected);
        }
    }

    pub(in crate::environment) fn fault_begins(&self, name: &str) {
        if let Some(container) = self.find(name) {
            container.fault_begins();
        }
    }

    pub(in crate::environment) fn fault_ends(&self, name: &str) {
        if let Some(container) = self.find(name) {
            container.fault_ends();
        }
    }

    pub(in crate::environment) fn is_explained(&self, name: &str) -> bool {
        self.find(name).is_some_and(Container::is_explained)
    }

    pub(in crate::environment) fn restarted_by(&self) -> RestartedBy {
        self.restarted_by
    }

    pub(in crate::environment) fn network(&self) -> Option<Arc<ClusterNetwork>> {
        self.seen.network.clone()
    }

    pub(in crate::environment) fn exe(&self) -> &Path {
        &self.exe
    }

    pub(in crate::environment) fn unexpected_exits(&self) -> Vec<(String, String)> {
        let untold = |it: &Container| Some((it.name.clone(), it.take_untold()?));
        self.seen.containers.iter().filter_map(untold).collect()
    }

    /// Starts a container again and returns when its process is known.
    pub(in crate::environment) async fn respawn(&self, name: &str) -> Result<(), EnvironmentError> {
        let container = self.known(name)?;
        self.seen.engine.start(&container.id).await?;
        let deadline = Instant::now() + STARTS_WITHIN;
        while container.process().is_none() {
            if container.is_removed() || Instant::now() >= deadline {
                return Err(EnvironmentError::Containers(format!(
                    "{name} does not run after it was started: {}",
                    container.log_end()
                )));
            }
            let network = self.seen.network.as_ref();
            container.observe(&self.seen.engine, network).await;
            tokio::time::sleep(POLL).await;
        }
        self.same_place(container).await
    }

    /// A container that has no address of its own may come back with another one.
    async fn same_place(&self, container: &Container) -> Result<(), EnvironmentError> {
        let look = self.seen.engine.look(&container.id).await?;
        let place = look.networks.get(&container.network);
        let ip = place.and_then(|place| place.address);
        let reached = match container.reached == container.address {
            true => ip.map(|ip| SocketAddr::new(ip, container.address.port())),
            false => look.published.get(&container.address.port()).copied(),
        };
        if reached == Some(container.reached) || look.state.pid().is_none() {
            return Ok(());
        }
        let now = reached.map_or("nowhere".to_string(), |it| it.to_string());
        Err(EnvironmentError::Containers(format!(
            "{} was reached at {} and came back at {now}: give container {} an address of its own (ipv4_address), or a \
             published port that does not change",
            container.name, container.reached, look.name
        )))
    }

    pub(in crate::environment) async fn wait_ready(
        &self,
        name: &str,
        at_most: Duration,
    ) -> Result<(), EnvironmentError> {
        let container = self.known(name)?;
        let deadline = Instant::now() + at_most;
        loop {
            if container.process().is_none() {
                return Err(EnvironmentError::EndedEarly {
                    name: name.to_string(),
                    how: "has ended".to_string(),
                    log: container.log_end(),
                });
            }
            let answer = self.ask_ready(container).await;
            if answer.is_success() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let log = self.seen.engine.log_end(&container.id).await;
                return Err(EnvironmentError::NotReady {
                    name: name.to_string(),
                    waited_s: at_most.as_secs(),
                    answer: answer.to_string(),
                    log: log.unwrap_or_else(|error| error.to_string()),
                });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    pub(in crate::environment) async fn health(&self, name: &str) -> Option<ReplicaHealth> {
        let container = self.find(name)?;
        let process = match self.seen.engine.look(&container.id).await {
            Ok(look) => match look.state {
                ContainerState::Paused { .. } => ProcessState::Stopped,
                ContainerState::Running { .. } => of_process(container),
                ContainerState::Down { .. } => ProcessState::Exited,
            },
            Err(error) if error.is_gone() => ProcessState::Exited,
            Err(error) => {
                tracing::warn!("{name}: {error}");
                of_process(container)
            }
        };
        let ready = match process {
            ProcessState::Running => self.ask_ready(container).await.is_success(),
            ProcessState::Stopped | ProcessState::Exited => false,
        };
        Some(ReplicaHealth {
            process,
            address: container.address,
            ready,
        })
    }

    async fn ask_ready(&self, container: &Container) -> HttpAnswer {
        let port = self.health_port.unwrap_or(container.reached.port());
        let address = SocketAddr::new(container.reached.ip(), port);
        match &self.readiness {
            Some(request) => ask_plain(address, request, ONE_ANSWER_WITHIN).await,
            None if refuses(address, ONE_ANSWER_WITHIN).await => HttpAnswer::Refused,
            None => HttpAnswer::Status(200),
        }
    }

    fn find(&self, name: &str) -> Option<&Container> {
        self.seen.containers.iter().find(|it| it.name == name)
    }

    fn known(&self, name: &str) -> Result<&Container, EnvironmentError> {
        self.find(name).ok_or_else(|| EnvironmentError::NotOurs {
            name: name.to_string(),
        })
    }
}

impl Drop for DockerTarget {
    fn drop(&mut self) {
        self.observer.abort();
    }
}

/// A new process that was not noticed yet is one that runs.
fn of_process(container: &Container) -> ProcessState {
    match container.latest().state() {
        Ok(ProcessState::Stopped) => ProcessState::Stopped,
        Ok(ProcessState::Running | ProcessState::Exited) => ProcessState::Running,
        Err(error) => {
            tracing::warn!("{}: {error}", container.name);
            ProcessState::Exited
        }
    }
}

/// Every replica of the part where orders enter.
fn entry(first: Option<&str>, found: &[Found]) -> Vec<String> {
    let of_first = found
        .iter()
        .filter(|found| Some(found.replica.part.as_str()) == first);
    of_first
        .map(|found| found.replica.base_url.clone())
        .collect()
}

fn labels_of(found: &[Found]) -> BTreeMap<String, BTreeMap<String, String>> {
    let of = |found: &Found| (found.replica.name.clone(), found.look.labels.clone());
    found.iter().map(of).collect()
}

/// The namespaces of the containers. Without root there are none, and then no fault of the plan may be one of links.
fn network(
    plan: &Plan,
    containers: &[Container],
) -> Result<Option<Arc<ClusterNetwork>>, EnvironmentError> {
    match namespaces(containers) {
        Ok(network) => Ok(Some(Arc::new(network))),
        Err(why) if plan.faults.iter().any(|fault| fault.kind.is_of_links()) => {
            Err(EnvironmentError::Containers(format!(
                "faults on links need the network namespaces of the containers, and {why}; run it as root, or take the \
                 faults on links out"
            )))
        }
        Err(why) => {
            tracing::info!("the containers' network namespaces are out of reach: {why}");
            Ok(None)
        }
    }
}

fn namespaces(containers: &[Container]) -> Result<ClusterNetwork, String> {
    let mut places = Vec::new();
    let mut clients = None;
    for container in containers {
        let netns = Netns::of_process(&container.latest()).map_err(|error| error.to_string())?;
        let netns = netns.ok_or_else(|| format!("{} has just ended", container.name))?;
        if netns.is_own().map_err(|error| error.to_string())? {
            return Err(format!("{} is in that of this machine", container.name));
        }
        let IpAddr::V4(address) = container.address.ip() else {
            return Err(format!("{} has no IPv4 address", container.name));
        };
        let from = towards(container.address).map_err(|error| error.to_string())?;
        clients = Some(from);
        places.push((
            container.name.clone(),
            NodeLink {
                netns,
                address,
                interface: INTERFACE,
            },
        ));
    }
    let clients = clients.ok_or("there are none")?;
    // Entering one is what takes root: seen here, before the run.
    if let Some((_, place)) = places.first() {
        place
            .netns
            .run_in(|| ())
            .map_err(|error| error.to_string())?;
    }
    Ok(ClusterNetwork::of_containers(places, clients))
}

/// The address from which this machine speaks to another. Nothing is sent.
fn towards(address: SocketAddr) -> std::io::Result<IpAddr> {
    let socket = UdpSocket::bind(("0.0.0.0", 0))?;
    socket.connect(address)?;
    Ok(socket.local_addr()?.ip())
}
