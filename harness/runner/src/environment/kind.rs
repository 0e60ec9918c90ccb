//! The environment of a run: one of a closed set.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use shakedown_record::event::Leftover;
use shakedown_record::run_dir::RunDir;
use shakedown_scenarios::plan::{EnvironmentPlan, GatewayPlan, Plan, PublishPlan, RestartedBy};

use super::address_book::AddressBook;
use super::cast::Cast;
use super::docker::{DockerTarget, discover as containers};
use super::error::EnvironmentError;
use super::external::ExternalTarget;
use super::gateway_urls::{at_port, beside, reporting};
use super::handle::{Handle, Replica, ReplicaHealth};
use super::kubernetes::{KubernetesTarget, connect, pods_of};
use super::local::LocalCluster;
use super::means::Means;
use super::network::ClusterNetwork;
use super::on_node::NodeTarget;
use super::web::LinkWeb;
use crate::journal::Journal;
use crate::mechanisms::docker::Engine;
use crate::mechanisms::time_ns::TimeNamespace;
use crate::mechanisms::{Exit, ProcessId};

/// What it takes to start an environment.
#[derive(Debug)]
pub struct StartContext<'a> {
    pub plan: &'a Plan,
    /// Logs of what is started go to its `logs` folder.
    pub run_dir: &'a RunDir,
    /// The Shakedown binary, absolute: it is also the reference engine and the watchdog.
    pub exe: PathBuf,
    /// Defects of the stand-in to switch on.
    pub defects: Vec<String>,
    pub journal: Arc<Journal>,
}

/// Where the system runs. Methods take `&self`, so that a fault can be under way while the replicas are looked at.
#[derive(Debug)]
pub enum Environment {
    Local(LocalCluster),
    External(ExternalTarget),
    Docker(DockerTarget),
    Kubernetes(Box<KubernetesTarget>),
    /// Pods of the node on which this process runs: it is an agent.
    OnNode(NodeTarget),
}

impl Environment {
    /// Starts what has to be started and returns when all of it is ready.
    ///
    /// # Errors
    /// When something does not start or does not become ready; whatever was started is gone again then.
    pub async fn start(context: &StartContext<'_>) -> Result<Environment, EnvironmentError> {
        let system = &context.plan.system;
        match &context.plan.environment {
            EnvironmentPlan::Local { stand_in } => {
                let cluster =
                    LocalCluster::start(context, &Cast::of(stand_in, context.plan)?).await;
                cluster.map(Environment::Local)
            }
            EnvironmentPlan::Docker(docker) => DockerTarget::start(context, docker)
                .await
                .map(Environment::Docker),
            EnvironmentPlan::Kubernetes(plan) => KubernetesTarget::start(context, plan)
                .await
                .map(|target| Environment::Kubernetes(Box::new(target))),
            EnvironmentPlan::External(endpoints) => {
                ExternalTarget::new(system, endpoints).map(Environment::External)
            }
        }
    }

    /// All replicas whose address is known, part by part.
    pub fn replicas(&self) -> &[Replica] {
        match self {
            Environment::Local(cluster) => cluster.replicas(),
            Environment::External(target) => target.replicas(),
            Environment::Docker(docker) => docker.replicas(),
            Environment::Kubernetes(cluster) => cluster.replicas(),
            Environment::OnNode(node) => node.replicas(),
        }
    }

    /// Base URLs for order entry; sessions are spread over them.
    pub fn entry(&self) -> Vec<String> {
        match self {
            Environment::Local(cluster) => cluster.entry(),
            Environment::External(target) => target.entry().to_vec(),
            Environment::Docker(docker) => docker.entry(),
            Environment::Kubernetes(cluster) => cluster.entry(),
            Environment::OnNode(_) => Vec::new(),
        }
    }

    /// URLs for the orders of the load, which this gateway takes, and of what reports on them: one for each, or none where
    /// answers say all.
    pub fn gateway(&self, gateway: &GatewayPlan) -> [Vec<String>; 2] {
        match self {
            Environment::Local(cluster) => cluster.gateway(),
            Environment::External(_)
            | Environment::Docker(_)
            | Environment::Kubernetes(_)
            | Environment::OnNode(_) => {
                let entry = self.entry();
                [beside(gateway, &entry), reporting(gateway, &entry)]
            }
        }
    }

