//! Decisions for whoever speaks the binary gateway's frames.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

use super::frames::{self, Answer, Asked, Frame, Status, Tick};
use super::numbers::{Batch, Numbers};
use super::order::{Job, Order};
use super::sockets::{Sockets, Talk, listening};
use super::strategy::{Decision, Limits, Strategy};
use crate::life::Stage;
use crate::service::Service;

/// What all threads of a gateway share.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    pub service: Arc<Service>,
    pub numbers: Arc<Numbers>,
    pub limits: Limits,
    /// Where orders of the strategy go, if there are any.
    pub orders: Option<Sender<Job>>,
    /// Orders of the strategy per second and thread.
    pub own_per_s: u32,
}

/// One thread that decides.
struct Decider {
    desk: Desk,
    strategy: Strategy,
    /// This thread's number and how many there are: decisions are numbered without asking each other.
    thread: u64,
    threads: u64,
    decided: u64,
    /// The second that runs, and the orders that are left for it.
    second: Instant,
    left: u32,
}

/// Starts `threads` threads that listen at `address`; returns where that is.
///
/// # Errors
/// What the kernel says.
pub(super) fn start(
    address: SocketAddr,
    threads: u16,
    desk: &Desk,
    tasks: &mut JoinSet<()>,
) -> io::Result<SocketAddr> {
    let mut at = address;
    for thread in 0..threads {
        let (listener, bound) = listening(at)?;
        at = bound;
        let sockets = Sockets::new(listener)?;
        let mut decider = Decider::new(desk.clone(), u64::from(thread), u64::from(threads));
        tasks.spawn_blocking(move || {
            let life = decider.desk.service.life.clone();
            if let Err(error) = sockets.serve(&mut decider, &life) {
                tracing::error!(%error, "the binary gateway ended");
                life.advance(Stage::Stopping);
            }
        });
    }
    Ok(at)
}

impl Decider {
    fn new(desk: Desk, thread: u64, threads: u64) -> Self {
        Self {
            strategy: Strategy::new(desk.limits),
            left: desk.own_per_s,
            desk,
            thread,
            threads,
            decided: 0,
            second: Instant::now(),
        }
    }

    /// Answers one message.
    fn answer(&mut self, frame: Frame<'_>, leave: bool, batch: &mut Batch, out: &mut Vec<u8>) {
        let (status, sequence, reason) = match frame.asked() {
            Asked::Decide(tick) => {
                let decided = self.strategy.decide(tick.symbol, tick.price, tick.quantity);
                self.decided += 1;
                let sequence = self.decided * self.threads + self.thread;
                if decided.turns {
                    self.order(tick, decided.decision, sequence);
                }
                (
                    batch.decided(decided.decision),
                    sequence,
                    decided.decision.word(),
                )
            }
            Asked::OfOrder => (Status::UnknownOrder, 0, "unknown-order"),
            Asked::Malformed => {
                batch.malformed();
                (Status::Malformed, 0, "malformed")
            }
        };
        let node = self.desk.service.name.as_bytes();
        let node = &node[..node.len().min(usize::from(u8::MAX))];
        frame.answer(
            Answer {
                status,
                sequence,
                node,
                reason,
                leave,
            },
            out,
        );
    }

    /// A decision that turned becomes an order, as often as limits allow.
    fn order(&mut self, tick: Tick<'_>, decision: Decision, sequence: u64) {
        let Some(orders) = self.desk.orders.as_ref().filter(|_| self.left > 0) else {
            return;
        };
        self.left -= 1;
        let started_ms = self.desk.service.started_ms();
        let order = Order {
            id: format!("{}-{started_ms}-{sequence}", self.desk.service.name),
            account: tick.account.to_owned(),
            symbol: tick.symbol.to_owned(),
            side: decision.word().to_owned(),
            price: format!("{:.6}", tick.price),
            quantity: format!("{:.6}", tick.quantity),
        };
        let is_sent = order.checked().is_ok_and(|order| {
            let job = Job {
                order,
                answer: None,
            };
            orders.try_send(job).is_ok()
        });
        if !is_sent {
            self.desk.numbers.shed.add(1);
        }
    }
}

impl Talk for Decider {
    fn hear(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<usize> {
        let begun = Instant::now();
        if begun.duration_since(self.second) >= Duration::from_secs(1) {
            self.second = begun;
            self.left = self.desk.own_per_s;
        }
        let leave = self.desk.service.life.stage() > Stage::Serving;
        let (mut batch, mut used) = (Batch::default(), 0);
        while let Some(frame) = frames::first(&input[used..]).map_err(io::Error::other)? {
            used += frame.length();
            self.answer(frame, leave, &mut batch, out);
        }
        let defects = &self.desk.service.defects;
        let holds = [
            defects.decision_hold(),
            defects.intake_hold(batch.decisions()),
        ];
        holds.into_iter().flatten().for_each(std::thread::sleep);
        self.desk.numbers.batch(batch, begun.elapsed());
        Ok(used)
    }
}
