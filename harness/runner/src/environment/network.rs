//! The network of a local cluster: a namespace and an address for each node, and the rules that faults put there.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::mechanisms::net::nodes::NodeLink;
use crate::mechanisms::net::snapshot::SnapshotError;
use crate::mechanisms::net::{
    Evidence, NetSnapshot, Netns, NetnsError, NodeNetwork, NodeNetworkError, OwnedTable, Rule,
    TableError,
};

/// Name of our tables within a namespace, after the mechanism's own prefix.
const TABLE: &str = "faults";

/// Namespaces of the nodes by name, reachable from ours. Every call blocks, for milliseconds.
#[derive(Debug)]
pub struct ClusterNetwork {
    /// Holds the namespaces; they end with it.
    network: NodeNetwork,
    nodes: BTreeMap<String, NodeLinks>,
}

#[derive(Debug)]
struct NodeLinks {
    place: NodeLink,
    faults: Mutex<Faults>,
}

/// All faults on one namespace, compiled into one table.
#[derive(Debug, Default)]
struct Faults {
    table: Option<OwnedTable>,
    rules: BTreeMap<String, Vec<Rule>>,
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
}

impl ClusterNetwork {
    /// Makes a namespace for each node.
    ///
    /// # Errors
    /// Without root, or when the kernel refuses; nothing is left then.
    pub(super) fn build(names: &[String]) -> Result<ClusterNetwork, NodeNetworkError> {
        let network = NodeNetwork::build(names.len())?;
        let places = network.nodes().iter().cloned();
        let node = |(name, place): (&String, NodeLink)| {
            let faults = Mutex::default();
            (name.clone(), NodeLinks { place, faults })
        };
        let nodes = names.iter().zip(places).map(node).collect();
        Ok(ClusterNetwork { network, nodes })
    }

    /// The address of a node.
    pub fn address(&self, node: &str) -> Option<IpAddr> {
        let node = self.nodes.get(node)?;
        Some(IpAddr::V4(node.place.address))
    }

    /// The address from which Shakedown speaks to the nodes.
    pub fn clients(&self) -> IpAddr {
        IpAddr::V4(self.network.host_address())
    }

    pub(super) fn netns(&self, node: &str) -> Option<Netns> {
        let node = self.nodes.get(node)?;
        Some(node.place.netns.clone())
    }

    /// The namespace of a node, for people.
    pub fn handle(&self, node: &str) -> Option<String> {
        let node = self.nodes.get(node)?;
        Some(node.place.netns.id().to_string())
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
            faults.table = Some(OwnedTable::create(&links.place.netns, TABLE, timeout)?);
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
        Ok(NetSnapshot::take(&self.links(node)?.place.netns)?.without_own_tables())
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
        let netns = &self.links(node)?.place.netns;
        Ok(netns.run_in(|| TcpStream::connect_timeout(&to, within).is_ok())?)
    }

    fn links(&self, node: &str) -> Result<&NodeLinks, LinkError> {
        let links = self.nodes.get(node);
        links.ok_or_else(|| LinkError::NoNamespace(node.to_string()))
    }
}

impl NodeLinks {
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