    /// URLs for market data that gets in by this way.
    pub fn ingest(&self, publish: &PublishPlan) -> Vec<String> {
        match (self, publish.port()) {
            (Environment::Local(cluster), Some(_)) => cluster.ingest(),
            (_, None) => self.entry(),
            (_, Some(port)) => at_port(publish.scheme(), port, &self.entry()),
        }
    }

    /// The handle of a replica; `None` when it does not run, or is not ours to handle.
    pub fn handle(&self, name: &str) -> Option<Handle> {
        match self {
            Environment::Local(cluster) => cluster.handle(name),
            Environment::External(_) | Environment::Kubernetes(_) => None,
            Environment::Docker(docker) => docker.handle(name),
            Environment::OnNode(node) => node.handle(name),
        }
    }

    /// True when it is known that a replica does not run at this moment; false also where nobody can tell.
    pub(crate) fn is_absent(&self, name: &str) -> bool {
        match self {
            Environment::Local(_) | Environment::Docker(_) => self.handle(name).is_none(),
            Environment::External(_) | Environment::Kubernetes(_) | Environment::OnNode(_) => false,
        }
    }

    /// The folder of a replica's data, where Shakedown has made it.
    pub(crate) fn data_folder(&self, name: &str) -> Option<PathBuf> {
        match self {
            Environment::Local(cluster) => Some(cluster.data_folder(name)),
            Environment::External(_)
            | Environment::Docker(_)
            | Environment::Kubernetes(_)
            | Environment::OnNode(_) => None,
        }
    }

    /// Replicas that ended since the last call without a fault or a stop being the cause: name, and how with the
    /// end of the log.
    pub fn unexpected_exits(&self) -> Vec<(String, String)> {
        match self {
            Environment::Local(cluster) => cluster.unexpected_exits(),
            Environment::External(_) => Vec::new(),
            Environment::Docker(docker) => docker.unexpected_exits(),
            Environment::Kubernetes(cluster) => cluster.unexpected_exits(),
            Environment::OnNode(_) => Vec::new(),
        }
    }

    /// Takes down what was started, frozen or not, and returns what could not be. May be called again.
    pub async fn stop(&self) -> Vec<Leftover> {
        match self {
            Environment::Local(cluster) => cluster.stop().await,
            Environment::External(_) => Vec::new(),
            Environment::Docker(_) | Environment::Kubernetes(_) | Environment::OnNode(_) => {
                Vec::new()
            }
        }
    }

    /// Starts a replica again with its data, and returns as soon as its process runs.
    pub(crate) async fn respawn(&self, name: &str) -> Result<(), EnvironmentError> {
        match self {
            Environment::Local(cluster) => cluster.respawn(name).await,
            Environment::External(_) | Environment::Kubernetes(_) => Err(not_ours(name)),
            Environment::Docker(docker) => docker.respawn(name).await,
            Environment::OnNode(node) => node.respawn(name).await,
        }
    }

    /// Waits until a replica is ready; fails at once when it ends.
    pub(crate) async fn wait_ready(
        &self,
        name: &str,
        at_most: Duration,
    ) -> Result<(), EnvironmentError> {
        match self {
            Environment::Local(cluster) => cluster.wait_ready(name, at_most).await,
            Environment::External(_) => Err(not_ours(name)),
            Environment::Docker(docker) => docker.wait_ready(name, at_most).await,
            Environment::Kubernetes(cluster) => cluster.wait_ready(name, at_most).await,
            Environment::OnNode(node) => node.wait_ready(name, at_most).await,
        }
    }

    /// What can be seen of a replica now; `None` when it is not ours to look into.
    pub(crate) async fn health(&self, name: &str) -> Option<ReplicaHealth> {
        match self {
            Environment::Local(cluster) => cluster.health(name).await,
            Environment::External(_) => None,
            Environment::Docker(docker) => docker.health(name).await,
            Environment::Kubernetes(cluster) => cluster.health(name).await,
            Environment::OnNode(node) => node.health(name).await,
        }
    }

    /// Where a replica of ours listens.
    pub(crate) fn address(&self, name: &str) -> Option<SocketAddr> {
        match self {
            Environment::Local(cluster) => cluster.address(name),
            Environment::External(_) => None,
            Environment::Docker(docker) => docker.address(name),
            Environment::Kubernetes(cluster) => cluster.address(name),
            Environment::OnNode(node) => node.address(name),
        }
    }

