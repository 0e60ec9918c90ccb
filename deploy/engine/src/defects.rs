//! The defects that can be switched on, all of them here, each a few lines.
//!
//! A validation tool that has never been seen to fail proves nothing. Each defect breaks one promise of the
//! engine, in the way real engines break it, and must turn a named check red. Nothing here does anything unless
//! its switch is on; the rest of the engine calls these hooks and knows no more of them.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use bytes::Bytes;
use openraft::ServerState;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::command::{Answer, Command};
use crate::contact::Contact;
use crate::instruments;
use crate::raft::EngineRaft;
use crate::state::SharedReplica;

/// A defect by name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[value(rename_all = "kebab-case")]
pub enum Defect {
    /// Acknowledgements before a quorum has the order.
    AckBeforeQuorum,
    /// A new leader without the last orders.
    ForgetTailOnPromotion,
    /// Retries executed twice.
    DuplicateOnRetry,
    /// Rejected orders in the book.
    AcceptRejected,
    /// Another quantity stored than asked.
    CorruptQuantity,
    /// Fifteen seconds without a leader.
    SlowFailover,
    /// Batches that do not get to the other nodes.
    FlakyReplication,
    /// Memory that is never given back.
    LeakMemory,
    /// Messages missing in the market-data feed.
    FeedGap,
    /// A market-data feed that is behind.
    StaleFeed,
    /// Fills of the venue that the market maker does not book.
    DropsFills,
    /// Fills that it books twice.
    DoubleCountsFills,
    /// Quotes that come late.
    SlowResponse,
}

/// A defect as it is listed.
#[derive(Debug, Clone, Copy)]
pub struct DefectInfo {
    /// Which one.
    pub defect: Defect,
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
}

static DEFECTS: [DefectInfo; 13] = [
    DefectInfo {
        defect: Defect::AckBeforeQuorum,
        name: "ack-before-quorum",
        about: "The leader acknowledges new orders at once and replicates them in batches every 250 ms: killing it loses acknowledged orders.",
    },
    DefectInfo {
        defect: Defect::ForgetTailOnPromotion,
        name: "forget-tail-on-promotion",
        about: "A node that becomes leader forgets its last 20 orders: it diverges from the other replicas.",
    },
    DefectInfo {
        defect: Defect::DuplicateOnRetry,
        name: "duplicate-on-retry",
        about: "A new order whose client id is already known is accepted again, as a second order.",
    },
    DefectInfo {
        defect: Defect::AcceptRejected,
        name: "accept-rejected",
        about: "An order beyond a risk limit is answered as rejected, and entered into the book all the same.",
    },
    DefectInfo {
        defect: Defect::CorruptQuantity,
        name: "corrupt-quantity",
        about: "Every 50th accepted order is stored with one lot more than was asked and acknowledged.",
    },
    DefectInfo {
        defect: Defect::SlowFailover,
        name: "slow-failover",
        about: "Followers wait 15 s after losing a leader before they elect another.",
    },
    DefectInfo {
        defect: Defect::FlakyReplication,
        name: "flaky-replication",
        about: "Every 20th batch of log entries does not get to the other node and is sent again later: only the engine's own metrics tell.",
    },
    DefectInfo {
        defect: Defect::LeakMemory,
        name: "leak-memory",
        about: "Each node takes 40 MB of memory a second and gives none back, up to 192 MB.",
    },
    DefectInfo {
        defect: Defect::FeedGap,
        name: "feed-gap",
        about: "Every 200th message is left out of the market-data feed.",
    },
    DefectInfo {
        defect: Defect::StaleFeed,
        name: "stale-feed",
        about: "The market-data feed holds every message back for up to 400 ms.",
    },
    DefectInfo {
        defect: Defect::DropsFills,
        name: "drops-fills",
        about: "The market maker does not book every 20th fill.",
    },
    DefectInfo {
        defect: Defect::DoubleCountsFills,
        name: "double-counts-fills",
        about: "The market maker books every 20th fill twice.",
    },
    DefectInfo {
        defect: Defect::SlowResponse,
        name: "slow-response",
        about: "The market maker waits 400 ms before it quotes.",
    },
];

/// All defects, with what they do.
pub fn defects() -> &'static [DefectInfo] {
    &DEFECTS
}

impl Defect {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        DEFECTS
            .iter()
            .find(|info| info.defect == self)
            .map_or("", |info| info.name)
    }
}

/// The defects that are switched on; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defects(BTreeSet<Defect>);

