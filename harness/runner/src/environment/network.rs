//! The network of a local cluster: a namespace and an address for each node, and the rules that faults put there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::means::Steering;
use crate::mechanisms::net::nodes::NodeLink;
use crate::mechanisms::net::qdisc::QdiscStatistics;
use crate::mechanisms::net::snapshot::SnapshotError;
use crate::mechanisms::net::{
    Action, Direction, Evidence, NetSnapshot, Netns, NetnsError, NodeNetwork, NodeNetworkError,
    OwnedTable, Peers, Qdisc, QdiscError, Rule, Scope, Shape, Share, TableError,
};

/// Name of our table within a namespace of ours, after the mechanism's own prefix.
const TABLE: &str = "faults";

/// Namespaces of the nodes by name, reachable from ours. Every call blocks, for milliseconds.
#[derive(Debug)]
pub struct ClusterNetwork {
    /// Holds the namespaces that are ours; they end with it. `None`: they are those of containers.
    _held: Option<NodeNetwork>,
    clients: Clients,
    nodes: BTreeMap<String, NodeLinks>,
    /// Ends without a namespace that could be entered from here: the addresses by which they are spoken to.
    remote: BTreeMap<String, Vec<IpAddr>>,
    /// Name of its tables, after the mechanism's own prefix: nobody else may own one of that name in the same namespace.
    table: String,
}

/// From where the nodes are spoken to by those who send orders.
#[derive(Debug)]
struct Clients {
    addresses: Vec<IpAddr>,
    /// They are this very process.
    here: bool,
}

#[derive(Debug)]
struct NodeLinks {
    place: Mutex<NodeLink>,
    faults: Mutex<Faults>,
}

/// All faults on one namespace, compiled into one table.
#[derive(Debug, Default)]
struct Faults {
    table: Option<OwnedTable>,
    rules: BTreeMap<String, Vec<Rule>>,
    /// An interface has one discipline, whichever fault it serves.
    discipline: Option<(String, Qdisc)>,
}

