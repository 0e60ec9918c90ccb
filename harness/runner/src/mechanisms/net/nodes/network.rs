//! Building the namespaces, the bridge and the pairs, and taking them down.

use std::fs;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::reach::{self, Unreachable};
use super::subnet::Subnet;
use crate::mechanisms::net::links::Links;
use crate::mechanisms::net::netlink::NetlinkError;
use crate::mechanisms::net::netns::{Netns, NetnsError};

/// Every interface of ours begins with this.
const PREFIX: &str = "shk";
const NODE_INTERFACE: &str = "shk0";
const BRIDGE: &str = "shkbr";
const HOST_PORT: &str = "shkhost";
const NAMES_TRIED: u32 = 256;
/// The kernel looks at links once a second.
const RUNS_WITHIN: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

static NETWORKS_MADE: AtomicU32 = AtomicU32::new(0);

/// One node's place in the network.
#[derive(Debug, Clone)]
pub struct NodeLink {
    /// Start the node in it with [`Netns::enter_on_exec`].
    pub netns: Netns,
    pub address: Ipv4Addr,
    /// The interface inside, for [`crate::mechanisms::net::Qdisc`].
    pub interface: &'static str,
}

/// Namespaces for nodes, joined by a bridge, reachable from ours. Dropping it takes them down as soon as the last
/// process inside has ended.
#[derive(Debug)]
pub struct NodeNetwork {
    subnet: Subnet,
    host_interface: String,
    nodes: Vec<NodeLink>,
    /// Held, not used: the bridge is there as long as this is.
    _bridge: Netns,
}

