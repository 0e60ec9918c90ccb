//! A system on this machine: one child process, or server, a replica.
//!
//! Starting it, starting nodes again, and looking at them; how it ends is in `teardown`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use shakedown_scenarios::plan::RestartedBy;
use tokio::sync::watch;

use super::cast::{Cast, Company, part_of};
use super::disks::Disks;
use super::error::EnvironmentError;
use super::handle::{Handle, Replica, ReplicaHealth};
use super::health::{HttpAnswer, ask_plain, refuses};
use super::keeper::Keeper;
use super::kind::StartContext;
use super::means::Means;
use super::network::ClusterNetwork;
use super::node::Node;
use super::ports;
use super::web::LinkWeb;
use super::wiring::Wiring;
use crate::journal::{Entry, Journal};
use crate::mechanisms::time_ns::TimeNamespace;
use crate::mechanisms::{Exit, ProcessId, ProcessState, Spawner};

/// Attempts to start when another process takes one of the ports in between.
const ATTEMPTS: usize = 3;
const READY_WITHIN: Duration = Duration::from_secs(20);
const READY_POLL: Duration = Duration::from_millis(25);
const ONE_ANSWER_WITHIN: Duration = Duration::from_secs(1);
const REAPED_WITHIN: Duration = Duration::from_secs(2);

/// A cluster that Shakedown started.
#[derive(Debug)]
pub struct LocalCluster {
    pub(super) nodes: Vec<Arc<Node>>,
    replicas: Vec<Replica>,
    /// Base URLs for orders: the replicas', or those of links to them.
    entry: Vec<String>,
    /// URLs for the orders of the load, and of what reports on them where answers do not say all.
    gateway: [Vec<String>; 2],
    pub(super) spawner: Spawner,
    pub(super) journal: Arc<Journal>,
    cast: Box<Cast>,
    pub(super) exe: PathBuf,
    wiring: Wiring,
    pub(super) data: PathBuf,
    /// Whether every node gets a disk of ours, and which.
    pub(super) disks: Disks,
    /// The nodes by player, in the order in which they start.
    pub(super) companies: Vec<Company>,
    pub(super) stopping: Arc<AtomicBool>,
}

impl LocalCluster {
    pub(super) async fn start(
        context: &StartContext<'_>,
        cast: &Cast,
    ) -> Result<LocalCluster, EnvironmentError> {
        let mut attempt = 1;
        loop {
            let cluster = LocalCluster::prepare(context, cast)?;
            let outcome = cluster.start_all().await;
            let Err(error) = outcome else {
                return Ok(cluster);
            };
            let lost_a_port = cluster.lost_a_port();
            for left in cluster.stop().await {
                tracing::warn!("left behind: {}", left.what);
            }
            if !lost_a_port || attempt == ATTEMPTS {
                return Err(error);
            }
            tracing::info!("another process took a port of the cluster; starting again: {error}");
            attempt += 1;
        }
    }

    /// Everything but the processes.
    fn prepare(context: &StartContext<'_>, cast: &Cast) -> Result<LocalCluster, EnvironmentError> {
        let data = context.journal.state().nodes(context.journal.run_id())?;
        let wiring = Wiring::lay(context.plan, cast)?;
        let nodes = wiring.members.iter().map(|own| {
            Ok(Arc::new(Node::new(
                own.name.clone(),
                cast.line(context, &wiring, own, &data.join(&own.name))?,
                cast.readiness(context, own)?,
                context.run_dir.logs().join(format!("{}.log", own.name)),
                [own.http, own.peer, cast.asked_at(context, own)],
                wiring
                    .network
                    .as_ref()
                    .and_then(|network| network.netns(&own.name)),
            )))
        });
        let nodes: Vec<Arc<Node>> = nodes.collect::<Result<_, EnvironmentError>>()?;
        let gateway = &context.plan.system.gateway;
        let replicas = wiring.members.iter().map(|own| Replica {
            name: own.name.clone(),
            part: part_of(&own.name).to_string(),
            base_url: cast.base_url(own),
        });
        // Orders go to the first part, or are led there; what else there is plays along.
        let entered = wiring.members.iter();
        let entered = entered.filter(|own| part_of(&own.name) == cast.entrance());
        let at_entry = |own| gateway.entry_url(wiring.entry(own));
        let beside = |scheme: &str| {
            let urls = entered.clone();
            let urls = urls.map(|own| format!("{scheme}://{}", wiring.gateway(own)));
            urls.collect()
        };
        Ok(LocalCluster {
            companies: cast.companies(&nodes, &wiring, &data),
            nodes,
            replicas: replicas.collect(),
            gateway: [
                match gateway.is_at_entry() {
                    true => entered.clone().map(at_entry).collect(),
                    false => beside(gateway.scheme()),
                },
                match gateway.reports() {
                    Some(_) => beside("ws"),
                    None => Vec::new(),
                },
            ],
            entry: entered.map(at_entry).collect(),
            spawner: Spawner::start()?,
            journal: Arc::clone(&context.journal),
            cast: Box::new(cast.clone()),
            exe: context.exe.clone(),
            wiring: wiring.clone(),
            data,
            disks: Disks::of(context.plan),
            stopping: Arc::new(AtomicBool::new(false)),
        })
    }

