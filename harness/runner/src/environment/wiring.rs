//! How the nodes of a local cluster reach each other: where they listen, and through what.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use shakedown_scenarios::plan::{FaultKind, FaultPlan, LinkEnd, Plan, Selector};

use super::cast::Cast;
use super::engine_command::{Member, members};
use super::error::EnvironmentError;
use super::means::{Means, mechanisms_here};
use super::network::ClusterNetwork;
use super::ports;
use super::web::{End, LinkKey, LinkWeb, Peers};

/// For peers, of a node that has an address of its own.
const PEER_PORT: u16 = 7400;

/// Of a gateway other than HTTP for which the profile names none: the stand-in has one.
const GATEWAY_PORT: u16 = 7420;

/// Addresses of the nodes, and what lies between them.
#[derive(Debug, Clone)]
pub(super) struct Wiring {
    pub(super) members: Vec<Member>,
    /// With root: a namespace for each node.
    pub(super) network: Option<Arc<ClusterNetwork>>,
    /// Where a fault of the plan needs them.
    pub(super) links: Option<Arc<LinkWeb>>,
    /// How each fault on links will be done, by its id.
    pub(super) means: Arc<BTreeMap<String, Means>>,
    pub(super) orders_per_s: f64,
}

impl Wiring {
    /// Two addresses for each node: with root in a namespace of its own, where its ports are always the same;
    /// otherwise free ones on loopback. And the userspace links that faults of the plan need.
    ///
    /// # Errors
    /// When a fault needs what this machine does not have.
    pub(super) fn lay(plan: &Plan, cast: &Cast) -> Result<Wiring, EnvironmentError> {
        let names = &cast.names();
        let means: BTreeMap<String, Means> = mechanisms_here(plan).into_iter().collect();
        refuse_reordering(plan, &means)?;
        refuse_go_betweens(cast, &means)?;
        let gateway = &plan.system.gateway;
        let port = match gateway.reports() {
            Some(reports) => Some(reports.port.unwrap_or(GATEWAY_PORT)),
            None => (!gateway.is_at_entry()).then(|| gateway.port().unwrap_or(GATEWAY_PORT)),
        };
        let publish = plan.system.market_data.publish.as_ref();
        let ingest = publish.filter(|_| plan.points.is_some());
        let ingest = ingest.and_then(|publish| publish.port());
        let Places {
            network,
            addresses,
            gateways,
            ingests,
        } = places(names, &means, cast, [port, ingest])?;
        let members = members(names, &addresses, &gateways, &ingests);
        let wanted = wanted(plan, names, &means);
        let links = match wanted.is_empty() {
            true => None,
            false => {
                let peers = |one: &str, other: &str| cast.are_peers(one, other);
                let laid = (network.as_deref(), &peers as Peers<'_>);
                Some(Arc::new(LinkWeb::lay(&wanted, &members, laid, plan.seed)?))
            }
        };
        Ok(Wiring {
            members,
            network,
            links,
            means: Arc::new(means),
            orders_per_s: plan.load.arrival.rate_per_s(),
        })
    }

    /// The same with these members only, in this order.
    pub(super) fn only<'n>(&self, names: impl Iterator<Item = &'n str>) -> Wiring {
        let member = |name| self.members.iter().find(|member| member.name == name);
        Wiring {
            members: names.filter_map(member).cloned().collect(),
            ..self.clone()
        }
    }

    /// The members as one of them is to see them.
    pub(super) fn seen_by(&self, own: &Member) -> Vec<Member> {
        match &self.links {
            Some(links) => links.seen_by(own, &self.members),
            None => self.members.clone(),
        }
    }

    /// Where requests of clients to a node go.
    pub(super) fn entry(&self, own: &Member) -> SocketAddr {
        let through = self.links.as_ref().and_then(|links| links.entry(&own.name));
        through.unwrap_or(own.http)
    }

    /// Where the orders of the load for a node go.
    pub(super) fn gateway(&self, own: &Member) -> SocketAddr {
        let Some(direct) = own.gateway else {
            return self.entry(own);
        };
        let links = self.links.as_ref();
        let through = links.and_then(|links| links.gateway(&own.name));
        through.unwrap_or(direct)
    }
}

/// Where nodes are.
struct Places {
    network: Option<Arc<ClusterNetwork>>,
    /// HTTP and peer of each.
    addresses: Vec<SocketAddr>,
    /// One of each where there is a gateway beside HTTP.
    gateways: Vec<SocketAddr>,
    /// One of each where market data gets in beside HTTP.
    ingests: Vec<SocketAddr>,
}

