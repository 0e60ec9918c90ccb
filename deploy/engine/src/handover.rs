//! How a node stops without its clients noticing.
//!
//! A node that was asked to stop goes on serving for a while: it is no longer ready, and tells everyone who asks to
//! close the connection and go elsewhere. If it leads, it has another node elected first:
//!
//! 1. All members hear that the leader leaves. From here on they hold orders back while nobody leads, for a short
//!    time, where they would otherwise refuse them.
//! 2. The leader takes no more commands for its log, and answers all it has taken. What comes later is told to be
//!    brought to the next leader: it was not executed.
//! 3. A follower that has the whole log stands for election. At first nobody votes for it, since the leader was heard
//!    from a moment ago; but the leader learns of the higher term, and steps down. The follower stands again, and has
//!    the votes of both: with three nodes that is a quorum, with more the others follow when the last word of the old
//!    leader is old enough.
//!
//! Consensus sees nothing but ordinary elections. If they fail, the leader goes on leading, and in the end stops as a node
//! without a drain does: the others elect when it has been silent for long enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openraft::LogIdOptionExt;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::gateway::{ServerMetrics, leader_of, leader_when};
use crate::peer::{Lane, Peers, Reply, Request};
use crate::proposer::Proposer;
use crate::raft::EngineRaft;

/// How long another leader is expected after one has said that it leaves.
const EXPECTED_FOR: Duration = Duration::from_secs(2);

/// How long answers of the old leader are waited for once the new one is known.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// How long a peer may take to answer.
const PEER_PATIENCE: Duration = Duration::from_millis(300);

/// How long followers have to receive what the leader has in its log.
const CATCH_UP: Duration = Duration::from_millis(500);

/// How long one step of an election may take before the follower stands again.
const STEP: Duration = Duration::from_millis(100);

/// How often one follower stands.
const MAX_STANDS: usize = 12;

/// Whether this node is stopping, and whether another leader is expected; cheap to clone.
#[derive(Debug, Clone)]
pub struct Changeover(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    draining: AtomicBool,
    /// How many leaders that leave have no successor yet.
    expected: watch::Sender<usize>,
}

impl Changeover {
    /// Nothing is changing.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            draining: AtomicBool::new(false),
            expected: watch::channel(0).0,
        }))
    }

    /// From now on this node is stopping.
    pub fn start_draining(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Whether this node is stopping.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// The leader `leaving` will soon be followed by another. That is expected until shortly after it has happened,
    /// or until it has taken too long.
    pub fn expect(&self, leaving: u64, mut metrics: watch::Receiver<ServerMetrics>) {
        self.0.expected.send_modify(|count| *count += 1);
        let changeover = self.clone();
        tokio::spawn(async move {
            let other = leader_when(&mut metrics, |id| id.is_some_and(|id| id != leaving));
            let followed = tokio::time::timeout(EXPECTED_FOR, other).await.is_ok();
            if followed {
                tokio::time::sleep(LAST_ANSWERS).await;
            }
            changeover.0.expected.send_modify(|count| *count -= 1);
        });
    }

    /// Whether another leader is expected.
    pub fn is_expected(&self) -> bool {
        *self.0.expected.borrow() > 0
    }

    /// Resolves as soon as no other leader is expected.
    pub async fn settled(&self) {
        let mut expected = self.0.expected.subscribe();
        let _gone = expected.wait_for(|count| *count == 0).await;
    }
}

impl Default for Changeover {
    fn default() -> Self {
        Self::new()
    }
}

/// Why nobody else leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandoverError {
    /// There was no time left.
    #[error("no other node was elected in time")]
    TooLate,
    /// Nobody could be elected.
    #[error("no other node could be elected: all are unreachable, stopping themselves, or behind")]
    Nobody,
}

/// What is needed to hand the leadership over.
#[derive(Clone)]
pub struct Handover {
    /// This node.
    pub id: u64,
    /// Consensus.
    pub raft: EngineRaft,
    /// The way to the others.
    pub peers: Peers,
    /// The way into the log.
    pub proposer: Proposer,
    /// What everyone here must know of it.
    pub changeover: Changeover,
}

impl Handover {
    /// Sees to it that this node does not lead, and will not again. Gives the new leader if there had to be one.
    ///
    /// # Errors
    /// [`HandoverError`]; this node then leads as before, or nobody does until the others have elected.
    pub async fn run(&self, deadline: Instant) -> Result<Option<u64>, HandoverError> {
        self.raft.runtime_config().elect(false);
        if !self.leads() {
            return Ok(None);
        }
        self.changeover.expect(self.id, self.raft.server_metrics());
        let elected = tokio::time::timeout_at(deadline, async {
            self.tell_all().await;
            self.proposer.close().await;
            self.elect_another().await
        });
        let result = elected.await.unwrap_or(Err(HandoverError::TooLate));
        if result.is_err() {
            self.proposer.open().await;
        }
        result.map(Some)
    }