    /// How this very process of a replica ended.
    pub(crate) fn exit_of(&self, name: &str, process: ProcessId) -> Option<Exit> {
        match self {
            Environment::Local(cluster) => cluster.exit_of(name, process),
            Environment::External(_) | Environment::Kubernetes(_) => None,
            Environment::Docker(docker) => docker.exit_of(name, process),
            Environment::OnNode(_) => None,
        }
    }

    /// False where nobody can tell how a process ended, however long one waits: it is the child of somebody else.
    pub(crate) fn tells_exits(&self) -> bool {
        match self {
            Environment::Local(_) | Environment::Docker(_) => true,
            Environment::External(_) | Environment::Kubernetes(_) | Environment::OnNode(_) => false,
        }
    }

    /// The end of a replica's log, in words; empty where there is none.
    pub(crate) fn log_end(&self, name: &str) -> String {
        match self {
            Environment::Local(cluster) => cluster.log_end(name),
            Environment::External(_) | Environment::Kubernetes(_) => String::new(),
            Environment::Docker(docker) => docker.log_end(name),
            Environment::OnNode(node) => node.log_end(name),
        }
    }

    /// Announces that a fault will end this replica, or takes that back.
    pub(crate) fn expect_exit(&self, name: &str, expected: bool) {
        match self {
            Environment::Local(cluster) => cluster.expect_exit(name, expected),
            Environment::External(_) | Environment::Kubernetes(_) => {}
            Environment::Docker(docker) => docker.expect_exit(name, expected),
            Environment::OnNode(_) => {}
        }
    }

    /// From now on a fault is at work on this replica.
    pub(crate) fn fault_begins(&self, name: &str) {
        match self {
            Environment::Local(cluster) => cluster.fault_begins(name),
            Environment::External(_) => {}
            Environment::Docker(docker) => docker.fault_begins(name),
            Environment::Kubernetes(cluster) => cluster.fault_begins(name),
            Environment::OnNode(node) => node.fault_begins(name),
        }
    }

    /// Takes back one [`Environment::fault_begins`].
    pub(crate) fn fault_ends(&self, name: &str) {
        match self {
            Environment::Local(cluster) => cluster.fault_ends(name),
            Environment::External(_) => {}
            Environment::Docker(docker) => docker.fault_ends(name),
            Environment::Kubernetes(cluster) => cluster.fault_ends(name),
            Environment::OnNode(node) => node.fault_ends(name),
        }
    }

    /// True when a fault of ours is the reason for whatever state this replica is in.
    pub(crate) fn is_explained(&self, name: &str) -> bool {
        match self {
            Environment::Local(cluster) => cluster.is_explained(name),
            Environment::External(_) => false,
            Environment::Docker(docker) => docker.is_explained(name),
            Environment::Kubernetes(cluster) => cluster.is_explained(name),
            Environment::OnNode(node) => node.is_explained(name),
        }
    }

    /// Who starts a replica again after it was killed.
    pub(crate) fn restarted_by(&self, name: &str) -> RestartedBy {
        match self {
            Environment::Local(cluster) => cluster.restarted_by(name),
            Environment::External(_) => RestartedBy::Nobody,
            Environment::Docker(docker) => docker.restarted_by(),
            Environment::Kubernetes(cluster) => cluster.restarted_by(),
            Environment::OnNode(_) => RestartedBy::Platform,
        }
    }

    /// The replicas in the order in which they start: those together that need not wait for each other.
    pub(crate) fn in_order(&self) -> Vec<Vec<String>> {
        match self {
            Environment::Local(cluster) => cluster.in_order(),
            Environment::External(_)
            | Environment::Docker(_)
            | Environment::Kubernetes(_)
            | Environment::OnNode(_) => {
                let replicas = self.replicas().iter();
                vec![replicas.map(|replica| replica.name.clone()).collect()]
            }
        }
    }

    /// The namespaces of the replicas; `None` where they have none that are ours.
    pub(crate) fn network(&self) -> Option<Arc<ClusterNetwork>> {
        match self {
            Environment::Local(cluster) => cluster.network(),
            Environment::External(_) | Environment::Kubernetes(_) => None,
            Environment::Docker(docker) => docker.network(),
            Environment::OnNode(node) => node.network(),
        }
    }