/// Why there is no such network.
#[derive(Debug, thiserror::Error)]
pub enum NodeNetworkError {
    #[error(
        "a network of {asked} nodes cannot be made: at most {} fit",
        Subnet::NODES_AT_MOST
    )]
    TooMany { asked: usize },
    #[error(
        "all of 198.18.0.0/15 is taken by routes of this machine; remove those that nobody needs (`ip route`)"
    )]
    NoFreeSubnet,
    #[error(
        "no name for an interface is left: remove interfaces whose name begins with {PREFIX} (`ip link`)"
    )]
    NoFreeName,
    #[error("the interface {0} was there a moment ago and is gone")]
    Vanished(String),
    #[error(
        "the interface {0} is not running 5 s after it was switched on; is this machine overloaded?"
    )]
    NotRunning(String),
    #[error("{0} is no interface of ours: their names begin with {PREFIX}")]
    NotOurs(String),
    #[error(transparent)]
    Netns(#[from] NetnsError),
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

impl NodeNetwork {
    /// Makes the network. Nothing of it has a name outside of this process but one interface in our own namespace
    /// ([`NodeNetwork::host_interface`]), which ends with the process.
    ///
    /// # Errors
    /// Without root; when no subnet is free; when the kernel refuses. What was made until then is gone again.
    pub fn build(nodes: usize) -> Result<NodeNetwork, NodeNetworkError> {
        if nodes > Subnet::NODES_AT_MOST {
            return Err(NodeNetworkError::TooMany { asked: nodes });
        }
        let bridge = bridge_namespace()?;
        let mut host = Links::open()?;
        let host_interface = add_host_interface(&mut host, &bridge)?;
        // From here on the interface goes when `bridge` goes, on the way out of this function too.
        forbid_ipv6(&host_interface);
        bridge.run_in(|| attach(HOST_PORT))??;
        let subnet = settle(&mut host, &host_interface)?;
        let mut links = Vec::with_capacity(nodes);
        for index in 0..nodes {
            let address = subnet
                .node(index)
                .ok_or(NodeNetworkError::TooMany { asked: nodes })?;
            links.push(add_node(&bridge, index, address)?);
        }
        for node in &links {
            node.netns.run_in(|| wait_running(NODE_INTERFACE))??;
        }
        Ok(NodeNetwork {
            subnet,
            host_interface,
            nodes: links,
            _bridge: bridge,
        })
    }

    /// The nodes' places, in the order of their numbers.
    pub fn nodes(&self) -> &[NodeLink] {
        &self.nodes
    }

    pub fn subnet(&self) -> Subnet {
        self.subnet
    }

    /// The address from which Shakedown speaks to the nodes.
    pub fn host_address(&self) -> Ipv4Addr {
        self.subnet.host()
    }

    /// The one interface in our own namespace, for the journal and for [`remove_leftover`].
    pub fn host_interface(&self) -> &str {
        &self.host_interface
    }

    /// Speaks TCP from Shakedown to each node and from each node to each other one, both ways: the first pair that
    /// cannot, if any. A firewall of the machine shows here, before the run.
    ///
    /// # Errors
    /// When sockets cannot be made inside.
    pub fn unreachable(&self, within: Duration) -> Result<Option<Unreachable>, NetnsError> {
        reach::first_unreachable(&self.nodes, within)
    }

    /// Takes the network down now. Processes that are still inside keep their namespace, without a way out.
    ///
    /// # Errors
    /// When our own interface cannot be removed; it goes with the namespaces then.
    pub fn remove(self) -> Result<(), NodeNetworkError> {
        remove_leftover(&self.host_interface)
    }
}

/// Removes an interface that a network left in our own namespace; one that is not there is removed already. Only
/// names that begin as ours do are touched.
///
/// # Errors
/// When the rights are missing.
pub fn remove_leftover(host_interface: &str) -> Result<(), NodeNetworkError> {
    if !host_interface.starts_with(PREFIX) {
        return Err(NodeNetworkError::NotOurs(host_interface.to_string()));
    }
    Ok(Links::open()?.remove(host_interface)?)
}

fn bridge_namespace() -> Result<Netns, NodeNetworkError> {
    let bridge = Netns::anonymous()?;
    bridge.run_in(|| -> Result<(), NodeNetworkError> {
        forbid_ipv6("all");
        forbid_ipv6("default");
        let mut links = Links::open()?;
        links.add_bridge(BRIDGE)?;
        let index = index_of(&mut links, BRIDGE)?;
        Ok(links.set_up(index)?)
    })??;
    Ok(bridge)
}

/// Names hold our pid, so that two Shakedowns do not meet; where pids repeat (two pid namespaces), the kernel
/// refuses the second, and the next name is tried.
fn add_host_interface(host: &mut Links, bridge: &Netns) -> Result<String, NodeNetworkError> {
    for _ in 0..NAMES_TRIED {
        let number = NETWORKS_MADE.fetch_add(1, Ordering::Relaxed) % 0x1_0000;
        let name = format!("{PREFIX}{:x}-{number:x}", std::process::id());
        match host.add_veth(&name, HOST_PORT, bridge) {
            Ok(()) => return Ok(name),
            Err(error) if error.errno() == Some(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(NodeNetworkError::NoFreeName)
}

/// Chooses a free subnet. Two Shakedowns may choose the same one at the same moment, so each looks again after it
/// has taken one, and gives it back if somebody else has it too.
fn settle(host: &mut Links, interface: &str) -> Result<Subnet, NodeNetworkError> {
    let index = index_of(host, interface)?;
    host.set_up(index)?;
    let mut known = host.ipv4_routes()?;
    known.extend(host.ipv4_addresses()?);
    for subnet in Subnet::candidates(std::process::id()) {
        if !subnet.is_free(&known) {
            continue;
        }
        host.add_address(index, subnet.host(), Subnet::PREFIX_LENGTH)?;
        let taken_by_others = host.ipv4_addresses()?.into_iter().any(|known| {
            known.interface != index && known.overlaps(subnet.base(), Subnet::PREFIX_LENGTH)
        });
        if !taken_by_others {
            return Ok(subnet);
        }
        host.remove_address(index, subnet.host(), Subnet::PREFIX_LENGTH)?;
    }
    Err(NodeNetworkError::NoFreeSubnet)
}

fn add_node(bridge: &Netns, index: usize, address: Ipv4Addr) -> Result<NodeLink, NodeNetworkError> {
    let netns = Netns::anonymous()?;
    netns.run_in(|| {
        forbid_ipv6("all");
        forbid_ipv6("default");
    })?;
    let port = format!("{PREFIX}n{index}");
    bridge.run_in(|| -> Result<(), NodeNetworkError> {
        Links::open()?.add_veth(&port, NODE_INTERFACE, &netns)?;
        attach(&port)
    })??;
    netns.run_in(|| -> Result<(), NodeNetworkError> {
        let mut links = Links::open()?;
        for name in ["lo", NODE_INTERFACE] {
            let index = index_of(&mut links, name)?;
            links.set_up(index)?;
        }
        let index = index_of(&mut links, NODE_INTERFACE)?;
        Ok(links.add_address(index, address, Subnet::PREFIX_LENGTH)?)
    })??;
    Ok(NodeLink {
        netns,
        address,
        interface: NODE_INTERFACE,
    })
}

/// Packets pass before the kernel says so, but a picture of the namespace that is taken until then would differ
/// from every later one.
fn wait_running(interface: &str) -> Result<(), NodeNetworkError> {
    let mut links = Links::open()?;
    let deadline = Instant::now() + RUNS_WITHIN;
    loop {
        let link = links
            .find(interface)?
            .ok_or_else(|| NodeNetworkError::Vanished(interface.to_string()))?;
        if link.is_running {
            return Ok(());
        } else if Instant::now() > deadline {
            return Err(NodeNetworkError::NotRunning(interface.to_string()));
        }
        std::thread::sleep(PAUSE);
    }
}

/// Makes an interface a port of the bridge, on a thread inside.
fn attach(port: &str) -> Result<(), NodeNetworkError> {
    let mut links = Links::open()?;
    let index = index_of(&mut links, port)?;
    let bridge = index_of(&mut links, BRIDGE)?;
    links.set_master(index, bridge)?;
    Ok(links.set_up(index)?)
}

fn index_of(links: &mut Links, name: &str) -> Result<u32, NodeNetworkError> {
    links
        .find(name)?
        .map(|link| link.index)
        .ok_or_else(|| NodeNetworkError::Vanished(name.to_string()))
}

/// The nodes speak IPv4. Without this, addresses appear on their own seconds later, and the picture of the
/// namespace after a fault would differ from the one before it. Where it cannot be set, there is no IPv6 or no
/// right to write, and all else works.
fn forbid_ipv6(interface: &str) {
    let path = format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6");
    if let Err(error) = fs::write(&path, "1") {
        tracing::debug!("{path}: {error}");
    }
}
