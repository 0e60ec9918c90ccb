//! Consensus messages over the peer connections.

use std::sync::Arc;
use std::time::Duration;

use openraft::error::{
    InstallSnapshotError, NetworkError, RPCError, RaftError, RemoteError, Unreachable,
};
use openraft::network::{Backoff, RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use openraft::{AnyError, EmptyNode};

use super::TypeConfig;
use crate::defects::Defects;
use crate::metrics::Metrics;
use crate::peer::{CallError, Lane, PeerLinks, Peers, Reply, Request};

/// How soon an unreachable peer is tried again.
const RETRY_UNREACHABLE: Duration = Duration::from_millis(100);

type Failure<E = openraft::error::Infallible> = RPCError<u64, EmptyNode, RaftError<u64, E>>;

/// Makes connections for consensus.
#[derive(Debug, Clone)]
pub struct NetworkFactory {
    peers: Peers,
    metrics: Metrics,
    defects: Defects,
}

impl NetworkFactory {
    /// Over these links; failures are counted.
    pub fn new(peers: Peers, metrics: Metrics, defects: Defects) -> Self {
        Self {
            peers,
            metrics,
            defects,
        }
    }
}

/// The way to one peer.
#[derive(Debug)]
pub struct Network {
    target: u64,
    links: Option<Arc<PeerLinks>>,
    metrics: Metrics,
    defects: Defects,
    appends: u64,
}

impl RaftNetworkFactory<TypeConfig> for NetworkFactory {
    type Network = Network;

    async fn new_client(&mut self, target: u64, _node: &EmptyNode) -> Network {
        Network {
            target,
            links: self.peers.get(target),
            metrics: self.metrics.clone(),
            defects: self.defects.clone(),
            appends: 0,
        }
    }
}

impl Network {
    async fn call<E: std::error::Error>(
        &self,
        lane: Lane,
        request: Request,
    ) -> Result<Reply, Failure<E>> {
        let Some(links) = &self.links else {
            let why = AnyError::error(format!("node {} is not among the members", self.target));
            return Err(Unreachable::new(&why).into());
        };
        match links.call(lane, &request).await {
            Ok(Reply::Failed(why)) => Err(Unreachable::new(&AnyError::error(why)).into()),
            Ok(reply) => Ok(reply),
            Err(error @ CallError::NotSent(_)) => Err(Unreachable::new(&error).into()),
            Err(error @ CallError::Interrupted) => Err(NetworkError::new(&error).into()),
        }
    }
}

/// The peer answered something else than was asked.
fn confused<E: std::error::Error>() -> Failure<E> {
    NetworkError::new(&AnyError::error("the peer answered another question")).into()
}

impl RaftNetwork<TypeConfig> for Network {
    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, Failure> {
        self.appends += 1;
        let refuses = self.defects.refuse_append(self.appends) || self.defects.loses_appends();
        let answered = match refuses {
            false => self.call(Lane::Consensus, Request::Append(rpc)).await,
            true => Err(Unreachable::new(&AnyError::error("a defect refuses it")).into()),
        };
        match answered {
            Ok(Reply::Append(response)) => Ok(response),
            Ok(_) => Err(confused()),
            Err(failure) => {
                self.metrics.append_failed();
                Err(failure)
            }
        }
    }

    async fn install_snapshot(
        &mut self,
        rpc: InstallSnapshotRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<InstallSnapshotResponse<u64>, Failure<InstallSnapshotError>> {
        match self.call(Lane::Snapshots, Request::Snapshot(rpc)).await? {
            Reply::Snapshot(response) => Ok(response),
            Reply::SnapshotRefused(refused) => Err(RPCError::RemoteError(RemoteError::new(
                self.target,
                RaftError::APIError(refused),
            ))),
            _ => Err(confused()),
        }
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<u64>,
        _option: RPCOption,
    ) -> Result<VoteResponse<u64>, Failure> {
        match self.call(Lane::Consensus, Request::Vote(rpc)).await? {
            Reply::Vote(response) => Ok(response),
            _ => Err(confused()),
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(RETRY_UNREACHABLE))
    }
}
