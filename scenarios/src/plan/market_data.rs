//! Market data: what an engine tells of itself.

use serde::Serialize;
use shakedown_record::phase::Phase;

use super::http::JsonPointer;

/// Market data of a system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MarketData {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<FeedPlan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish: Option<PublishPlan>,
}

impl MarketData {
    /// True when the profile says nothing of any.
    pub fn is_empty(&self) -> bool {
        self.feed.is_none() && self.publish.is_none()
    }
}

/// A feed over WebSocket at the entry: one JSON text a message, each with a number that is one above the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedPlan {
    /// Of the handshake; `{{after}}` in it is the last number that was heard, and nothing the first time.
    pub path: String,
    pub sequence: JsonPointer,
    pub made: Option<MadeAt>,
    /// Where a message names its order by the client's id.
    pub order: Option<JsonPointer>,
    /// What messages tell of the books; `None`: not enough to rebuild them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub book: Option<FeedBookPlan>,
    /// By how much the feed's wall clock may be off from ours, in nanoseconds; `None`: nobody knows.
    pub clock_error_ns: Option<u64>,
}

/// What messages tell of the books. A message is about the order that it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedBookPlan {
    /// Where a message says what it tells, and the words for it.
    pub event: JsonPointer,
    pub accepted: Vec<String>,
    pub replaced: Vec<String>,
    pub cancelled: Vec<String>,
    pub symbol: JsonPointer,
    pub side: JsonPointer,
    pub price: JsonPointer,
    /// Of the whole order.
    pub quantity: JsonPointer,
    /// What can still trade; `None`: what fills leave of the quantity.
    pub remaining: Option<JsonPointer>,
    /// The list of trades with orders that rested, and in an entry of it, whose and how much.
    pub fills: JsonPointer,
    pub fill_maker: JsonPointer,
    pub fill_quantity: JsonPointer,
    /// How a subscriber that comes late is told what rests; `None`: it is not.
    pub snapshot: Option<FeedSnapshotPlan>,
}

/// How a subscriber that comes late is told what rests. An entry has what messages have, at the same places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedSnapshotPlan {
    /// Of its handshake.
    pub path: String,
    pub events: Vec<String>,
    pub orders: JsonPointer,
    /// Where a message says that another one follows; `None`: none does.
    pub more: Option<JsonPointer>,
}

impl FeedPlan {
    /// True when a subscriber that was cut off is told what it missed.
    pub fn resumes(&self) -> bool {
        self.path.contains("{{after}}")
    }
}

/// Where a message says when it was made: wall-clock time since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MadeAt {
    pub at: JsonPointer,
    /// Nanoseconds in a unit of it.
    pub unit_ns: u64,
}

/// How market data gets into the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishPlan {
    /// Length-prefixed frames (`docs/market-data.md`).
    Binary(BinaryPublish),
    /// JSON, many points in a request.
    Http(HttpPublish),
}

/// Length-prefixed frames at a port of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BinaryPublish {
    /// At the host of each entry.
    pub port: u16,
}

/// Many points in a request, at the entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HttpPublish {
    pub method: String,
    pub path: String,
    /// What stands before the points, and after them; between two of them is a comma.
    pub before: String,
    pub after: String,
    pub point: Vec<PointPart>,
    /// Most points of a request.
    pub batch: u32,
    /// Statuses that say that all of them were taken in.
    pub acked: Vec<u16>,
}

/// A part of a point as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PointPart {
    Text(String),
    /// From 1, of all points of the run.
    Sequence,
    /// Wall clock in nanoseconds since 1970.
    AtNs,
    Symbol,
    Price,
}

impl PublishPlan {
    /// The scheme of the URLs at which it is.
    pub fn scheme(&self) -> &'static str {
        match self {
            PublishPlan::Binary(_) => "tcp",
            PublishPlan::Http(_) => "http",
        }
    }

    /// The port at each entry's host, where it is another one than the entry's.
    pub fn port(&self) -> Option<u16> {
        match self {
            PublishPlan::Binary(binary) => Some(binary.port),
            PublishPlan::Http(_) => None,
        }
    }
}

/// Points per second that a scenario publishes, beside its orders, from zero until the load stops.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PointsLoad {
    pub rate_per_s: f64,
}

/// A limit on points that are published.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PointsRule {
    /// Taken in per second, as the engine acknowledges it.
    Rate { at_least_per_s: f64, phase: Phase },
    /// Offered and not acknowledged, in the run.
    Lost { at_most: u64 },
}

impl PointsRule {
    /// The field under which it is written.
    pub fn name(&self) -> &'static str {
        match self {
            PointsRule::Rate { .. } => "points-rate",
            PointsRule::Lost { .. } => "lost-points",
        }
    }

    /// The phase to which it is bound, if it is.
    pub fn phase(&self) -> Option<Phase> {
        match self {
            PointsRule::Rate { phase, .. } => Some(*phase),
            PointsRule::Lost { .. } => None,
        }
    }
}

/// A limit on a feed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedRule {
    /// Something of which there may be so much in the run.
    Count { what: FeedCount, at_most: u64 },
    /// A time that most messages must keep.
    Time {
        what: FeedTime,
        quantile: f64,
        at_most_ns: u64,
        phase: Phase,
    },
    /// The books that are rebuilt from it are those of the copies.
    Book,
}

/// What of a feed is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedCount {
    /// Numbers that never came.
    Gaps,
    /// Numbers that came again.
    Duplicates,
    /// Acknowledged orders of which the feed never told.
    Untold,
    /// Orders of which it told, and that no copy has in the end.
    Phantom,
}

/// What of a feed is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedTime {
    /// Age of a message at receipt.
    Freshness,
    /// Between the acknowledgement of an order and the feed's message on it, whichever came first.
    Skew,
}

impl FeedCount {
    /// Every one, in the order of reports.
    pub const ALL: [FeedCount; 4] = [
        FeedCount::Gaps,
        FeedCount::Duplicates,
        FeedCount::Untold,
        FeedCount::Phantom,
    ];

    /// True when it is about orders, which messages must name.
    fn is_of_orders(self) -> bool {
        match self {
            FeedCount::Gaps | FeedCount::Duplicates => false,
            FeedCount::Untold | FeedCount::Phantom => true,
        }
    }
}

impl FeedRule {
    /// The field under which it is written.
    pub fn name(&self) -> &'static str {
        match self {
            FeedRule::Count { what, .. } => match what {
                FeedCount::Gaps => "feed-gaps",
                FeedCount::Duplicates => "feed-duplicates",
                FeedCount::Untold => "feed-untold",
                FeedCount::Phantom => "feed-phantom",
            },
            FeedRule::Book => "feed-book",
            FeedRule::Time { what, .. } => match what {
                FeedTime::Freshness => "freshness",
                FeedTime::Skew => "feed-skew",
            },
        }
    }

    /// The phase to which it is bound, if it is.
    pub fn phase(&self) -> Option<Phase> {
        match self {
            FeedRule::Count { .. } | FeedRule::Book => None,
            FeedRule::Time { phase, .. } => Some(*phase),
        }
    }

    /// True when it is about orders, which messages must name.
    pub fn is_of_orders(&self) -> bool {
        match self {
            FeedRule::Count { what, .. } => what.is_of_orders(),
            FeedRule::Time { what, .. } => *what == FeedTime::Skew,
            FeedRule::Book => true,
        }
    }
}
