//! Puts all commands that wait into one log entry, and gives each its answer back.
//!
//! One entry is on its way at a time, and further commands gather meanwhile; so one `fdatasync` per node serves as
//! many orders as came in during the last one, and an idle engine answers a single order without waiting for others.
//! (Two entries at a time were measured to be slower: entries get smaller, and each costs every node the same.)

use std::time::Duration;

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

/// What the worker is given, in this order.
enum Work {
    Command(Pending),
    /// Answer all that came before, say so, and take no more.
    Close(oneshot::Sender<()>),
    /// Take commands again.
    Open,
}

/// The way into the log; cheap to clone.
#[derive(Debug, Clone)]
pub struct Proposer {
    queue: mpsc::Sender<Work>,
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
            hold: defects.proposal_hold(),
            is_closed: false,
        };
        tokio::spawn(worker.run());
        Self { queue }
    }

    /// Has an encoded command proposed, and waits for what becomes of it.
    pub async fn submit(&self, command: Bytes) -> Outcome {
        let (answer, answered) = oneshot::channel();
        match self
            .queue
            .try_send(Work::Command(Pending { command, answer }))
        {
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

    /// Takes no more commands: they are told that the leader leaves. Returns when all earlier ones are answered.
    pub async fn close(&self) {
        let (closed, is_closed) = oneshot::channel();
        if self.queue.send(Work::Close(closed)).await.is_ok() {
            let _gone = is_closed.await;
        }
    }

    /// Takes commands again.
    pub async fn open(&self) {
        let _gone = self.queue.send(Work::Open).await;
    }
}

struct Worker {
    raft: EngineRaft,
    metrics: watch::Receiver<ServerMetrics>,
    replica: SharedReplica,
    waiting: mpsc::Receiver<Work>,
    early: Option<EarlyAcks>,
    /// A defect: how long each entry waits.
    hold: Option<Duration>,
    /// Whether commands are sent to the next leader instead of being proposed here.
    is_closed: bool,
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
    async fn take(&mut self, first: Work) {
        let mut batch = Vec::new();
        let mut next = Some(first);
        while let Some(Work::Command(pending)) = next {
            self.admit(pending, &mut batch);
            next = match batch.len() < MAX_BATCH {
                true => self.waiting.try_recv().ok(),
                false => None,
            };
        }
        if !batch.is_empty() {
            if let Some(hold) = self.hold {
                tokio::time::sleep(hold).await;
            }
            self.propose(batch).await;
        }
        match next {
            None | Some(Work::Command(_)) => {}
            Some(Work::Close(closed)) => {
                self.is_closed = true;
                let _gone = closed.send(());
            }
            Some(Work::Open) => self.is_closed = false,
        }
    }

    /// Adds a command to the batch, unless nobody waits for it any more, or it is answered already: by a defect, or
    /// because this leader leaves.
    fn admit(&mut self, pending: Pending, batch: &mut Vec<Pending>) {
        if pending.answer.is_closed() {
            return;
        }
        if self.is_closed {
            return answer_all(
                vec![pending],
                &Outcome::Unavailable(Unavailable::LeaderLeaves),
            );
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
        let mut metrics = self.metrics.clone();
        let answered = async move {
            tokio::select! {
                biased;
                result = written => match result {
                    Ok(Ok(response)) => {
                        for (pending, answer) in batch.into_iter().zip(response.data.0) {
                            let _gone = pending.answer.send(Outcome::Answered(answer));
                        }
                    }
                    Ok(Err(_)) | Err(_) => {
                        answer_all(batch, &Outcome::Unknown(Unknown::LeadershipLost));
                    }
                },
                _ = metrics.wait_for(|metrics| leading_term(metrics) != Some(term)) => {
                    answer_all(batch, &Outcome::Unknown(Unknown::LeadershipLost));
                }
            }
        };
        match self.early {
            None => answered.await,
            // Whoever acknowledges before a quorum has an order waits for none.
            Some(_) => {
                tokio::spawn(answered);
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
