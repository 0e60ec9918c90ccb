//! By which other addresses the far end of a link is spoken to: those of services.
//!
//! A pod sends to a service's cluster address and is answered from it; the node puts a pod's address in its place only
//! outside of the pod's network namespace. So there are two ways to cut what goes by a service. One that means nobody but the
//! far end is an address of the far end: rules in the first end's namespaces name it. One that means others too must go
//! on for them, and from the first end nobody can tell whom a packet is for. At the far end one can: the packet comes from the
//! first end's own address. What goes there is then dropped there, by agents on those nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use shakedown_record::fault::Effect;
use shakedown_scenarios::plan::{Direction, FaultKind};

use crate::agent::{FarSide, FarTarget, NearTarget, Order};
use crate::mechanisms::kubernetes::look::{EndpointLook, ServiceLook};
use crate::mechanisms::kubernetes::{Cluster, ClusterError};

/// Services of a namespace that have an address or were asked for, with all who are behind them, ready or not.
#[derive(Debug)]
pub(super) struct Ways(Vec<(ServiceLook, Vec<EndpointLook>)>);

/// How far orders for the first end of a link reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// The same has to be done at the second end.
    pub(super) both_ends: bool,
    /// What is sent to the address of these services, which mean others too, goes on as before.
    pub(super) past: Vec<String>,
}

impl Ways {
    /// # Errors
    /// When the API server does not tell.
    pub(super) async fn look(cluster: &Cluster, namespace: &str) -> Result<Ways, ClusterError> {
        let services = cluster.services(namespace, "").await?;
        let mut behind = cluster.all_endpoints(namespace).await?;
        let all = services.into_iter().map(|service| {
            let behind = behind.remove(&service.name).unwrap_or_default();
            (service, behind)
        });
        Ok(Ways(all.collect()))
    }

    /// The cluster addresses of services that mean this pod, and besides it nobody but others of these.
    fn own(&self, ip: IpAddr, ends: &BTreeSet<IpAddr>) -> Vec<IpAddr> {
        let is_own = |(_, behind): &&(ServiceLook, Vec<EndpointLook>)| {
            behind.iter().any(|it| it.address == ip)
                && behind.iter().all(|it| ends.contains(&it.address))
        };
        let mut all: Vec<IpAddr> = self
            .0
            .iter()
            .filter(is_own)
            .flat_map(|(service, _)| service.cluster_ips.clone())
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Names of the services with an address that mean one of these and somebody else.
    fn shared(&self, ends: &BTreeSet<IpAddr>) -> Vec<String> {
        let is_shared = |(service, behind): &&(ServiceLook, Vec<EndpointLook>)| {
            let (own, others): (Vec<_>, Vec<_>) =
                behind.iter().partition(|it| ends.contains(&it.address));
            !service.cluster_ips.is_empty() && !own.is_empty() && !others.is_empty()
        };
        let all = self.0.iter().filter(is_shared);
        all.map(|(service, _)| service.name.clone()).collect()
    }

    /// A service as one end: its addresses, and those of whoever is behind it but for `near`.
    ///
    /// # Errors
    /// In words, when there is no such service, or no way to it.
    pub(super) fn service(&self, name: &str, near: &BTreeSet<IpAddr>) -> Result<FarTarget, String> {
        let found = self.0.iter().find(|(service, _)| service.name == name);
        let (service, behind) = found.ok_or_else(|| format!("there is no service {name}"))?;
        let others = behind.iter().filter(|it| !near.contains(&it.address));
        let others: Vec<&EndpointLook> = others.collect();
        let mut ips = service.cluster_ips.clone();
        ips.extend(others.iter().map(|it| it.address));
        let tcp = service.ports.iter().find(|it| it.protocol == "TCP");
        let port = match (service.cluster_ips.first(), others.first()) {
            (Some(_), _) => tcp.map(|it| it.port),
            (None, Some(first)) => tcp.and_then(|it| first.ports.get(&it.name)).copied(),
            (None, None) => {
                return Err(format!(
                    "service {name} has no cluster address, and nobody is behind it"
                ));
            }
        };
        let port = port.ok_or_else(|| format!("service {name} has no port of TCP"))?;
        Ok(FarTarget {
            replica: format!("service {name}"),
            ip: ips.remove(0),
            port,
            services: ips,
        })
    }
}

/// Names the addresses of services in orders for the first end, and says how far they reach.
pub(super) fn by_services(orders: &mut [Order], ways: &Ways) -> Reach {
    let far = orders.iter().flat_map(|order| &order.far);
    let ends: BTreeSet<IpAddr> = far.flat_map(|far| &far.replicas).map(|it| it.ip).collect();
    for far in orders.iter_mut().flat_map(|order| &mut order.far) {
        for end in &mut far.replicas {
            end.services = ways.own(end.ip, &ends);
        }
    }
    let Some(order) = orders.first() else {
        return Reach::default();
    };
    let both_ways = order
        .far
        .as_ref()
        .is_some_and(|far| far.direction == Direction::Both);
    let shared = ways.shared(&ends);
    match &order.kind {
        FaultKind::Partition { .. } | FaultKind::Reset { .. } => Reach {
            both_ends: !shared.is_empty(),
            past: Vec::new(),
        },
        // Packets are made slow where they are sent.
        FaultKind::Delay { .. } | FaultKind::Bandwidth { .. } => Reach {
            both_ends: both_ways && !ends.is_empty(),
            past: shared,
        },
        // Done at both ends, a share would be lost twice.
        _ => Reach {
            both_ends: false,
            past: shared,
        },
    }
}

/// The first end, as the second one's orders name it.
pub(super) fn as_far(near: &[NearTarget]) -> Vec<FarTarget> {
    let far = |near: &NearTarget| FarTarget {
        replica: near.replica.clone(),
        ip: near.ip.into(),
        port: near.port,
        services: Vec::new(),
    };
    near.iter().map(far).collect()
}

/// Orders for the second end of a link, where `near` are its replicas by node.
pub(super) fn second_end(
    first: &[Order],
    near: BTreeMap<String, Vec<NearTarget>>,
    ways: &Ways,
) -> Vec<Order> {
    let Some(model) = first.first() else {
        return Vec::new();
    };
    let replicas: Vec<FarTarget> = first.iter().flat_map(|it| as_far(&it.near)).collect();
    let direction = match model.far.as_ref().map(|far| far.direction) {
        Some(Direction::There) => Direction::Back,
        Some(Direction::Back) => Direction::There,
        Some(Direction::Both) | None => Direction::Both,
    };
    let order = |(node, near): (String, Vec<NearTarget>)| Order {
        node,
        near,
        far: Some(FarSide {
            replicas: replicas.clone(),
            clients: None,
            direction,
            there_too: true,
        }),
        ..model.clone()
    };
    let mut orders: Vec<Order> = near.into_iter().map(order).collect();
    by_services(&mut orders, ways);
    orders
}

/// Ends that are both cut may each leave the other nothing to drop, but not both.
pub(super) fn nothing_was_hit(effect: &Effect) -> bool {
    let hit = effect.figures.iter().filter(|it| it.name == "packets hit");
    let hit: Vec<f64> = hit.filter_map(|it| it.measured).collect();
    !hit.is_empty() && hit.iter().all(|packets| *packets == 0.0)
}

#[cfg(test)]
mod tests;
