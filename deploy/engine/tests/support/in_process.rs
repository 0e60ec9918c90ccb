//! Clusters in this process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use shakedown_engine::config::{Gateways, Member, NodeConfig, SnapshotPolicy};
use shakedown_engine::defects::{Defect, Defects};
use shakedown_engine::error::EngineError;
use shakedown_engine::http::guard::Rules;
use shakedown_engine::node::{self, NodeHandle};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{http_of, members, peer_of};

struct RunningNode {
    runtime: Runtime,
    handle: NodeHandle,
}

/// A cluster whose nodes each have a runtime of their own, so that one can be cut off in the middle of everything.
pub struct Cluster {
    pub members: Vec<Member>,
    folder: TempDir,
    defects: Vec<Defect>,
    snapshots: SnapshotPolicy,
    /// For nodes that are started from now on, in milliseconds.
    pub stand_after_ms: u64,
    nodes: Vec<Option<RunningNode>>,
}

impl Cluster {
    pub fn start(defects: &[Defect], snapshots: SnapshotPolicy) -> Self {
        let members = members(3);
        let mut cluster = Self {
            nodes: members.iter().map(|_| None).collect(),
            members,
            folder: tempfile::tempdir().expect("a folder"),
            defects: defects.to_vec(),
            snapshots,
            stand_after_ms: 0,
        };
        for place in 0..cluster.members.len() {
            cluster.start_node(place);
        }
        cluster.wait_ready();
        cluster
    }

    pub fn data(&self, place: usize) -> PathBuf {
        self.folder.path().join(&self.members[place].name)
    }

    pub fn start_node(&mut self, place: usize) {
        let member = self.members[place].clone();
        let config = NodeConfig {
            id: member.id,
            data: self.data(place),
            http: http_of(&member),
            gateways: Gateways::default(),
            peer: peer_of(&member),
            members: self.members.clone(),
            election: "300..600".parse().expect("a range"),
            heartbeat_ms: 80,
            snapshots: self.snapshots,
            defects: Defects::new(self.defects.iter().copied()),
            drain_ms: 0,
            stand_after_ms: self.stand_after_ms,
            rules: Rules::default(),
            hive_mind: None,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        // A connection of somebody else's may have the port for a moment.
        let mut tries = 0;
        let handle = loop {
            match runtime.block_on(node::start(config.clone())) {
                Err(EngineError::Listen { .. }) if tries < 50 => {
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(100));
                }
                started => break started.expect("the node starts"),
            }
        };
        self.nodes[place] = Some(RunningNode { runtime, handle });
    }

    /// Cuts a node off: nothing it was doing is finished, no connection is closed in order.
    pub fn cut(&mut self, place: usize) {
        let node = self.nodes[place].take().expect("the node runs");
        node.runtime.shutdown_background();
        drop(node.handle);
    }

    /// Stops a node in order.
    pub fn stop(&mut self, place: usize) {
        let mut node = self.nodes[place].take().expect("the node runs");
        node.runtime.block_on(node.handle.stop());
    }

    pub fn http(&self, place: usize) -> SocketAddr {
        http_of(&self.members[place])
    }

    pub fn running(&self) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|place| self.nodes[*place].is_some())
            .collect()
    }

    /// The term that a node is in.
    pub fn term(&self, place: usize) -> u64 {
        let node = self.nodes[place].as_ref().expect("the node runs");
        node.handle.app().raft.metrics().borrow().current_term
    }

    fn running_http(&self) -> Vec<SocketAddr> {
        self.running()
            .iter()
            .map(|place| self.http(*place))
            .collect()
    }

    pub fn leader(&self) -> usize {
        self.running()[super::leader_among(&self.running_http())]
    }

    pub fn wait_ready(&self) {
        super::wait_ready(&self.running_http());
    }

    /// What each running node lists once all have applied the same.
    pub fn converged(&self) -> Vec<Vec<Value>> {
        super::converged(&self.running_http())
    }
}