const FORGOTTEN_ORDERS: usize = 20;
const CORRUPT_EVERY: u64 = 50;
const REPLICATE_EVERY: Duration = Duration::from_millis(250);
const REFUSED_APPENDS_EVERY: u64 = 20;
const LEAK_EVERY: Duration = Duration::from_millis(100);
const LEAK_BYTES: usize = 4 << 20;
const LEAK_AT_MOST: usize = 192 << 20;
const HOLD_ELECTIONS: Duration = Duration::from_secs(15);
const LEAVE_OUT_EVERY: u64 = 200;
const HOLD_FEED: Duration = Duration::from_millis(400);
const BOOK_WRONG_EVERY: u64 = 20;

/// Between two fills that are dropped lies one that is doubled.
const HALF_WAY: u64 = BOOK_WRONG_EVERY / 2;
const HOLD_RESPONSE: Duration = Duration::from_millis(400);

impl Defects {
    /// Switches these on.
    pub fn new(defects: impl IntoIterator<Item = Defect>) -> Self {
        Self(defects.into_iter().collect())
    }

    /// Their names.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|defect| defect.name()).collect()
    }

    /// Hook: a new order with a known client id. True to accept it as another order.
    pub fn accept_retry_again(&self) -> bool {
        self.has(Defect::DuplicateOnRetry)
    }

    /// Hook: an order that a limit refuses. True to enter it nevertheless.
    pub fn enter_rejected(&self) -> bool {
        self.has(Defect::AcceptRejected)
    }

    /// Hook: the quantity to store for an accepted order.
    pub fn stored_lots(&self, order_id: u64, asked_lots: u64) -> u64 {
        if self.has(Defect::CorruptQuantity) && order_id.is_multiple_of(CORRUPT_EVERY) {
            asked_lots + 1
        } else {
            asked_lots
        }
    }

    /// Hook: a batch of log entries is about to be sent, the how manieth to this node. True to let it fail.
    pub fn refuse_append(&self, number: u64) -> bool {
        self.has(Defect::FlakyReplication) && number.is_multiple_of(REFUSED_APPENDS_EVERY)
    }

    /// Hook: a message is to be told in the feed. True to leave it out.
    pub fn leave_out_of_feed(&self, sequence: u64) -> bool {
        self.has(Defect::FeedGap) && sequence.is_multiple_of(LEAVE_OUT_EVERY)
    }

    /// Hook: there is something to be told in the feed. How long to hold it back, if at all.
    pub fn feed_hold(&self) -> Option<Duration> {
        self.has(Defect::StaleFeed).then_some(HOLD_FEED)
    }

    /// Hook: the market maker books its `number`th fill. How often to book it.
    pub fn times_booked(&self, number: u64) -> u64 {
        // Not the same fills, so that neither hides the other.
        match number % BOOK_WRONG_EVERY {
            0 if self.has(Defect::DropsFills) => 0,
            HALF_WAY if self.has(Defect::DoubleCountsFills) => 2,
            _ => 1,
        }
    }

    /// Hook: the market maker is about to quote. How long to wait, if at all.
    pub fn response_hold(&self) -> Option<Duration> {
        self.has(Defect::SlowResponse).then_some(HOLD_RESPONSE)
    }

    /// Hook: the leader's proposer starts. Something that acknowledges too early, or nothing.
    pub fn early_acks(&self) -> Option<EarlyAcks> {
        self.has(Defect::AckBeforeQuorum).then(EarlyAcks::default)
    }

    /// Hook: the node has started. Starts what has to run beside it.
    pub fn start(&self, raft: &EngineRaft, replica: &SharedReplica, contact: &Contact) {
        if self.has(Defect::ForgetTailOnPromotion) {
            tokio::spawn(forget_tail_on_promotion(raft.clone(), replica.clone()));
        }
        if self.has(Defect::SlowFailover) {
            tokio::spawn(hold_elections(raft.clone(), contact.clone()));
        }
        if self.has(Defect::LeakMemory) {
            tokio::spawn(leak_memory());
        }
    }

    fn has(&self, defect: Defect) -> bool {
        self.0.contains(&defect)
    }
}

/// `ack-before-quorum`: new orders are answered from a guess and held back for up to [`REPLICATE_EVERY`].
#[derive(Debug, Default)]
pub struct EarlyAcks {
    held: Vec<Bytes>,
    answers: HashMap<Box<str>, Answer>,
    last_order_id: u64,
    last_sequence: u64,
    due: Option<Instant>,
}

