//! What the agents of one firing are told: one order for each node that has a target.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use shakedown_record::fault::Firing;
use shakedown_scenarios::plan::{ClusterKind, FaultKind};

use super::super::aim::{Aim, FarEnd, FaultTargetRef};
use super::super::strength::Strength;
use crate::agent::{
    ClientAddresses, Deadline, FarSide, FarTarget, LeaseRef, NearTarget, ORDER_VERSION, Order,
};
use crate::environment::{KubernetesTarget, Place};

/// Beyond the time for which a fault stays: to be made, armed, confirmed and healed.
const MARGIN: Duration = Duration::from_secs(150);
/// Clocks of the machines of one cluster are seldom further apart.
const CLOCKS_APART: Duration = Duration::from_secs(5);
const CONFIRM_WITHIN: Duration = Duration::from_secs(10);

/// One order a node, in the order of the targets. The run's id, the Lease and the strength are not in them yet.
///
/// # Errors
/// In words, when a target has no pod, or one that an agent cannot get hold of.
pub(super) fn orders(
    firing: &Firing,
    kind: &FaultKind,
    aim: &Aim,
    pods: &KubernetesTarget,
) -> Result<Vec<Order>, String> {
    let by_node = by_node(&aim.targets, pods)?;
    if by_node.is_empty() {
        return Err("there is no target".to_string());
    }
    let far = match &aim.far {
        Some(far) => Some(far_side(far, &by_node, pods)?),
        None => None,
    };
    let of_node = matches!(
        kind,
        FaultKind::Cluster(ClusterKind::KubeletStop | ClusterKind::RuntimeStop)
    );
    let order = |(node, near): (String, Vec<NearTarget>)| Order {
        version: ORDER_VERSION,
        run_id: String::new(),
        firing: firing.clone(),
        kind: kind.clone(),
        strength: Strength::Full,
        // What is done to a node is done once, whoever is on it.
        near: match of_node {
            true => near.into_iter().take(1).collect(),
            false => near,
        },
        node,
        far: far.clone(),
        deadline: deadline(Duration::ZERO),
        hold_ns: None,
        confirm_within_ns: CONFIRM_WITHIN.as_nanos() as u64,
        orders_per_s: pods.orders_per_s(),
        lease: LeaseRef {
            namespace: String::new(),
            name: String::new(),
        },
        // Logs are read through the kubelet, which may be what stands still.
        board: of_node.then(String::new),
    };
    Ok(by_node.into_iter().map(order).collect())
}

/// The far end's replicas that run, by their nodes: where something is done at that end too.
///
/// # Errors
/// In words, when one of them is one that an agent cannot get hold of.
pub(super) fn far_by_node(
    aim: &Aim,
    pods: &KubernetesTarget,
) -> Result<BTreeMap<String, Vec<NearTarget>>, String> {
    let names = aim.far.iter().flat_map(|far| &far.replicas);
    // To whoever does not run, nothing comes.
    let runs = |name: &&String| pods.place(name).is_some_and(|place| place.runs());
    let far = names.filter(runs).map(|name| FaultTargetRef {
        name: name.clone(),
        role: None,
    });
    by_node(&far.collect::<Vec<_>>(), pods)
}

fn by_node(
    targets: &[FaultTargetRef],
    pods: &KubernetesTarget,
) -> Result<BTreeMap<String, Vec<NearTarget>>, String> {
    let mut by_node: BTreeMap<String, Vec<NearTarget>> = BTreeMap::new();
    for target in targets {
        let (node, near) = near(target, pods)?;
        by_node.entry(node).or_default().push(near);
    }
    Ok(by_node)
}

/// Fills in what is known when it is sent.
pub(super) fn complete(
    order: &mut Order,
    run_id: &str,
    strength: Strength,
    namespace: &str,
    (lease, pod): (&str, &str),
) {
    order.run_id = run_id.to_string();
    order.strength = strength;
    order.lease = LeaseRef {
        namespace: namespace.to_string(),
        name: lease.to_string(),
    };
    if let Some(board) = &mut order.board {
        *board = pod.to_string();
    }
}

/// Counted from now.
pub(super) fn deadline(hold: Duration) -> Deadline {
    let at_most = hold + MARGIN;
    let now = jiff::Timestamp::now().as_nanosecond();
    let now_ns = u64::try_from(now).unwrap_or(0);
    let at_most_ns = u64::try_from(at_most.as_nanos()).unwrap_or(u64::MAX);
    Deadline {
        at_unix_ns: now_ns.saturating_add(at_most_ns),
        clocks_differ_by_at_most_ns: CLOCKS_APART.as_nanos() as u64,
        at_most_ns,
    }
}

fn near(target: &FaultTargetRef, pods: &KubernetesTarget) -> Result<(String, NearTarget), String> {
    let name = &target.name;
    let place = there(name, pods)?;
    let pod = &place.pod;
    if pod.host_network {
        return Err(format!(
            "{name} is pod {}, which shares the network of its node: what is done to it would be done to the node",
            pod.full_name()
        ));
    }
    let node = pod.node.clone();
    let node = node.ok_or_else(|| format!("{name}: pod {} is on no node", pod.full_name()))?;
    let id = place.container_id();
    let id = id.filter(|_| place.runs()).ok_or_else(|| {
        format!(
            "{name}: container {} of pod {} does not run",
            place.container,
            pod.full_name()
        )
    })?;
    let address = place
        .address()
        .ok_or_else(|| format!("{name} has no address"))?;
    let IpAddr::V4(ip) = address.ip() else {
        return Err(format!(
            "{name} has the address {address}, and links are cut by IPv4 only"
        ));
    };
    let near = NearTarget {
        replica: name.clone(),
        role: target.role.clone(),
        pod: pod.name.clone(),
        pod_uid: pod.uid.clone(),
        container_id: id.to_string(),
        container: place.container.clone(),
        ip,
        port: address.port(),
    };
    Ok((node, near))
}

fn there(name: &str, pods: &KubernetesTarget) -> Result<Place, String> {
    pods.place(name)
        .ok_or_else(|| format!("{name} has no pod now"))
}

fn far_side(
    far: &FarEnd,
    near: &BTreeMap<String, Vec<NearTarget>>,
    pods: &KubernetesTarget,
) -> Result<FarSide, String> {
    let mut replicas = Vec::new();
    for name in &far.replicas {
        let place = there(name, pods)?;
        let address = place
            .address()
            .ok_or_else(|| format!("{name} has no address"))?;
        replicas.push(FarTarget {
            replica: name.clone(),
            ip: address.ip(),
            port: address.port(),
            services: Vec::new(),
        });
    }
    let clients = far.clients.then(|| {
        let addresses = near.values().flatten();
        let own =
            addresses.filter_map(|near| own_address(SocketAddr::new(near.ip.into(), near.port)));
        let mut own: Vec<IpAddr> = own.collect();
        own.sort_unstable();
        own.dedup();
        ClientAddresses {
            own,
            nodes: Vec::new(),
        }
    });
    Ok(FarSide {
        replicas,
        clients,
        direction: far.direction,
        there_too: false,
    })
}

/// From which of our addresses somebody is spoken to. Nothing is sent.
fn own_address(to: SocketAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(to).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}
