//! What `record.json` tells of books: orders, trades, limits and contracts, each beside what must hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What sessions or accounts had open and filled together, beside the limit of the profile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExposureRecord {
    /// Orders that were counted.
    pub orders: u64,
    /// Sessions or accounts, each instrument by itself.
    pub holders: u64,
    /// The largest share of the limit that one of them had at the least.
    pub most: f64,
    /// How many of them were above it.
    pub above: u64,
    /// Why there may be more; null when everything was counted.
    pub open: Option<String>,
    /// The first of them, in words.
    pub examples: Vec<String>,
}

/// Planted orders that waited for something, beside what became of them on every copy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimedRecord {
    /// Orders that were acknowledged.
    pub orders: u64,
    /// Copies that were asked.
    pub copies: u64,
    /// Of the orders: what they waited for came before the first fault, during an outage, and after it.
    pub before: u64,
    pub during: u64,
    pub after: u64,
    /// What is wrong.
    pub contradictions: u64,
    /// Why there may be more; null when everything was looked at.
    pub open: Option<String>,
    /// The first of them, in words.
    pub examples: Vec<String>,
}

/// Orders that end with their connection, beside what the profile's contract says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DisconnectsRecord {
    /// Connections that ended while the load ran.
    pub connections_ended: u64,
    /// Connections that were there until the copies had been read.
    pub connections_kept: u64,
    /// Orders that were acknowledged over a connection that has ended.
    pub orders: u64,
    /// Of these, orders that the engine has cancelled, as it may.
    pub cancelled: u64,
    pub contradictions: u64,
    /// Why there may be more; null when every order was looked at.
    pub open: Option<String>,
    /// The first contradictions, in words.
    pub examples: Vec<String>,
}

/// All requests, replayed in the engine's own order on a book of Shakedown's, or searched for an order where it has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryRecord {
    pub symbols: u64,
    /// Requests that were replayed, or searched and decided.
    pub requests: u64,
    /// What was searched; absent when the engine's own order was replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchRecord>,
    /// Requests without an answer, and of those, the ones whose end the copies tell.
    pub unanswered: u64,
    pub resolved: u64,
    /// Requests of which it is not known whether, or where in the engine's order, they were done.
    pub undecided: u64,
    /// What nothing unknown can explain.
    pub contradictions: u64,
    /// Why there may be more; null when everything was explained.
    pub open: Option<String>,
    /// The first contradictions, in words.
    pub examples: Vec<String>,
}

/// An order of all requests, searched for in windows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SearchRecord {
    /// Windows that were decided.
    pub windows: u64,
    /// Requests in the longest of them.
    pub longest: u64,
    /// Books that were possible at once, at most.
    pub books: u64,
    /// Requests of which nothing is known: those from the first window of a symbol on that was not decided, or that no
    /// order explains.
    pub left: u64,
}

/// What must hold of books and trades, whatever came in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvariantsRecord {
    /// Copies that were looked at.
    pub copies: u64,
    /// Which invariants the profile lets us look at, such as `I5`.
    pub checked: Vec<String>,
    /// Which of them are broken.
    pub breached: Vec<String>,
    pub breaches: u64,
    /// Why not every copy was looked at; null when all were.
    pub open: Option<String>,
    /// The first breaches, in words.
    pub examples: Vec<String>,
}

/// The drop copy beside what clients were told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DropCopyRecord {
    /// Reports that it received, each counted once.
    pub reports: u64,
    /// Acknowledged requests that were looked for in it.
    pub requests: u64,
    /// Sides of trades that were looked for in it; null where the copies' trades were not read.
    pub fills: Option<u64>,
    pub contradictions: u64,
    /// Why there may be more; null when everything was compared.
    pub open: Option<String>,
    /// The first contradictions, in words.
    pub examples: Vec<String>,
}

/// The books that are rebuilt from the feed beside those that were read of the copies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedBookRecord {
    /// Messages from which they were rebuilt.
    pub messages: u64,
    /// Orders of ours that rested by them when the copies were read.
    pub orders: u64,
    /// Copies that were compared.
    pub copies: u64,
    /// Orders that rested by what a subscriber that came late was told first; null where none came.
    pub late: Option<u64>,
    /// Orders that differ.
    pub contradictions: u64,
    /// Why there may be more; null when everything was compared.
    pub open: Option<String>,
    /// The first contradictions, in words.
    pub examples: Vec<String>,
}