fn places(
    names: &[String],
    means: &BTreeMap<String, Means>,
    cast: &Cast,
    [gateway_port, ingest_port]: [Option<u16>; 2],
) -> Result<Places, EnvironmentError> {
    let network = match ClusterNetwork::build(names) {
        Ok(network) => network,
        Err(source) if cast.needs_namespaces() || means.values().any(needs_namespaces) => {
            let source = Box::new(source);
            return Err(EnvironmentError::NoNetwork { source });
        }
        Err(why) => {
            tracing::info!("the nodes share this machine's loopback: {why}");
            let of = |port: Option<u16>| port.map_or(0, |_| names.len());
            let (both, gateways) = (2 * names.len(), of(gateway_port));
            let mut addresses = ports::free_addresses(both + gateways + of(ingest_port))?;
            let ingests = addresses.split_off(both + gateways);
            return Ok(Places {
                network: None,
                ingests,
                gateways: addresses.split_off(both),
                addresses,
            });
        }
    };
    let of = |name: &String| network.address(name);
    let both = |name: &String| {
        let ports = [cast.port(name), PEER_PORT];
        of(name).map(|address| ports.map(|port| SocketAddr::new(address, port)))
    };
    let gateway = |address: IpAddr| Some(SocketAddr::new(address, gateway_port?));
    let ingest = |address: IpAddr| Some(SocketAddr::new(address, ingest_port?));
    let addresses = names.iter().filter_map(both).flatten().collect();
    let gateways = names.iter().filter_map(of).filter_map(gateway).collect();
    let ingests = names.iter().filter_map(of).filter_map(ingest).collect();
    Ok(Places {
        network: Some(Arc::new(network)),
        addresses,
        gateways,
        ingests,
    })
}

fn needs_namespaces(means: &Means) -> bool {
    match means {
        Means::Table | Means::Discipline(..) => true,
        Means::Userspace { .. } => false,
    }
}

fn refuse_reordering(plan: &Plan, means: &BTreeMap<String, Means>) -> Result<(), EnvironmentError> {
    for fault in &plan.faults {
        let FaultKind::Delay { reorder, .. } = fault.kind else {
            continue;
        };
        if let Some(Means::Userspace { why }) = means.get(&fault.id)
            && reorder > 0.0
        {
            let fault = fault.id.clone();
            return Err(EnvironmentError::NoReordering { fault, why });
        }
    }
    Ok(())
}

/// Whoever asks such servers for another one's address is told the real one.
fn refuse_go_betweens(
    cast: &Cast,
    means: &BTreeMap<String, Means>,
) -> Result<(), EnvironmentError> {
    if !cast.tells_addresses() {
        return Ok(());
    }
    let mut done = means.iter();
    let found = done.find_map(|(fault, means)| match means {
        Means::Userspace { why } => Some((fault.clone(), *why)),
        Means::Table | Means::Discipline(..) => None,
    });
    match found {
        Some((fault, why)) => Err(EnvironmentError::NoGoBetween { fault, why }),
        None => Ok(()),
    }
}

/// The links that faults may mean: who has a role is known only when a fault fires.
fn wanted(plan: &Plan, names: &[String], means: &BTreeMap<String, Means>) -> BTreeSet<LinkKey> {
    let mut wanted = BTreeSet::new();
    let by_links =
        |fault: &&FaultPlan| matches!(means.get(&fault.id), Some(Means::Userspace { .. }));
    for fault in plan.faults.iter().filter(by_links) {
        let Selector::Link { from, to, .. } = &fault.to else {
            continue;
        };
        let near = candidates(from, plan, names);
        let far = match to {
            LinkEnd::Clients => {
                let from = End::Clients;
                wanted.extend(near.into_iter().map(|to| LinkKey {
                    from: from.clone(),
                    to,
                }));
                continue;
            }
            LinkEnd::Peers => names.to_vec(),
            LinkEnd::Replicas(to) => candidates(to, plan, names),
            // Of clusters only, where there are no userspace links.
            LinkEnd::Service(_) => continue,
        };
        for one in &near {
            for other in far.iter().filter(|other| *other != one) {
                for (from, to) in [(one, other), (other, one)] {
                    wanted.insert(LinkKey {
                        from: End::Node(from.clone()),
                        to: to.clone(),
                    });
                }
            }
        }
    }
    wanted
}

/// The nodes that a selector may mean.
fn candidates(selector: &Selector, plan: &Plan, names: &[String]) -> Vec<String> {
    let all_of = |part: &str| {
        let is_of = |name: &&String| name.rsplit_once('-').is_some_and(|(own, _)| own == part);
        names.iter().filter(is_of).cloned().collect()
    };
    match selector {
        Selector::Name(name) => names.iter().filter(|it| *it == name).cloned().collect(),
        Selector::Part(part) | Selector::Random { part, .. } => all_of(part),
        Selector::Role(role) => {
            let mut parts = plan.system.parts.iter();
            let owner = parts.find(|part| part.roles.iter().any(|known| known.name == *role));
            owner.map_or_else(Vec::new, |owner| all_of(&owner.name))
        }
        Selector::Link { .. } | Selector::System | Selector::Placed(_) => Vec::new(),
    }
}
