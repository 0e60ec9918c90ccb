//! The pods of one order.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use shakedown_scenarios::plan::{Direction, FaultKind};
use tokio::net::TcpStream;

use super::seat::{Seat, SeatError};
use crate::agent::{FarSide, Order};
use crate::environment::error::EnvironmentError;
use crate::environment::handle::{Handle, Replica, ReplicaHealth};
use crate::environment::means::Means;
use crate::environment::network::ClusterNetwork;
use crate::mechanisms::net::nodes::NodeLink;
use crate::mechanisms::net::{OwnedTable, QdiscKinds, TableError};
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
    #[error("this node's nftables cannot do it: {0}")]
    Table(#[from] TableError),
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
            network: Arc::new(ClusterNetwork::on_node(places, remote, clients(order))),
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

type FarEnds = (BTreeMap<String, SocketAddr>, BTreeMap<String, Vec<IpAddr>>);

/// Where the far ends serve, and all addresses by which each of them is spoken to.
fn far_ends(far: Option<&FarSide>) -> FarEnds {
    let replicas = far.map_or(&[][..], |far| &far.replicas);
    let serves =
        |far: &crate::agent::FarTarget| (far.replica.clone(), SocketAddr::new(far.ip, far.port));
    let known_by = |far: &crate::agent::FarTarget| {
        let all = std::iter::once(far.ip).chain(far.services.clone());
        (far.replica.clone(), all.collect())
    };
    (
        replicas.iter().map(serves).collect(),
        replicas.iter().map(known_by).collect(),
    )
}

fn clients(order: &Order) -> Vec<IpAddr> {
    let clients = order.far.as_ref().and_then(|far| far.clients.as_ref());
    clients.map_or_else(Vec::new, |clients| {
        clients.own.iter().chain(&clients.nodes).copied().collect()
    })
}

/// How it is done on this node; `None` for what is not done to links.
fn means(kind: &FaultKind, far: Option<&FarSide>) -> Result<Option<Means>, NodeTargetError> {
    match (refusal(kind), kind) {
        (Some(why), kind) => Err(NodeTargetError::Kind {
            kind: kind.name(),
            why,
        }),
        (None, FaultKind::Delay { .. } | FaultKind::Bandwidth { .. }) => {
            OwnedTable::preflight()?;
            let direction = far.map(|far| far.direction);
            if let Some(why) = not_sent_here(direction, far.is_some_and(|it| it.clients.is_some()))
            {
                let kind = kind.name();
                return Err(NodeTargetError::Kind { kind, why });
            }
            discipline(kind, QdiscKinds::probe()?).map(Some)
        }
        (None, kind) if kind.is_of_links() || *kind == FaultKind::Dns => {
            OwnedTable::preflight()?;
            Ok(Some(Means::Table))
        }
        (None, _) => Ok(None),
    }
}

/// A discipline acts on what is sent, and only what the near end sends can be reached from here.
fn not_sent_here(direction: Option<Direction>, clients: bool) -> Option<&'static str> {
    match (direction, clients) {
        (Some(Direction::Back), _) => Some(
            "packets are made slow where they are sent, which is the far end: order it on that node, with the ends \
             exchanged and the direction `there`",
        ),
        (Some(Direction::Both), true) => Some(
            "packets are made slow where they are sent, and clients are not on this node: take the direction `there`",
        ),
        (Some(Direction::Both | Direction::There) | None, _) => None,
    }
}

fn discipline(kind: &FaultKind, kinds: QdiscKinds) -> Result<Means, NodeTargetError> {
    let is_delay = matches!(kind, FaultKind::Delay { .. });
    match (is_delay, kinds.netem, kinds.htb) {
        (true, false, _) => Err(NodeTargetError::Kernel("netem")),
        (_, _, false) => Err(NodeTargetError::Kernel("htb")),
        (true, true, true) => Ok(Means::Discipline("netem")),
        (false, _, true) => Ok(Means::Discipline("htb")),
    }
}

/// Why an agent does not do a kind; `None` when it does.
fn refusal(kind: &FaultKind) -> Option<&'static str> {
    match kind {
        FaultKind::Kill { .. }
        | FaultKind::Freeze { .. }
        | FaultKind::Restart { .. }
        | FaultKind::Cpu { .. }
        | FaultKind::CpuStress { .. }
        | FaultKind::Memory { .. }
        | FaultKind::OutOfMemory
        | FaultKind::Partition { .. }
        | FaultKind::Loss { .. }
        | FaultKind::Reset { .. }
        | FaultKind::Delay { .. }
        | FaultKind::Bandwidth { .. }
        | FaultKind::Dns => None,
        FaultKind::HalfOpen => Some("it takes a go-between, and there is none in a pod"),
        FaultKind::Stop { .. } | FaultKind::Disconnect => Some("it takes an engine of containers"),
        FaultKind::SlowDisk { .. } | FaultKind::FailingDisk { .. } | FaultKind::DiskFull { .. } => {
            Some("it takes a disk that Shakedown has put there before the start")
        }
        FaultKind::ClockSkew { .. } => {
            Some("a container is started by the kubelet, with the machine's clock")
        }
        FaultKind::Hook(_) => Some("the commands of a hook run beside the runner"),
        FaultKind::Cluster(kind) if kind.needs_agent() => None,
        FaultKind::Cluster(_) => Some("it is done by the API of the cluster"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: FaultKind = FaultKind::Delay {
        by_ns: 1,
        jitter_ns: 0,
        reorder: 0.0,
    };
    const NARROW: FaultKind = FaultKind::Bandwidth { bytes_per_s: 1_000 };

    fn kinds(netem: bool, htb: bool) -> QdiscKinds {
        QdiscKinds {
            netem,
            tbf: true,
            htb,
        }
    }

    #[test]
    fn a_kernel_that_lacks_something_is_named() {
        let told = |kind, netem, htb| match discipline(kind, kinds(netem, htb)) {
            Ok(means) => means.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(told(&DELAY, false, true), "this node's kernel has no netem");
        assert_eq!(told(&NARROW, true, false), "this node's kernel has no htb");
        assert_eq!(told(&DELAY, true, false), "this node's kernel has no htb");
        assert!(told(&DELAY, true, true).starts_with("netem"));
        assert!(told(&NARROW, false, true).starts_with("htb"));
    }

    #[test]
    fn what_others_send_is_not_made_slow_here() {
        assert!(not_sent_here(Some(Direction::Back), false).is_some());
        assert!(not_sent_here(Some(Direction::Both), true).is_some());
        assert!(not_sent_here(Some(Direction::Both), false).is_none());
        assert!(not_sent_here(Some(Direction::There), true).is_none());
    }

    #[test]
    fn kinds_without_means_on_a_node_are_refused() {
        let skew = FaultKind::ClockSkew { by_ns: 1 };
        for kind in [FaultKind::HalfOpen, FaultKind::Disconnect, skew] {
            let refused = means(&kind, None).unwrap_err();
            assert!(matches!(refused, NodeTargetError::Kind { .. }), "{kind:?}");
        }
        assert_eq!(means(&FaultKind::OutOfMemory, None).unwrap(), None);
    }
}
