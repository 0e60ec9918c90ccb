//! Where orders are executed: one after the other, by one worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::args::{HftConfig, RATE_LIMIT};
use super::journal::Journal;
use super::queue::{Ask, Done, Queue, Waiting};
use super::stats::{Levels, Stats};
use crate::binary::{Message, Reply};
use crate::bucket::Bucket;
use crate::command::{Answer, Batch, Command, DecodeError};
use crate::defects::Defects;
use crate::gateway::Outcome;
use crate::http::guard;
use crate::metrics::Counted;
use crate::state::{Applied, Exchange, Replica, SharedReplica};

/// Orders that are executed before anybody else gets a turn.
const TURN: usize = 64;

/// There is no consensus: it is always the same term.
const TERM: u64 = 1;

/// Why an order was not let into the queue.
pub(super) const QUEUE_FULL: &str = "queue-full";

/// One engine in memory.
#[derive(Debug)]
pub(super) struct Floor {
    pub(super) config: HftConfig,
    pub(super) name: String,
    /// The name goes with a seat.
    pub(super) has_seat: bool,
    pub(super) replica: SharedReplica,
    pub(super) queue: Queue,
    pub(super) journal: Journal,
    pub(super) stats: Stats,
    pub(super) draining: AtomicBool,
    bucket: Bucket,
}

impl Floor {
    /// With empty books, under this name.
    pub(super) fn new(config: HftConfig, name: String) -> Self {
        let defects = config.defects.clone();
        Self {
            replica: SharedReplica::new(Replica {
                exchange: Exchange::with_limit(defects, config.risk_limit),
                applied: Applied::default(),
            }),
            queue: Queue::new(config.queue_limit),
            journal: Journal::new(config.redis.is_some()),
            stats: Stats::default(),
            draining: AtomicBool::default(),
            bucket: Bucket::new(config.rules.rate_limit.unwrap_or(RATE_LIMIT)),
            has_seat: config.name.is_none(),
            name,
            config,
        }
    }

    /// Executes what was kept; how many commands.
    ///
    /// # Errors
    /// [`DecodeError`] when it is damaged.
    pub(super) fn replay(&self, kept: Batch) -> Result<usize, DecodeError> {
        let commands = kept.unpack()?;
        let mut replica = self.replica.write();
        for command in &commands {
            replica.exchange.apply(command, TERM);
        }
        Ok(commands.len())
    }

    /// Puts an order into the queue, or answers it at once.
    pub(super) fn enter(&self, ask: Ask, now: Instant) {
        let defects = &self.config.defects;
        let refused = match self.bucket.take(now) || defects.has_no_rate_limit() {
            false => Err((ask, guard::RATE_LIMIT)),
            true => {
                self.stats.let_in.fetch_add(1, Ordering::Relaxed);
                let waiting = Waiting { ask, since: now };
                self.queue.push(waiting).map_err(|ask| (ask, QUEUE_FULL))
            }
        };
        if let Err((ask, reason)) = refused {
            if reason == QUEUE_FULL {
                self.stats.queue_full.fetch_add(1, Ordering::Relaxed);
            }
            self.stats.refused(Counted::Throttled);
            self.answer(ask, Done::Throttled(reason));
        }
    }

    /// Works until it is dropped.
    pub(super) async fn work(self: Arc<Self>) {
        let mut number = 0;
        loop {
            for waiting in self.queue.take(TURN).await {
                number += 1;
                self.turn(waiting, number);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Works off what is left.
    pub(super) fn finish(&self) {
        for waiting in self.queue.take_now(usize::MAX) {
            self.turn(waiting, 1);
        }
    }

    fn turn(&self, waiting: Waiting, number: u64) {
        let began = Instant::now();
        self.stats
            .waited(began.saturating_duration_since(waiting.since));
        if self.config.defects.drops_from_queue(number) {
            return;
        }
        match waiting.ask {
            Ask::Frame(message, outbox) => {
                let reply = match message.command() {
                    Ok(command) => Reply::of(&self.execute(&command)),
                    Err(_) => Reply::malformed(),
                };
                outbox.push(&self.frame(&message, &reply));
                self.stats.answered(reply.counted, began.elapsed());
            }
            Ask::Command(bytes, answer) => {
                let outcome = match Command::decode(&bytes) {
                    Ok(command) => self.execute(&command),
                    Err(_) => return,
                };
                self.stats
                    .answered(Reply::of(&outcome).counted, began.elapsed());
                let _gone = answer.send(Done::Outcome(outcome));
            }
        }
    }

    fn execute(&self, command: &Command<'_>) -> Outcome {
        if let Some(hold) = self.config.defects.match_hold() {
            busy(hold);
        }
        let answer = self.replica.write().exchange.apply(command, TERM);
        let changes = !matches!(
            answer,
            Answer::Rejected { .. } | Answer::TooLate { .. } | Answer::UnknownOrder
        );
        if changes && !self.journal.note(command) {
            self.stats.journal_lost.fetch_add(1, Ordering::Relaxed);
        }
        Outcome::Answered(answer)
    }

    fn answer(&self, ask: Ask, done: Done) {
        match (ask, done) {
            (Ask::Frame(message, outbox), Done::Throttled(reason)) => {
                outbox.push(&self.frame(&message, &Reply::throttled(reason)));
            }
            (Ask::Frame(message, outbox), Done::Outcome(outcome)) => {
                outbox.push(&self.frame(&message, &Reply::of(&outcome)));
            }
            (Ask::Command(_, answer), done) => {
                let _gone = answer.send(done);
            }
        }
    }

    fn frame(&self, message: &Message, reply: &Reply) -> Vec<u8> {
        let leave = self.draining.load(Ordering::Relaxed);
        reply.frame(message.number(), message.id(), &self.name, leave)
    }

    /// The numbers of this moment.
    pub(super) fn levels(&self) -> Levels {
        let replica = self.replica.read();
        Levels {
            queue_length: self.queue.len(),
            queue_limit: self.queue.limit(),
            rate_limit: self.bucket.per_s(),
            risk_utilisation: replica.exchange.risk_utilisation(),
            open_orders: replica.exchange.open_orders(),
            trades: replica.exchange.trade_count(),
            journal_waiting: self.journal.waiting(),
        }
    }

    /// What is wrong with it on purpose.
    pub(super) fn defects(&self) -> &Defects {
        &self.config.defects
    }
}

/// Works for nothing.
fn busy(hold: Duration) {
    let since = Instant::now();
    while since.elapsed() < hold {
        std::hint::spin_loop();
    }
}