    async fn start_all(&self) -> Result<(), EnvironmentError> {
        self.make_data_folders()?;
        self.mount_disks().await?;
        for company in &self.companies {
            match &company.keeper {
                Some(keeper) => keeper.bring_up(self).await?,
                None => self.bring_up(&company.nodes).await?,
            }
        }
        Ok(())
    }

    /// Which place the primary of a part has, now and later; `None`: it has none.
    pub(super) fn primary_of(&self, part: &str) -> Option<watch::Receiver<usize>> {
        let is_of = |node: &Arc<Node>| part_of(&node.name) == part;
        let mut companies = self.companies.iter();
        let company = companies.find(|company| company.nodes.iter().any(is_of))?;
        company.keeper.as_ref()?.primary()
    }

    /// All of these at once.
    pub(super) async fn bring_up(&self, nodes: &[Arc<Node>]) -> Result<(), EnvironmentError> {
        for node in nodes {
            self.start_node(node).await?;
        }
        let deadline = Instant::now() + READY_WITHIN;
        for node in nodes {
            let left = deadline.saturating_duration_since(Instant::now());
            self.wait_node_ready(node, left, READY_WITHIN).await?;
        }
        Ok(())
    }

    fn make_data_folders(&self) -> Result<(), EnvironmentError> {
        self.journal.record(&Entry::DataFolder {
            path: self.data.clone(),
        })?;
        for node in &self.nodes {
            let path = self.data.join(&node.name);
            fs::create_dir_all(&path).map_err(|source| EnvironmentError::Io {
                what: "make the data folder",
                path,
                source,
            })?;
        }
        Ok(())
    }

    /// Starts a node and waits until it is ready.
    pub(super) async fn start_ready(&self, node: &Arc<Node>) -> Result<(), EnvironmentError> {
        self.start_node(node).await?;
        self.wait_node_ready(node, READY_WITHIN, READY_WITHIN).await
    }

    pub(super) async fn start_node(&self, node: &Arc<Node>) -> Result<(), EnvironmentError> {
        let node = Arc::clone(node);
        let journal = Arc::clone(&self.journal);
        let stopping = Arc::clone(&self.stopping);
        self.spawner
            .run(move |here| {
                if stopping.load(Ordering::SeqCst) {
                    return Err(EnvironmentError::Stopping);
                }
                node.start(here, &journal)
            })
            .await?
    }

