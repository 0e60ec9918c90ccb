//! The pods of one order.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::choice::means;
use super::ends::{clients, far_ends, table};
use super::seat::{Seat, SeatError};
use crate::agent::Order;
use crate::environment::error::EnvironmentError;
use crate::environment::handle::{Handle, Replica, ReplicaHealth};
use crate::environment::means::Means;
use crate::environment::network::ClusterNetwork;
use crate::mechanisms::net::TableError;
use crate::mechanisms::net::nodes::NodeLink;
use crate::mechanisms::pods::{NodePods, PodError};
use crate::mechanisms::{ProcessState, net};

/// What network plugins call the interface of a pod.
const INTERFACE: &str = "eth0";
/// A kubelet waits longer each time before it starts a container again; the first times it does not.
const COMES_BACK_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
const CONNECTS_WITHIN: Duration = Duration::from_secs(1);

/// Pods that run already. Dropping it leaves them as they are.
#[derive(Debug)]
pub struct NodeTarget {
    /// The near ends.
    seats: Vec<Seat>,
    replicas: Vec<Replica>,
    /// Where the far ends serve.
    far: BTreeMap<String, SocketAddr>,
    network: Arc<ClusterNetwork>,
    /// Of the one fault that is ordered, by its id.
    means: Option<(String, Means)>,
    orders_per_s: f64,
    exe: PathBuf,
}

/// Why an order cannot be followed on this node.
#[derive(Debug, thiserror::Error)]
pub enum NodeTargetError {
    #[error(transparent)]
    Look(#[from] PodError),
    #[error("{replica} (container {container} of pod {pod}): {source}")]
    Target {
        replica: String,
        container: String,
        pod: String,
        source: Box<SeatError>,
    },
    #[error("{kind} cannot be done by an agent: {why}")]
    Kind {
        kind: &'static str,
        why: &'static str,
    },
    #[error("this node's kernel has no {0}")]
    Kernel(&'static str),
    #[error(
        "{kind} takes nftables with the family inet, and this node's kernel cannot do that: {source}; {instead}"
    )]
    Table {
        kind: &'static str,
        instead: &'static str,
        source: TableError,
    },
    #[error(transparent)]
    Qdisc(#[from] net::QdiscError),
}

impl NodeTarget {
    /// Finds and pins the targets of an order. Only looks. Blocks for some milliseconds. `exe` is the binary that can
    /// be a watchdog.
    ///
    /// # Errors
    /// When a target is not here or must not be touched, or this node cannot do what is asked.
    pub fn of_order(order: &Order, exe: PathBuf) -> Result<NodeTarget, NodeTargetError> {
        let means = means(&order.kind, order.far.as_ref())?;
        let pods = NodePods::look()?;
        let (mut seats, mut places) = (Vec::new(), Vec::new());
        for about in &order.near {
            let found = Seat::find(about, &pods);
            let (seat, netns) = found.map_err(|source| NodeTargetError::Target {
                replica: about.replica.clone(),
                container: about.container.clone(),
                pod: about.pod.clone(),
                source: Box::new(source),
            })?;
            let place = NodeLink {
                netns,
                address: about.ip,
                interface: INTERFACE,
            };
            places.push((about.replica.clone(), place));
            seats.push(seat);
        }
        let (far, remote) = far_ends(order.far.as_ref());
        let near = order
            .near
            .iter()
            .map(|near| (&near.replica, near.ip.into(), near.port));
        let known = near.chain(far.iter().map(|(name, at)| (name, at.ip(), at.port())));
        let replica = |(name, ip, port): (&String, IpAddr, u16)| Replica {
            name: name.clone(),
            part: name
                .rsplit_once('-')
                .map_or(name.as_str(), |(part, _)| part)
                .to_string(),
            base_url: format!("http://{}", SocketAddr::new(ip, port)),
        };
        Ok(NodeTarget {
            replicas: known.map(replica).collect(),
            network: Arc::new(ClusterNetwork::on_node(
                places,
                remote,
                clients(order),
                table(&order.run_id, &order.firing),
            )),
            seats,
            far,
            means: means.map(|means| (order.firing.fault.clone(), means)),
            orders_per_s: order.orders_per_s,
            exe,
        })
    }