/// Why something could not be done to a node's links.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("{0} has no network namespace of its own")]
    NoNamespace(String),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    Netns(#[from] NetnsError),
    #[error(transparent)]
    Qdisc(#[from] QdiscError),
    #[error("{node} has no discipline for {fault} any more")]
    NoDiscipline { node: String, fault: String },
}

impl ClusterNetwork {
    /// Makes a namespace for each node.
    ///
    /// # Errors
    /// Without root, or when the kernel refuses; nothing is left then.
    pub(crate) fn build(names: &[String]) -> Result<ClusterNetwork, NodeNetworkError> {
        let network = NodeNetwork::build(names.len())?;
        let places = names.iter().cloned().zip(network.nodes().iter().cloned());
        Ok(ClusterNetwork {
            clients: Clients {
                addresses: vec![IpAddr::V4(network.host_address())],
                here: true,
            },
            nodes: places.map(NodeLinks::new).collect(),
            remote: BTreeMap::new(),
            table: TABLE.to_string(),
            _held: Some(network),
        })
    }

    /// The namespaces of containers, which somebody else has made. `clients` is the address from which they are
    /// spoken to.
    pub(super) fn of_containers(
        places: Vec<(String, NodeLink)>,
        clients: IpAddr,
    ) -> ClusterNetwork {
        ClusterNetwork {
            _held: None,
            clients: Clients {
                addresses: vec![clients],
                here: true,
            },
            nodes: places.into_iter().map(NodeLinks::new).collect(),
            remote: BTreeMap::new(),
            table: TABLE.to_string(),
        }
    }

    /// The namespaces of pods on this node. `remote` are other ends of their links, which are known by their addresses
    /// only; `clients` the addresses from which somebody else sends orders. Other agents may have tables in the same
    /// namespaces, so that each has a name of its own for its `table`.
    pub(super) fn on_node(
        places: Vec<(String, NodeLink)>,
        remote: BTreeMap<String, Vec<IpAddr>>,
        clients: Vec<IpAddr>,
        table: String,
    ) -> ClusterNetwork {
        ClusterNetwork {
            _held: None,
            clients: Clients {
                addresses: clients,
                here: false,
            },
            nodes: places.into_iter().map(NodeLinks::new).collect(),
            remote,
            table,
        }
    }

    /// A container that was started again is in another namespace: rules that are in force go with it.
    ///
    /// # Errors
    /// When the node is none of ours or the kernel refuses.
    pub(super) fn moved(&self, node: &str, netns: Netns) -> Result<(), LinkError> {
        let links = self.links(node)?;
        let mut faults = links.faults();
        links.place_now().netns = netns.clone();
        if faults.table.take().is_some() {
            let timeout = OwnedTable::DEFAULT_TIMEOUT;
            faults.table = Some(OwnedTable::create(&netns, &self.table, timeout)?);
            faults.put()?;
        }
        Ok(())
    }

    /// The address of a node.
    pub fn address(&self, node: &str) -> Option<IpAddr> {
        self.addresses(node).first().copied()
    }

    /// All addresses by which a node is spoken to, its own first; empty for one that is not known.
    pub fn addresses(&self, node: &str) -> Vec<IpAddr> {
        match self.nodes.get(node) {
            Some(links) => vec![IpAddr::V4(links.place_now().address)],
            None => self.remote.get(node).cloned().unwrap_or_default(),
        }
    }

    /// The addresses from which orders come to the nodes.
    pub fn clients(&self) -> &[IpAddr] {
        &self.clients.addresses
    }

    /// True when orders come from this very process, so that it can try for itself whether they still get through.
    pub(crate) fn clients_are_here(&self) -> bool {
        self.clients.here
    }

    /// True for an end that is known by its addresses only.
    pub(crate) fn is_remote(&self, node: &str) -> bool {
        !self.nodes.contains_key(node)
    }

    pub(crate) fn netns(&self, node: &str) -> Option<Netns> {
        let node = self.nodes.get(node)?;
        Some(node.netns())
    }

    /// The namespace of a node, for people.
    pub fn handle(&self, node: &str) -> Option<String> {
        let node = self.nodes.get(node)?;
        Some(node.netns().id().to_string())
    }

    /// Puts the rules of a fault in force at a node, beside those of other faults.
    ///
    /// # Errors
    /// When the node is none of ours or the kernel refuses; the rules that were there go on.
    pub fn cut(&self, node: &str, fault: &str, rules: Vec<Rule>) -> Result<(), LinkError> {
        let links = self.links(node)?;
        let mut faults = links.faults();
        if faults.table.is_none() {
            let timeout = OwnedTable::DEFAULT_TIMEOUT;
            faults.table = Some(OwnedTable::create(&links.netns(), &self.table, timeout)?);
        }
        faults.rules.insert(fault.to_string(), rules);
        let put = faults.put();
        if put.is_err() {
            faults.rules.remove(fault);
        }
        Ok(put?)
    }

    /// Takes the rules of a fault away; what has none any more has no table either. Harmless when there are none.
    ///
    /// # Errors
    /// When the node is none of ours or the kernel refuses.
    pub fn mend(&self, node: &str, fault: &str) -> Result<(), LinkError> {
        let mut faults = self.links(node)?.faults();
        faults.rules.remove(fault);
        if !faults.rules.is_empty() {
            return Ok(faults.put()?);
        }
        match faults.table.take() {
            Some(table) => Ok(table.remove()?),
            None => Ok(()),
        }
    }

    /// Makes what a node sends to these peers slow, narrow or lossy, as a fault asks.
    ///
    /// # Errors
    /// When the node is none of ours, has a discipline already, or the kernel refuses; nothing is left then.
    pub fn shape(
        &self,
        node: &str,
        fault: &str,
        shape: &Shape,
        (peers, steering): (BTreeSet<IpAddr>, Steering),
    ) -> Result<(), LinkError> {
        let links = self.links(node)?;
        let place = links.place_now().clone();
        let discipline = Qdisc::install(&place.netns, place.interface, shape, Scope::Steered)?;
        let steered = match steering {
            Steering::Table => self.cut(node, fault, vec![steer(fault, peers)]),
            Steering::Filters => discipline.steer(&peers).map_err(LinkError::Qdisc),
        };
        if let Err(error) = steered {
            discipline.remove()?;
            return Err(error);
        }
        links.faults().discipline = Some((fault.to_string(), discipline));
        Ok(())
    }

    /// Takes back what a fault shaped. Harmless when there is nothing.
    ///
    /// # Errors
    /// When the node is none of ours or the kernel refuses.
    pub fn unshape(&self, node: &str, fault: &str) -> Result<(), LinkError> {
        self.mend(node, fault)?;
        let mut faults = self.links(node)?.faults();
        let own = faults
            .discipline
            .take_if(|(of, _)| of == fault)
            .map(|(_, discipline)| discipline);
        Ok(own.map_or(Ok(()), |discipline| discipline.remove())?)
    }

    /// What a fault's discipline at a node did.
    ///
    /// # Errors
    /// When there is none, or somebody else has removed it.
    pub fn shaped(&self, node: &str, fault: &str) -> Result<QdiscStatistics, LinkError> {
        let faults = self.links(node)?.faults();
        match &faults.discipline {
            Some((of, discipline)) if of == fault => Ok(discipline.statistics()?),
            Some(_) | None => Err(LinkError::NoDiscipline {
                node: node.to_string(),
                fault: fault.to_string(),
            }),
        }
    }

    /// What the rules at a node have done; `None` when it has none.
    ///
    /// # Errors
    /// When the node is none of ours or the kernel refuses.
    pub fn evidence(&self, node: &str) -> Result<Option<Evidence>, LinkError> {
        let faults = self.links(node)?.faults();
        let evidence = faults.table.as_ref().map(OwnedTable::evidence).transpose();
        Ok(evidence?)
    }

    /// A picture of the node's network, without what is ours.
    ///
    /// # Errors
    /// When the node is none of ours or its namespace cannot be read.
    pub fn snapshot(&self, node: &str) -> Result<NetSnapshot, LinkError> {
        Ok(NetSnapshot::take(&self.links(node)?.netns())?.without_own_tables())
    }

    /// Whether a connection from a node to an address comes about in time.
    ///
    /// # Errors
    /// When the node is none of ours or its namespace cannot be entered.
    pub fn connects(
        &self,
        node: &str,
        to: SocketAddr,
        within: Duration,
    ) -> Result<bool, LinkError> {
        let netns = self.links(node)?.netns();
        Ok(netns.run_in(|| TcpStream::connect_timeout(&to, within).is_ok())?)
    }

    fn links(&self, node: &str) -> Result<&NodeLinks, LinkError> {
        let links = self.nodes.get(node);
        links.ok_or_else(|| LinkError::NoNamespace(node.to_string()))
    }
}

fn steer(fault: &str, peers: BTreeSet<IpAddr>) -> Rule {
    Rule {
        name: fault.to_string(),
        peers: Peers::Addresses(peers),
        direction: Direction::Out,
        ports: Vec::new(),
        share: Share::ALL,
        action: Action::Steer,
    }
}

impl NodeLinks {
    fn new((name, place): (String, NodeLink)) -> (String, NodeLinks) {
        let links = NodeLinks {
            place: Mutex::new(place),
            faults: Mutex::default(),
        };
        (name, links)
    }

    fn place_now(&self) -> MutexGuard<'_, NodeLink> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn netns(&self) -> Netns {
        self.place_now().netns.clone()
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Faults {
    fn put(&self) -> Result<(), TableError> {
        let rules = self.rules.values().flatten().cloned().collect();
        match &self.table {
            Some(table) => table.replace(rules),
            None => Ok(()),
        }
    }
}
