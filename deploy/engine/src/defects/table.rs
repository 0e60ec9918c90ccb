//! All defects, as they are listed.

use super::{Defect, DefectInfo};

/// In the order of the command line.
pub(super) static DEFECTS: [DefectInfo; 53] = [
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
    DefectInfo {
        defect: Defect::SlowTrading,
        name: "slow-trading",
        about: "The leader waits 5 ms before it proposes the orders that came.",
    },
    DefectInfo {
        defect: Defect::ConsensusFlaps,
        name: "consensus-flaps",
        about: "For 2.5 s of every 4 s no node sends log entries to the others: leaders are lost, and others elected.",
    },
    DefectInfo {
        defect: Defect::InconsistentData,
        name: "inconsistent-data",
        about: "The third node keeps every 50th order with one lot more than the other nodes do.",
    },
    DefectInfo {
        defect: Defect::Unready,
        name: "unready",
        about: "For 2 s of every 4 s a node says that it is not ready, and serves all the same.",
    },
    DefectInfo {
        defect: Defect::BlueGreenLoses,
        name: "blue-green-loses",
        about: "A green node does not list any more what was accepted before the first order came to it.",
    },
    DefectInfo {
        defect: Defect::SlowMatch,
        name: "slow-match",
        about: "Each order takes 30 us more to be matched in memory.",
    },
    DefectInfo {
        defect: Defect::NoRateLimit,
        name: "no-rate-limit",
        about: "Orders beyond the limit on their rate are let in.",
    },
    DefectInfo {
        defect: Defect::CorruptOrderbookDebug,
        name: "corrupt-orderbook-debug",
        about: "The book that is shown order by order has one lot more at every 10th order.",
    },
    DefectInfo {
        defect: Defect::RiskOverrun,
        name: "risk-overrun",
        about: "Orders that end give no risk back, and none is refused for it: what an account uses of its limit only grows.",
    },
    DefectInfo {
        defect: Defect::QueueDrops,
        name: "queue-drops",
        about: "From the 20,000th on, every 200th order that comes from the worker queue is forgotten, and never answered.",
    },
    DefectInfo {
        defect: Defect::StaleQuotes,
        name: "stale-quotes",
        about: "The market maker looks at the market every 2 s only, and quotes by what it saw.",
    },
    DefectInfo {
        defect: Defect::LowFillRate,
        name: "low-fill-rate",
        about: "The market maker takes every 5th of its quotes back as soon as it is sent.",
    },
    DefectInfo {
        defect: Defect::WideSpread,
        name: "wide-spread",
        about: "The market maker quotes with the spread of the baseline.",
    },
    DefectInfo {
        defect: Defect::SlowInference,
        name: "slow-inference",
        about: "Each inference takes 5 ms, which is longer than it may.",
    },
    DefectInfo {
        defect: Defect::LosesDatabase,
        name: "loses-database",
        about: "For 4 s of every 8 s the market maker has no connection to its database.",
    },
];
