//! The defects that can be switched on, all of them here, each a few lines.
//!
//! A validation tool that has never been seen to fail proves nothing. Each defect breaks one promise of the
//! engine, in the way real engines break it, and must turn a named check red. Nothing here does anything unless
//! its switch is on; the rest of the engine calls these hooks and knows no more of them.

mod early_acks;
mod hooks;
mod tasks;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::contact::Contact;
use crate::raft::EngineRaft;
use crate::state::SharedReplica;

pub use early_acks::EarlyAcks;
use tasks::{forget_tail_on_promotion, hold_elections, leak_memory};

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
    /// Quantities that the market-data feed tells wrongly.
    FeedQuantity,
    /// Fills of the venue that the market maker does not book.
    DropsFills,
    /// Fills that it books twice.
    DoubleCountsFills,
    /// Quotes that come late.
    SlowResponse,
    /// The youngest of a price before the oldest.
    PriorityInversion,
    /// Orders that would trade, in the book.
    CrossedBook,
    /// Trades booked twice.
    DuplicateFill,
    /// Trades that the resting order does not hear of.
    OneSidedFill,
    /// Cancelled orders that stay.
    IgnoresCancel,
    /// Cancelled orders that come back.
    ResurrectCancelled,
    /// Replaces that change nothing.
    IgnoresReplace,
    /// A depth that is not the sum of its orders.
    DepthDrift,
    /// Acknowledged orders that nobody keeps.
    DropsOrders,
    /// A replica that misses some orders.
    LostReplicaOrder,
    /// Restored, but for the last orders.
    PartialSnapshot,
    /// Rejected orders that are entered later.
    LateGhost,
    /// Sequence numbers that are given again.
    SequenceReuse,
    /// Some answers come late.
    SlowTail,
    /// Acknowledgements of what is not on disk.
    NoFsync,
    /// Followers that show the orders of a while ago.
    StaleReads,
    /// A list without orders after a restart.
    EmptyOk,
    /// Acceptances that the drop copy does not tell.
    DropCopyGap,
    /// Connections to a node that was killed, which nobody misses.
    ForgetsLostNode,
    /// Orders of others, cancelled with those of a lost node.
    EndsBystanders,
    /// Risk limits that a new leader does not know.
    ResetsLimits,
    /// Kill switches that a new leader does not know.
    ForgetsKillSwitch,
    /// Stop orders that a new leader does not know.
    ForgetsStops,
    /// Ends of orders that a new leader does not know.
    ForgetsTimers,
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