    /// True on the node of a cluster, whose own services can be acted on.
    pub(crate) fn is_on_node(&self) -> bool {
        matches!(self, Environment::OnNode(_))
    }

    /// The containers; `None` where there are none.
    pub(crate) fn containers(&self) -> Option<&DockerTarget> {
        match self {
            Environment::Docker(docker) => Some(docker),
            Environment::Local(_)
            | Environment::External(_)
            | Environment::Kubernetes(_)
            | Environment::OnNode(_) => None,
        }
    }

    /// The pods; `None` where there are none.
    pub(crate) fn pods(&self) -> Option<&KubernetesTarget> {
        match self {
            Environment::Kubernetes(cluster) => Some(cluster),
            Environment::Local(_)
            | Environment::External(_)
            | Environment::Docker(_)
            | Environment::OnNode(_) => None,
        }
    }

    /// Where the addresses of replicas are looked up whose addresses change.
    pub fn book(&self) -> AddressBook {
        self.pods()
            .map_or_else(AddressBook::default, |pods| pods.book().clone())
    }

    /// The userspace links of a cluster; `None` where no fault of the plan needs any.
    pub fn links(&self) -> Option<Arc<LinkWeb>> {
        match self {
            Environment::Local(cluster) => cluster.links(),
            Environment::External(_)
            | Environment::Docker(_)
            | Environment::Kubernetes(_)
            | Environment::OnNode(_) => None,
        }
    }

    /// Orders that the plan sends, for the room that packets need.
    pub(crate) fn orders_per_s(&self) -> f64 {
        match self {
            Environment::Local(cluster) => cluster.orders_per_s(),
            Environment::Kubernetes(pods) => pods.orders_per_s(),
            Environment::External(_) | Environment::Docker(_) => 0.0,
            Environment::OnNode(node) => node.orders_per_s(),
        }
    }

    /// How a fault on links is done here, by the fault's id.
    pub(crate) fn means(&self, fault: &str) -> Option<Means> {
        match self {
            Environment::Local(cluster) => cluster.means(fault),
            Environment::External(_) | Environment::Docker(_) | Environment::Kubernetes(_) => None,
            Environment::OnNode(node) => node.means(fault),
        }
    }

    /// Which clock a replica of ours is started with from now on; `None`: the machine's.
    pub(crate) fn set_clock(&self, name: &str, clock: Option<TimeNamespace>) {
        match self {
            Environment::Local(cluster) => cluster.set_clock(name, clock),
            Environment::External(_)
            | Environment::Docker(_)
            | Environment::Kubernetes(_)
            | Environment::OnNode(_) => {}
        }
    }

    /// The binary that can be a watchdog.
    pub(crate) fn watchdog_exe(&self) -> Option<&Path> {
        match self {
            Environment::Local(cluster) => Some(cluster.exe()),
            Environment::External(_) | Environment::Kubernetes(_) => None,
            Environment::Docker(docker) => Some(docker.exe()),
            Environment::OnNode(node) => Some(node.exe()),
        }
    }
}

/// The replicas of an environment that is not Shakedown's own, found without doing anything to it.
///
/// # Errors
/// When they cannot be found.
pub async fn replicas_of(plan: &Plan) -> Result<Vec<Replica>, EnvironmentError> {
    match &plan.environment {
        EnvironmentPlan::Local { .. } => Ok(Vec::new()),
        EnvironmentPlan::External(endpoints) => {
            let target = ExternalTarget::new(&plan.system, endpoints)?;
            Ok(target.replicas().to_vec())
        }
        EnvironmentPlan::Kubernetes(kubernetes) => {
            let cluster = connect(kubernetes).await?;
            let found = pods_of(&cluster, &plan.system, kubernetes).await?;
            let by_address = found.into_iter().map(|found| Replica {
                base_url: format!("http://{}", found.address),
                ..found.replica
            });
            Ok(by_address.collect())
        }
        EnvironmentPlan::Docker(docker) => {
            let engine = Engine::of_environment().await?;
            let found = containers(&engine, &plan.system, docker).await?;
            Ok(found.into_iter().map(|found| found.replica).collect())
        }
    }
}

pub(super) fn not_ours(name: &str) -> EnvironmentError {
    EnvironmentError::NotOurs {
        name: name.to_string(),
    }
}
