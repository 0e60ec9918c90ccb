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

static DEFECTS: [DefectInfo; 6] = [
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
const HOLD_ELECTIONS: Duration = Duration::from_secs(15);

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
        assert!(none.early_acks().is_none());
        assert!(none.names().is_empty());
    }
}