static DEFECTS: [DefectInfo; 38] = [
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
        defect: Defect::FeedQuantity,
        name: "feed-quantity",
        about: "With a new leader the market-data feed tells of every 20th order, where it rests, one lot too many.",
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
    DefectInfo {
        defect: Defect::PriorityInversion,
        name: "priority-inversion",
        about: "Every 4th order, where it trades, is matched with the youngest order of a price first instead of the oldest.",
    },
    DefectInfo {
        defect: Defect::CrossedBook,
        name: "crossed-book",
        about: "From the 500th order on, no order is matched: those that should trade rest, and the book is crossed.",
    },
    DefectInfo {
        defect: Defect::DuplicateFill,
        name: "duplicate-fill",
        about: "What every 4th order trades on the spot is booked twice, as trades of both sides with ids of their own.",
    },
    DefectInfo {
        defect: Defect::OneSidedFill,
        name: "one-sided-fill",
        about: "Every 4th trade is booked for the incoming order only: the resting one keeps its state and its filled quantity.",
    },
    DefectInfo {
        defect: Defect::IgnoresCancel,
        name: "ignores-cancel",
        about: "The first cancel of every 5th order is acknowledged, and the order stays in the book.",
    },
    DefectInfo {
        defect: Defect::ResurrectCancelled,
        name: "resurrect-cancelled",
        about: "With a new leader the last 20 cancelled orders are open again, on every replica.",
    },
    DefectInfo {
        defect: Defect::IgnoresReplace,
        name: "ignores-replace",
        about: "Replaces of every 5th order are acknowledged and change nothing.",
    },
    DefectInfo {
        defect: Defect::DepthDrift,
        name: "depth-drift",
        about: "The depth of every 20th price is one lot more than its orders have open.",
    },
    DefectInfo {
        defect: Defect::DropsOrders,
        name: "drops-orders",
        about: "Every 100th order is acknowledged, and forgotten by every replica 50 orders later; no fault is to blame.",
    },
    DefectInfo {
        defect: Defect::LostReplicaOrder,
        name: "lost-replica-order",
        about: "The third node lists every order but each 50th, which it leaves out once there are 50 later ones.",
    },
    DefectInfo {
        defect: Defect::PartialSnapshot,
        name: "partial-snapshot",
        about: "A node that is restarted lists all but the last 20 orders of its snapshot, which it takes every 200 entries.",
    },
    DefectInfo {
        defect: Defect::LateGhost,
        name: "late-ghost",
        about: "An order beyond a risk limit is answered as rejected, and entered into the book 500 orders later.",
    },
    DefectInfo {
        defect: Defect::SequenceReuse,
        name: "sequence-reuse",
        about: "With a new leader the last 20 sequence numbers are given again, to other commands.",
    },
    DefectInfo {
        defect: Defect::SlowTail,
        name: "slow-tail",
        about: "Every 20th acknowledgement of a new order comes 300 ms late.",
    },
    DefectInfo {
        defect: Defect::NoFsync,
        name: "no-fsync",
        about: "The log is not synced any more once the cluster is formed: orders outlive every kill, and no power cut.",
    },
    DefectInfo {
        defect: Defect::StaleReads,
        name: "stale-reads",
        about: "A follower lists the orders of 2 s ago, with the watermark of now.",
    },
    DefectInfo {
        defect: Defect::EmptyOk,
        name: "empty-ok",
        about: "A node that was started again with its data answers with status 200 and an empty list of orders.",
    },
    DefectInfo {
        defect: Defect::DropCopyGap,
        name: "drop-copy-gap",
        about: "The drop copy does not tell of the acceptance of every 100th order.",
    },
    DefectInfo {
        defect: Defect::ForgetsLostNode,
        name: "forgets-lost-node",
        about: "Orders that end with their connection stay open when the node of the connection was killed.",
    },
    DefectInfo {
        defect: Defect::EndsBystanders,
        name: "ends-bystanders",
        about: "When a node was killed, orders that are bound to connections of other nodes are cancelled too.",
    },
    DefectInfo {
        defect: Defect::ResetsLimits,
        name: "resets-limits",
        about: "With a new leader the exposure limits of all sessions are gone.",
    },
    DefectInfo {
        defect: Defect::ForgetsKillSwitch,
        name: "forgets-kill-switch",
        about: "With a new leader the accounts whose kill switch was pulled may trade again.",
    },
    DefectInfo {
        defect: Defect::ForgetsStops,
        name: "forgets-stops",
        about: "With a new leader no stop order waits any more: nothing sets off those that did.",
    },
    DefectInfo {
        defect: Defect::ForgetsTimers,
        name: "forgets-timers",
        about: "With a new leader orders that are good until a time are good for ever.",
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
pub struct Defects {
    on: BTreeSet<Defect>,
    /// The node that has them; 0 for what is no node.
    node: u64,
}

const CORRUPT_EVERY: u64 = 50;
const REFUSED_APPENDS_EVERY: u64 = 20;
const LEAVE_OUT_EVERY: u64 = 200;
const HOLD_FEED: Duration = Duration::from_millis(400);
const BOOK_WRONG_EVERY: u64 = 20;

const FORMED_AT_INDEX: u64 = 8;

/// This process was started with data.
static IS_BACK: AtomicBool = AtomicBool::new(false);

/// Between two fills that are dropped lies one that is doubled.
const HALF_WAY: u64 = BOOK_WRONG_EVERY / 2;
const HOLD_RESPONSE: Duration = Duration::from_millis(400);

impl Defects {
    /// Switches these on.
    pub fn new(defects: impl IntoIterator<Item = Defect>) -> Self {
        Self {
            on: defects.into_iter().collect(),
            node: 0,
        }
    }

    /// The same on the node with this number.
    pub fn on_node(self, node: u64) -> Self {
        Self { node, ..self }
    }

    /// Nothing is switched on.
    pub fn are_off(&self) -> bool {
        self.on.is_empty()
    }

    /// Their names.
    pub fn names(&self) -> Vec<&'static str> {
        self.on.iter().map(|defect| defect.name()).collect()
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
        if self.has(Defect::StaleReads) {
            tokio::spawn(tasks::show_late(replica.clone()));
        }
        if self.has(Defect::LeakMemory) {
            tokio::spawn(leak_memory());
        }
    }

    /// Hook: the log has been written up to this entry, if to any, and is about to be synced. True to leave that out.
    pub fn skip_sync(&self, index: Option<u64>) -> bool {
        self.has(Defect::NoFsync) && index.is_none_or(|index| index > FORMED_AT_INDEX)
    }

    /// Hook: the log was opened, with entries or without.
    pub fn opened(&self, with_entries: bool) {
        IS_BACK.store(with_entries, Ordering::Relaxed);
    }

    /// Hook: an order is to be listed. True to leave it out.
    pub fn hide_order(&self, order_id: u64, is_leader: bool) -> bool {
        let late = self.has(Defect::StaleReads) && !is_leader;
        let empty = self.has(Defect::EmptyOk) && IS_BACK.load(Ordering::Relaxed);
        empty || (late && order_id >= tasks::HIDDEN_FROM.load(Ordering::Relaxed))
    }

    fn has(&self, defect: Defect) -> bool {
        self.on.contains(&defect)
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
        assert!(none.early_acks().is_none() && !none.skip_sync(None));
        assert!(!none.hide_order(1, false));
        assert!(!none.leave_out_of_feed(LEAVE_OUT_EVERY) && none.feed_hold().is_none());
        assert!(none.names().is_empty());
    }
}