    async fn wait_node_ready(
        &self,
        node: &Node,
        at_most: Duration,
        told: Duration,
    ) -> Result<(), EnvironmentError> {
        let deadline = Instant::now() + at_most;
        loop {
            if let Some(exit) = node.child().and_then(|child| child.exit()) {
                return Err(EnvironmentError::EndedEarly {
                    name: node.name.clone(),
                    how: exit.to_string(),
                    log: node.log_end(),
                });
            }
            let answer = self.ask_ready(node).await;
            if answer.is_success() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(EnvironmentError::NotReady {
                    name: node.name.clone(),
                    waited_s: told.as_secs(),
                    answer: answer.to_string(),
                    log: node.log_end(),
                });
            }
            tokio::time::sleep(READY_POLL).await;
        }
    }

    async fn ask_ready(&self, node: &Node) -> HttpAnswer {
        match &node.ready {
            Some(request) => ask_plain(node.asked_at, request, ONE_ANSWER_WITHIN).await,
            None if refuses(node.http, ONE_ANSWER_WITHIN).await => HttpAnswer::Refused,
            None => HttpAnswer::Status(200),
        }
    }

    fn lost_a_port(&self) -> bool {
        let ended = |node: &&Arc<Node>| node.child().is_some_and(|child| child.exit().is_some());
        let mut ended = self.nodes.iter().filter(ended);
        ended.any(|node| ports::is_taken(node.http) || ports::is_taken(node.peer))
    }

    pub(super) fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    pub(super) fn entry(&self) -> Vec<String> {
        self.entry.clone()
    }

    /// URLs for market data, where it has an entrance of its own.
    pub(super) fn ingest(&self) -> Vec<String> {
        let members = self.wiring.members.iter();
        let entered = members.filter(|own| part_of(&own.name) == self.cast.entrance());
        let own = entered.filter_map(|own| own.ingest);
        own.map(|address| format!("tcp://{address}")).collect()
    }

    pub(super) fn gateway(&self) -> [Vec<String>; 2] {
        self.gateway.clone()
    }

    pub(super) fn handle(&self, name: &str) -> Option<Handle> {
        let child = self.node(name)?.child()?;
        // Asked of the kernel: it may have ended and not been reaped yet.
        let ended = child.exit().is_some() || child.handle().has_exited().unwrap_or(true);
        (!ended).then(|| Handle::Process(child.handle().clone()))
    }

    pub(super) fn address(&self, name: &str) -> Option<SocketAddr> {
        self.node(name).map(|node| node.http)
    }

    pub(super) fn exit_of(&self, name: &str, process: ProcessId) -> Option<Exit> {
        self.node(name)?.exit_of(process)
    }

    pub(super) fn log_end(&self, name: &str) -> String {
        self.node(name)
            .map_or_else(String::new, |node| node.log_end())
    }

    pub(super) fn expect_exit(&self, name: &str, expected: bool) {
        if let Some(node) = self.node(name) {
            node.expect_exit(expected);
        }
    }

    pub(super) fn fault_begins(&self, name: &str) {
        if let Some(node) = self.node(name) {
            node.fault_begins();
        }
    }

    pub(super) fn fault_ends(&self, name: &str) {
        if let Some(node) = self.node(name) {
            node.fault_ends();
        }
    }

    pub(super) fn is_explained(&self, name: &str) -> bool {
        self.node(name).is_some_and(|node| node.is_explained())
    }

    pub(super) fn restarted_by(&self, name: &str) -> RestartedBy {
        self.cast.restarted_by(name)
    }

    /// Names of the nodes that start together, those first that others need.
    pub(super) fn in_order(&self) -> Vec<Vec<String>> {
        let names = |company: &Company| {
            let nodes = company.nodes.iter();
            nodes.map(|node| node.name.clone()).collect()
        };
        self.companies.iter().map(names).collect()
    }

    pub(super) fn set_clock(&self, name: &str, clock: Option<TimeNamespace>) {
        if let Some(node) = self.node(name) {
            node.set_clock(clock);
        }
    }

    pub(super) fn network(&self) -> Option<Arc<ClusterNetwork>> {
        self.wiring.network.clone()
    }

    pub(super) fn links(&self) -> Option<Arc<LinkWeb>> {
        self.wiring.links.clone()
    }

    pub(super) fn orders_per_s(&self) -> f64 {
        self.wiring.orders_per_s
    }

    pub(super) fn means(&self, fault: &str) -> Option<Means> {
        self.wiring.means.get(fault).cloned()
    }

    pub(super) fn exe(&self) -> &Path {
        &self.exe
    }

    pub(super) fn unexpected_exits(&self) -> Vec<(String, String)> {
        let exits = self
            .nodes
            .iter()
            .filter_map(|node| Some((node.name.clone(), node.take_unexpected_exit()?)));
        exits.collect()
    }

    pub(super) async fn respawn(&self, name: &str) -> Result<(), EnvironmentError> {
        let node = self.known(name)?;
        // A process that has ended a moment ago may still have to be reaped.
        if let Some(child) = node.child()
            && child.handle().has_exited().unwrap_or(false)
        {
            child.wait(REAPED_WITHIN).await;
        }
        let is_of = |company: &&Company| company.nodes.iter().any(|it| it.name == name);
        let company = self.companies.iter().find(is_of);
        match company.and_then(|company| company.keeper.as_ref()) {
            Some(keeper) => keeper.respawn(self, name).await,
            None => self.start_node(node).await,
        }
    }

    /// Who keeps servers whose data can be kept.
    fn storekeeper(&self) -> Option<&Keeper> {
        let mut keepers = self
            .companies
            .iter()
            .filter_map(|company| company.keeper.as_ref());
        keepers.find(|keeper| keeper.keeps_data())
    }

    pub(super) async fn back_up(&self) -> Result<String, EnvironmentError> {
        match self.storekeeper() {
            Some(keeper) => keeper.back_up(self).await,
            None => Err(no_store()),
        }
    }

    pub(super) async fn restore(&self, moment: (u64, &str)) -> Result<String, EnvironmentError> {
        match self.storekeeper() {
            Some(keeper) => keeper.restore(self, moment).await,
            None => Err(no_store()),
        }
    }

    pub(super) async fn wait_ready(
        &self,
        name: &str,
        at_most: Duration,
    ) -> Result<(), EnvironmentError> {
        self.wait_node_ready(self.known(name)?, at_most, at_most)
            .await
    }

    pub(super) async fn health(&self, name: &str) -> Option<ReplicaHealth> {
        let node = self.node(name)?;
        let process = match node.child() {
            Some(child) => child.handle().state().unwrap_or_else(|error| {
                tracing::warn!("{error}");
                ProcessState::Exited
            }),
            None => ProcessState::Exited,
        };
        let ready = match process {
            ProcessState::Running => self.ask_ready(node).await.is_success(),
            ProcessState::Stopped | ProcessState::Exited => false,
        };
        Some(ReplicaHealth {
            process,
            address: node.http,
            ready,
        })
    }

    pub(super) fn node(&self, name: &str) -> Option<&Arc<Node>> {
        self.nodes.iter().find(|node| node.name == name)
    }

    pub(super) fn known(&self, name: &str) -> Result<&Arc<Node>, EnvironmentError> {
        self.node(name).ok_or_else(|| EnvironmentError::NotOurs {
            name: name.to_string(),
        })
    }
}

/// Nothing that knows how to keep its data.
pub(super) fn no_store() -> EnvironmentError {
    EnvironmentError::NotOurs {
        name: "the data".to_string(),
    }
}
