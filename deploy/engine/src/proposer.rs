//! Puts all commands that wait into one log entry, and gives each its answer back.
//!
//! One entry is on its way at a time, and further commands gather meanwhile; so one `fdatasync` per node serves as
//! many orders as came in during the last one, and an idle engine answers a single order without waiting for others.
//! (Two entries at a time were measured to be slower: entries get smaller, and each costs every node the same.)

use bytes::Bytes;
use openraft::ServerState;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::command::Batch;
use crate::defects::{Defects, EarlyAcks};
use crate::gateway::{Outcome, ServerMetrics, Unavailable, Unknown};
use crate::raft::EngineRaft;
use crate::state::SharedReplica;

/// Commands that may wait in all; what comes beyond is refused.
const WAITING_COMMANDS: usize = 8192;

/// Commands in one entry at most.
const MAX_BATCH: usize = 512;

struct Pending {
    command: Bytes,
    answer: oneshot::Sender<Outcome>,
}

/// The way into the log; cheap to clone.
#[derive(Debug, Clone)]
pub struct Proposer {
    queue: mpsc::Sender<Pending>,
}

impl Proposer {
    /// Starts the task that proposes.
    pub fn start(raft: EngineRaft, replica: SharedReplica, defects: &Defects) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING_COMMANDS);
        let worker = Worker {
            metrics: raft.server_metrics(),
            raft,
            replica,
            waiting,
            early: defects.early_acks(),
        };
        tokio::spawn(worker.run());
        Self { queue }
    }

    /// Has an encoded command proposed, and waits for what becomes of it.
    pub async fn submit(&self, command: Bytes) -> Outcome {
        let (answer, answered) = oneshot::channel();
        match self.queue.try_send(Pending { command, answer }) {
            Ok(()) => answered
                .await
                .unwrap_or(Outcome::Unknown(Unknown::LeadershipLost)),
            Err(mpsc::error::TrySendError::Full(_)) => {
                Outcome::Unavailable(Unavailable::Overloaded)
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                Outcome::Unavailable(Unavailable::NoLeader)
            }
        }
    }
}

struct Worker {
    raft: EngineRaft,
    metrics: watch::Receiver<ServerMetrics>,
    replica: SharedReplica,
    waiting: mpsc::Receiver<Pending>,
    early: Option<EarlyAcks>,
}

impl Worker {
    async fn run(mut self) {
        loop {
            let due = self.early.as_ref().and_then(EarlyAcks::due);
            tokio::select! {
                biased;
                () = sleep_until(due) => self.replicate_early().await,
                first = self.waiting.recv() => match first {
                    Some(first) => self.take(first).await,
                    None => return,
                },
            }
        }
    }

    /// Gathers what waits, and proposes it.
    async fn take(&mut self, first: Pending) {
        let mut batch = Vec::new();
        self.admit(first, &mut batch);
        while batch.len() < MAX_BATCH {
            match self.waiting.try_recv() {
                Ok(next) => self.admit(next, &mut batch),
                Err(_) => break,
            }
        }
        if !batch.is_empty() {
            self.propose(batch).await;
        }
    }

    /// Adds a command to the batch, unless nobody waits for it any more or a defect has answered it already.
    fn admit(&mut self, pending: Pending, batch: &mut Vec<Pending>) {
        if pending.answer.is_closed() {
            return;
        }
        if let Some(early) = &mut self.early
            && let Some(term) = leading_term(&self.metrics.borrow())
            && let Some(answer) = early.answer(&pending.command, &self.replica, term)
        {
            let _gone = pending.answer.send(Outcome::Answered(answer));
            return;
        }
        batch.push(pending);
    }

    async fn replicate_early(&mut self) {
        let Some(early) = &mut self.early else {
            return;
        };
        let batch = early
            .take()
            .into_iter()
            .map(|command| Pending {
                command,
                answer: oneshot::channel().0,
            })
            .collect();
        self.propose(batch).await;
    }

    /// Has the batch replicated, and gives everyone their answer. Ends early if this node stops leading.
    async fn propose(&mut self, batch: Vec<Pending>) {
        let Some(term) = leading_term(&self.metrics.borrow()) else {
            return answer_all(batch, &Outcome::Unavailable(Unavailable::NoLeader));
        };
        let entry = Batch::pack(batch.iter().map(|pending| &pending.command));
        let Ok(written) = self.raft.client_write_ff(entry).await else {
            return answer_all(batch, &Outcome::Unknown(Unknown::LeadershipLost));
        };
        tokio::select! {
            biased;
            result = written => match result {
                Ok(Ok(response)) => {
                    for (pending, answer) in batch.into_iter().zip(response.data.0) {
                        let _gone = pending.answer.send(Outcome::Answered(answer));
                    }
                }
                Ok(Err(_)) | Err(_) => answer_all(batch, &Outcome::Unknown(Unknown::LeadershipLost)),
            },
            _ = self.metrics.wait_for(|metrics| leading_term(metrics) != Some(term)) => {
                answer_all(batch, &Outcome::Unknown(Unknown::LeadershipLost));
            }
        }
    }
}

fn answer_all(batch: Vec<Pending>, outcome: &Outcome) {
    for pending in batch {
        let _gone = pending.answer.send(outcome.clone());
    }
}

/// The term in which this node leads, if it does.
fn leading_term(metrics: &ServerMetrics) -> Option<u64> {
    (metrics.state == ServerState::Leader).then_some(metrics.vote.leader_id.term)
}

/// Sleeps until `due`, for ever if there is nothing due.
async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
