//! Where a client's command goes: to this node's proposer if it leads, else once, over the wire, to the leader.
//!
//! The outcome keeps two things apart that a client must never confuse: a command that was definitely not
//! executed, and one of which nobody knows. Nothing is ever sent twice, but for what a leader that leaves has not
//! taken ([`crate::handover`]): that was definitely not executed, and goes to the next leader.

use std::time::Duration;

use bytes::Bytes;
use openraft::EmptyNode;
use openraft::ServerState;
use openraft::metrics::RaftServerMetrics;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::command::Answer;
use crate::handover::{Changeover, Handover};
use crate::peer::{CallError, Lane, Peers, Reply, Request};
use crate::proposer::Proposer;

/// How long a command waits for a leader to be known.
const WAIT_FOR_LEADER: Duration = Duration::from_millis(20);

/// How long a command goes from leader to leader while they leave.
const WAIT_FOR_HANDOVER: Duration = Duration::from_secs(2);

/// How soon a leader that leaves is asked again if there is no other: perhaps it has to stay.
const ASK_AGAIN: Duration = Duration::from_millis(50);

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
    /// The leader is about to leave, and takes nothing more.
    LeaderLeaves,
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
            Self::LeaderLeaves => "leader-leaves",
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
    changeover: Changeover,
}

impl Gateway {
    /// With what a hand-over works on as well: both must see the same.
    pub fn new(handover: &Handover) -> Self {
        Self {
            id: handover.id,
            metrics: handover.raft.server_metrics(),
            proposer: handover.proposer.clone(),
            peers: handover.peers.clone(),
            changeover: handover.changeover.clone(),
        }
    }

    /// Brings an encoded command to the leader, wherever that is, and from a leader that leaves to the next one.
    pub async fn execute(&self, command: Bytes) -> Outcome {
        let give_up = Instant::now() + WAIT_FOR_HANDOVER;
        let mut left = None;
        loop {
            let Some(leader) = self.wait_for_leader(left).await else {
                return Outcome::Unavailable(Unavailable::NoLeader);
            };
            let outcome = if leader == self.id {
                self.propose(command.clone()).await
            } else {
                self.forward(leader, command.clone()).await
            };
            let leaves = outcome == Outcome::Unavailable(Unavailable::LeaderLeaves);
            if !leaves || Instant::now() >= give_up {
                return outcome;
            }
            left = Some(leader);
        }
    }

    /// Executes a command that another node sent here, taking this node for the leader. It goes no further.
    pub async fn execute_as_leader(&self, command: Bytes) -> Outcome {
        if leader_of(&self.metrics.borrow()) == Some(self.id) {
            self.propose(command).await
        } else if self.changeover.is_expected() {
            Outcome::Unavailable(Unavailable::LeaderLeaves)
        } else {
            Outcome::Unavailable(Unavailable::NoLeader)
        }
    }

    /// The leader that this node knows of, if any.
    pub fn leader(&self) -> Option<u64> {
        leader_of(&self.metrics.borrow())
    }

    /// The leader. If the one that is known has `left`, another is waited for a little; with none known, as long as
    /// one is expected.
    async fn wait_for_leader(&self, left: Option<u64>) -> Option<u64> {
        let mut metrics = self.metrics.clone();
        let pause = match left {
            None => WAIT_FOR_LEADER,
            Some(_) => ASK_AGAIN,
        };
        let another = leader_when(&mut metrics, |id| id.is_some() && id != left);
        if let Ok(leader) = tokio::time::timeout(pause, another).await {
            return leader;
        }
        tokio::select! {
            biased;
            leader = leader_when(&mut metrics, |id| id.is_some()) => leader,
            () = self.changeover.settled() => None,
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
        let deposed = async {
            leader_when(&mut metrics, |id| id != Some(leader)).await;
            // A leader that has handed over in order still answers what it was sent.
            self.changeover.settled().await;
        };
        tokio::select! {
            biased;
            reply = links.call(Lane::Commands, &request) => match reply {
                Ok(Reply::Command(outcome)) => outcome,
                Ok(_) | Err(CallError::Interrupted) => Outcome::Unknown(Unknown::ForwardInterrupted),
                Err(CallError::NotSent(_)) => Outcome::Unavailable(Unavailable::LeaderUnreachable),
            },
            () = deposed => Outcome::Unknown(Unknown::ForwardInterrupted),
            () = tokio::time::sleep_until(Instant::now() + ANSWER_TIMEOUT) => Outcome::Unknown(Unknown::TimedOut),
        }
    }
}

/// The leader according to these metrics. A node that has stopped leading does not name itself.
pub fn leader_of(metrics: &ServerMetrics) -> Option<u64> {
    if metrics.state == ServerState::Leader {
        return Some(metrics.id);
    }
    metrics
        .current_leader
        .filter(|leader| *leader != metrics.id)
}

/// The leader as soon as it is a `wanted` one (or none, if that is wanted); none also when the node has stopped.
pub async fn leader_when(
    metrics: &mut watch::Receiver<ServerMetrics>,
    mut wanted: impl FnMut(Option<u64>) -> bool + Send,
) -> Option<u64> {
    let seen = metrics
        .wait_for(|metrics| wanted(leader_of(metrics)))
        .await
        .ok()?;
    leader_of(&seen)
}
