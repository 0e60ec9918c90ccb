//! The defects that can be switched on, all of them here, each a few lines.
//!
//! A validation tool that has never been seen to fail proves nothing. Each defect breaks one promise of the
//! engine, in the way real engines break it, and must turn a named check red. Nothing here does anything unless
//! its switch is on; the rest of the engine calls these hooks and knows no more of them.

mod dialects;
mod early_acks;
mod hooks;
mod table;
mod tasks;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::contact::Contact;
use crate::raft::EngineRaft;
use crate::state::SharedReplica;

pub use early_acks::EarlyAcks;
use table::DEFECTS;
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
    /// Orders that wait before they are proposed.
    SlowTrading,
    /// A consensus that is lost again and again.
    ConsensusFlaps,
    /// A replica that keeps other orders than the rest.
    InconsistentData,
    /// Nodes that say that they are not ready.
    Unready,
    /// Orders of the other colour, gone with the switch.
    BlueGreenLoses,
    /// Matching that takes too long.
    SlowMatch,
    /// A limit on the rate that holds nobody back.
    NoRateLimit,
    /// A book that is shown otherwise than it is.
    CorruptOrderbookDebug,
    /// A risk limit that is passed.
    RiskOverrun,
    /// Orders that are lost in a queue.
    QueueDrops,
    /// Quotes by prices of a while ago.
    StaleQuotes,
    /// Quotes that are taken back before they can be filled.
    LowFillRate,
    /// Quotes that are no better than the baseline.
    WideSpread,
    /// An inference that is not done in time.
    SlowInference,
    /// A database that is away half of the time.
    LosesDatabase,
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

    /// Hook: an engine that has no log has started. Starts what has to run beside it.
    pub fn start_alone(&self) {
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