    fn leads(&self) -> bool {
        leader_of(&self.raft.server_metrics().borrow()) == Some(self.id)
    }

    /// Lets all members know that the leader leaves; those that do not answer are not waited for.
    async fn tell_all(&self) {
        let mut told = JoinSet::new();
        for id in self.peers.ids() {
            let handover = self.clone();
            told.spawn(async move {
                let request = Request::LeaderLeaves(handover.id);
                if !handover.ask(id, &request).await {
                    tracing::info!(peer = id, "a member does not hear that the leader leaves");
                }
            });
        }
        while told.join_next().await.is_some() {}
    }

    /// Whether the peer does what is asked.
    async fn ask(&self, id: u64, request: &Request) -> bool {
        let Some(links) = self.peers.get(id) else {
            return false;
        };
        let reply = tokio::time::timeout(PEER_PATIENCE, links.call(Lane::Consensus, request)).await;
        matches!(reply, Ok(Ok(Reply::Noted)))
    }

    async fn elect_another(&self) -> Result<u64, HandoverError> {
        for candidate in self.candidates().await {
            if let Some(leader) = self.have_elected(candidate).await {
                return Ok(leader);
            }
        }
        Err(HandoverError::Nobody)
    }

    /// The other members, those with the longest log first. Of two alike the one with the higher number is first:
    /// a rolling update goes from the highest to the lowest, so that one is more likely to stay.
    async fn candidates(&self) -> Vec<u64> {
        let mut metrics = self.raft.metrics();
        let caught_up = metrics.wait_for(|metrics| {
            let last = metrics.last_log_index;
            metrics.replication.as_ref().is_none_or(|followers| {
                let has_all = |id: &u64| *id != self.id && followers[id].index() >= last;
                followers.keys().any(has_all)
            })
        });
        let is_late = tokio::time::timeout(CATCH_UP, caught_up).await.is_err();
        if is_late {
            tracing::info!("no follower has the whole log yet");
        }
        let followers = self.raft.metrics().borrow().replication.clone();
        let index = |id: &u64| followers.as_ref().and_then(|all| all.get(id)?.index());
        let mut ids = self.peers.ids();
        ids.sort_by_key(|id| std::cmp::Reverse((index(id), *id)));
        ids
    }

    /// Has `candidate` stand for election until someone else is elected; none if that does not come about.
    async fn have_elected(&self, candidate: u64) -> Option<u64> {
        let mut metrics = self.raft.server_metrics();
        let is_other = |leader: Option<u64>| leader.is_some_and(|id| id != self.id);
        for _ in 0..MAX_STANDS {
            let led = self.leads();
            if !self.ask(candidate, &Request::TakeOver).await {
                return None;
            }
            if let Err(error) = self.raft.trigger().heartbeat().await {
                tracing::warn!(%error, "cannot have a heartbeat sent");
                return None;
            }
            let next_step = leader_when(&mut metrics, |leader| match led {
                true => leader != Some(self.id),
                false => is_other(leader),
            });
            let leader = tokio::time::timeout(STEP, next_step).await;
            if let Ok(Some(leader)) = leader {
                return Some(leader);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openraft::{ServerState, Vote};

    fn metrics(leader: Option<u64>) -> ServerMetrics {
        ServerMetrics {
            id: 1,
            vote: Vote::default(),
            state: ServerState::Follower,
            current_leader: leader,
            membership_config: Arc::default(),
        }
    }

    #[tokio::test]
    async fn another_leader_is_expected_until_there_is_one_or_it_has_taken_too_long() {
        let changeover = Changeover::new();
        assert!(!changeover.is_expected());
        changeover.settled().await;
        for (then, least, most) in [
            (Some(2), EXPECTED_FOR, EXPECTED_FOR * 2),
            (None, EXPECTED_FOR, EXPECTED_FOR * 2),
            (Some(3), LAST_ANSWERS, EXPECTED_FOR),
        ] {
            let (sender, receiver) = watch::channel(metrics(Some(2)));
            let start = Instant::now();
            changeover.expect(2, receiver);
            assert!(changeover.is_expected());
            sender.send_replace(metrics(then));
            changeover.settled().await;
            let took = start.elapsed();
            assert!(least <= took && took < most, "{then:?}: {took:?}");
            assert!(!changeover.is_expected());
        }
    }
}
