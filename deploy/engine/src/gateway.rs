//! Where a client's command goes: to this node's proposer if it leads, else once, over the wire, to the leader.
//!
//! The outcome keeps two things apart that a client must never confuse: a command that was definitely not
//! executed, and one of which nobody knows. Nothing is ever sent twice.

use std::time::Duration;

use bytes::Bytes;
use openraft::EmptyNode;
use openraft::ServerState;
use openraft::metrics::RaftServerMetrics;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::command::Answer;
use crate::peer::{CallError, Lane, Peers, Reply, Request};
use crate::proposer::Proposer;

/// How long a command waits for a leader to be known.
const WAIT_FOR_LEADER: Duration = Duration::from_millis(20);

/// How long anyone waits for the answer to a command that was sent or proposed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A quorum has it, and this is the answer.
    Answered(Answer),
    /// It was definitely not executed, and never will be.
    Unavailable(Unavailable),
    /// It may have been executed, may still be, or may never be.
    Unknown(Unknown),
}

/// Why a command was not executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unavailable {
    /// No leader is known.
    NoLeader,
    /// The leader cannot be reached from this node.
    LeaderUnreachable,
    /// Too many commands wait.
    Overloaded,
}

/// Why nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unknown {
    /// The leader was lost after the command had been sent to it.
    ForwardInterrupted,
    /// This node lost the leadership after it had proposed the command.
    LeadershipLost,
    /// There was no answer in time.
    TimedOut,
}

impl Unavailable {
    /// The reason as it stands in the reply.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoLeader => "no-leader",
            Self::LeaderUnreachable => "leader-unreachable",
            Self::Overloaded => "overloaded",
        }
    }
}

impl Unknown {
    /// The reason as it stands in the reply.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ForwardInterrupted => "forward-interrupted",
            Self::LeadershipLost => "leadership-lost",
            Self::TimedOut => "timed-out",
        }
    }
}

/// What a node knows of its own and others' roles.
pub type ServerMetrics = RaftServerMetrics<u64, EmptyNode>;

/// The way in for commands; cheap to clone.
#[derive(Debug, Clone)]
pub struct Gateway {
    id: u64,
    metrics: watch::Receiver<ServerMetrics>,
    proposer: Proposer,
    peers: Peers,
}

impl Gateway {
    /// For the node `id`.
    pub fn new(
        id: u64,
        metrics: watch::Receiver<ServerMetrics>,
        proposer: Proposer,
        peers: Peers,
    ) -> Self {
        Self {
            id,
            metrics,
            proposer,
            peers,
        }
    }

    /// Brings an encoded command to the leader, wherever that is.
    pub async fn execute(&self, command: Bytes) -> Outcome {
        match self.wait_for_leader().await {
            None => Outcome::Unavailable(Unavailable::NoLeader),
            Some(leader) if leader == self.id => self.propose(command).await,
            Some(leader) => self.forward(leader, command).await,
        }
    }

    /// Executes a command that another node sent here, taking this node for the leader. It goes no further.
    pub async fn execute_as_leader(&self, command: Bytes) -> Outcome {
        if leader_of(&self.metrics.borrow()) == Some(self.id) {
            self.propose(command).await
        } else {
            Outcome::Unavailable(Unavailable::NoLeader)
        }
    }

    /// The leader that this node knows of, if any.
    pub fn leader(&self) -> Option<u64> {
        leader_of(&self.metrics.borrow())
    }

    async fn wait_for_leader(&self) -> Option<u64> {
        if let Some(leader) = self.leader() {
            return Some(leader);
        }
        let mut metrics = self.metrics.clone();
        let known = metrics.wait_for(|metrics| leader_of(metrics).is_some());
        match tokio::time::timeout(WAIT_FOR_LEADER, known).await {
            Ok(Ok(metrics)) => leader_of(&metrics),
            Ok(Err(_)) | Err(_) => None,
        }
    }

    async fn propose(&self, command: Bytes) -> Outcome {
        tokio::time::timeout(ANSWER_TIMEOUT, self.proposer.submit(command))
            .await
            .unwrap_or(Outcome::Unknown(Unknown::TimedOut))
    }

    async fn forward(&self, leader: u64, command: Bytes) -> Outcome {
        let Some(links) = self.peers.get(leader) else {
            return Outcome::Unavailable(Unavailable::LeaderUnreachable);
        };
        let request = Request::Command(command);
        let mut metrics = self.metrics.clone();
        let deposed = metrics.wait_for(|metrics| leader_of(metrics) != Some(leader));
        tokio::select! {
            biased;
            reply = links.call(Lane::Commands, &request) => match reply {
                Ok(Reply::Command(outcome)) => outcome,
                Ok(_) | Err(CallError::Interrupted) => Outcome::Unknown(Unknown::ForwardInterrupted),
                Err(CallError::NotSent(_)) => Outcome::Unavailable(Unavailable::LeaderUnreachable),
            },
            _ = deposed => Outcome::Unknown(Unknown::ForwardInterrupted),
            () = tokio::time::sleep_until(Instant::now() + ANSWER_TIMEOUT) => Outcome::Unknown(Unknown::TimedOut),
        }
    }
}

/// The leader according to these metrics. A node that has stopped leading does not name itself.
fn leader_of(metrics: &ServerMetrics) -> Option<u64> {
    if metrics.state == ServerState::Leader {
        return Some(metrics.id);
    }
    metrics
        .current_leader
        .filter(|leader| *leader != metrics.id)
}