impl EarlyAcks {
    /// The answer that the command would probably get, in which case it is held back; else none, and it is not.
    pub fn answer(
        &mut self,
        encoded: &Bytes,
        replica: &SharedReplica,
        term: u64,
    ) -> Option<Answer> {
        let command = Command::decode(encoded).ok()?;
        let known = self.answers.get(command.id()).cloned();
        let answer = match (&command, known) {
            (Command::New(_), Some(known)) => return Some(known),
            (Command::New(new), None) => {
                let replica = replica.read();
                let exchange = &replica.exchange;
                if exchange.knows(new.id) || exchange.check_new_order(new).is_err() {
                    return None;
                }
                let instrument = instruments::find(new.symbol)?;
                self.last_order_id = exchange.next_order_id().max(self.last_order_id + 1);
                Answer::Accepted {
                    order_id: self.last_order_id,
                    sequence: self.next_sequence(exchange.sequence()),
                    term,
                    instrument,
                    filled_lots: 0,
                    remaining_lots: new
                        .quantity
                        .steps(instrument.get().quantity_decimals)
                        .ok()?,
                    fills: Vec::new(),
                }
            }
            (Command::Cancel { .. }, Some(_)) => Answer::Cancelled {
                sequence: self.next_sequence(replica.read().exchange.sequence()),
            },
            (Command::Replace { quantity, .. }, Some(Answer::Accepted { instrument, .. })) => {
                Answer::Replaced {
                    sequence: self.next_sequence(replica.read().exchange.sequence()),
                    instrument,
                    remaining_lots: quantity.steps(instrument.get().quantity_decimals).ok()?,
                    fills: Vec::new(),
                }
            }
            (Command::Cancel { .. } | Command::Replace { .. }, _) => return None,
        };
        if let Command::New(new) = command {
            self.answers.insert(Box::from(new.id), answer.clone());
        }
        self.held.push(encoded.clone());
        self.due
            .get_or_insert_with(|| Instant::now() + REPLICATE_EVERY);
        Some(answer)
    }

    /// When what is held back should be replicated; none if nothing is.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What was held back.
    pub fn take(&mut self) -> Vec<Bytes> {
        self.due = None;
        self.answers.clear();
        std::mem::take(&mut self.held)
    }

    fn next_sequence(&mut self, applied: u64) -> u64 {
        self.last_sequence = (applied + 1).max(self.last_sequence + 1);
        self.last_sequence
    }
}

/// `forget-tail-on-promotion`: at every election won with orders on record, the last of them are forgotten here.
async fn forget_tail_on_promotion(raft: EngineRaft, replica: SharedReplica) {
    let mut metrics = raft.server_metrics();
    let mut led = false;
    loop {
        let leads = metrics.borrow_and_update().state == ServerState::Leader;
        if leads && !led {
            let forgotten = replica
                .write()
                .exchange
                .forget_last_orders(FORGOTTEN_ORDERS);
            tracing::warn!(forgotten, "defect forget-tail-on-promotion");
        }
        led = leads;
        if metrics.changed().await.is_err() {
            return;
        }
    }
}

/// `slow-failover`: no elections until the leader has been silent for [`HOLD_ELECTIONS`].
async fn hold_elections(raft: EngineRaft, contact: Contact) {
    loop {
        let may_elect = contact
            .silence()
            .is_none_or(|silence| silence >= HOLD_ELECTIONS);
        raft.runtime_config().elect(may_elect);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// `leak-memory`: pages that are written to are really taken.
async fn leak_memory() {
    let mut leaked: Vec<Vec<u8>> = Vec::new();
    loop {
        if leaked.len() * LEAK_BYTES < LEAK_AT_MOST {
            leaked.push(vec![0xA5; LEAK_BYTES]);
        }
        tokio::time::sleep(LEAK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_defect_is_listed_under_its_name_on_the_command_line() {
        assert_eq!(DEFECTS.len(), Defect::value_variants().len());
        for defect in Defect::value_variants() {
            let value = defect.to_possible_value().expect("shown");
            assert_eq!(value.get_name(), defect.name());
        }
    }

    #[test]
    fn without_a_switch_nothing_is_different() {
        let none = Defects::default();
        assert!(!none.accept_retry_again() && !none.enter_rejected());
        assert_eq!(none.stored_lots(50, 7), 7);
        assert!(!none.refuse_append(20));
        assert!(none.early_acks().is_none());
        assert!(!none.leave_out_of_feed(LEAVE_OUT_EVERY) && none.feed_hold().is_none());
        assert!(none.names().is_empty());
    }
}