    pub(in crate::environment) fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    pub(in crate::environment) fn handle(&self, name: &str) -> Option<Handle> {
        self.seat(name)?.process().map(Handle::Process)
    }

    pub(in crate::environment) fn address(&self, name: &str) -> Option<SocketAddr> {
        let near = self.seat(name).map(|seat| seat.address);
        near.or_else(|| self.far.get(name).copied())
    }

    pub(in crate::environment) fn network(&self) -> Option<Arc<ClusterNetwork>> {
        Some(Arc::clone(&self.network))
    }

    pub(in crate::environment) fn means(&self, fault: &str) -> Option<Means> {
        let own = self.means.as_ref().filter(|(of, _)| of == fault);
        own.map(|(_, means)| means.clone())
    }

    pub(in crate::environment) fn orders_per_s(&self) -> f64 {
        self.orders_per_s
    }

    pub(in crate::environment) fn exe(&self) -> &Path {
        &self.exe
    }

    pub(in crate::environment) fn log_end(&self, name: &str) -> String {
        self.seat(name).map_or_else(String::new, |seat| {
            format!(
                "see kubectl logs {} -c {} --previous",
                seat.about.pod, seat.about.container
            )
        })
    }

    pub(in crate::environment) fn fault_begins(&self, name: &str) {
        if let Some(seat) = self.seat(name) {
            seat.fault_begins();
        }
    }

    pub(in crate::environment) fn fault_ends(&self, name: &str) {
        if let Some(seat) = self.seat(name) {
            seat.fault_ends();
        }
    }

    pub(in crate::environment) fn is_explained(&self, name: &str) -> bool {
        self.seat(name).is_some_and(Seat::is_explained)
    }

    pub(in crate::environment) async fn health(&self, name: &str) -> Option<ReplicaHealth> {
        let seat = self.seat(name)?;
        let process = seat.state();
        let ready = match process {
            ProcessState::Running => connects(seat.address).await,
            ProcessState::Stopped | ProcessState::Exited => false,
        };
        Some(ReplicaHealth {
            process,
            address: seat.address,
            ready,
        })
    }

    /// Waits until the kubelet has started the container again.
    pub(in crate::environment) async fn respawn(&self, name: &str) -> Result<(), EnvironmentError> {
        let seat = self.known(name)?;
        let deadline = Instant::now() + COMES_BACK_WITHIN;
        loop {
            seat.take_in()?;
            if !seat.latest().has_exited().unwrap_or(true) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(EnvironmentError::Pods(format!(
                    "the kubelet has not started {} again within {} s; look at its restart policy and at kubectl describe \
                     pod {}",
                    seat.label(),
                    COMES_BACK_WITHIN.as_secs(),
                    seat.about.pod
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    pub(in crate::environment) async fn wait_ready(
        &self,
        name: &str,
        at_most: Duration,
    ) -> Result<(), EnvironmentError> {
        let seat = self.known(name)?;
        let deadline = Instant::now() + at_most;
        while !connects(seat.address).await {
            if seat.process().is_none() {
                return Err(EnvironmentError::EndedEarly {
                    name: name.to_string(),
                    how: "has ended".to_string(),
                    log: self.log_end(name),
                });
            }
            if Instant::now() >= deadline {
                return Err(EnvironmentError::NotReady {
                    name: name.to_string(),
                    waited_s: at_most.as_secs(),
                    answer: "accepts no connection".to_string(),
                    log: self.log_end(name),
                });
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    fn seat(&self, name: &str) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.about.replica == name)
    }

    fn known(&self, name: &str) -> Result<&Seat, EnvironmentError> {
        self.seat(name).ok_or_else(|| EnvironmentError::NotOurs {
            name: name.to_string(),
        })
    }
}

async fn connects(to: SocketAddr) -> bool {
    let connected = tokio::time::timeout(CONNECTS_WITHIN, TcpStream::connect(to)).await;
    matches!(connected, Ok(Ok(_)))
}
