//! Market data, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::scalar::{Duration, Method, Pointer};

/// Market data of the system.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MarketDataSpec {
    /// What the engine tells whoever subscribes. Listened to where a rule is about it.
    pub(crate) feed: Option<FeedSpec>,
    /// How market data gets into the engine; a scenario says how much of it.
    pub(crate) publish: Option<PublishSpec>,
}

/// How market data gets into the engine.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PublishSpec {
    /// Length-prefixed frames, as docs/market-data.md specifies them.
    Binary(BinaryPublishSpec),
    /// JSON, many points in a request, at the entry.
    Http(HttpPublishSpec),
}

/// Length-prefixed frames.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct BinaryPublishSpec {
    /// The port at the host of each entry. A local stand-in without an address of its own takes a free one.
    pub(crate) port: u16,
}

/// Many points in a request.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HttpPublishSpec {
    /// Default: POST.
    pub(crate) method: Option<Method>,
    pub(crate) path: String,
    /// The body, with {{points}} where the points stand, with commas between them. Default: [{{points}}]
    pub(crate) body: Option<String>,
    /// One point, with {{sequence}}, {{at}} (nanoseconds since 1970), {{symbol}} and {{price}}.
    pub(crate) point: String,
    /// Most points of a request.
    pub(crate) batch: u32,
    /// Statuses that say that all of them were taken in.
    pub(crate) acked: Vec<u16>,
}

/// A feed.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FeedSpec {
    /// JSON texts over WebSocket, at the entry.
    Websocket(WebSocketFeedSpec),
}

/// JSON texts over WebSocket, each a message with a number that is one above the one before.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WebSocketFeedSpec {
    /// Begins with a slash. `{{after}}` in it is the last number that was heard, and empty the first time: an engine that
    /// reads it tells what was missed in between.
    pub(crate) path: String,
    /// Where a message has its number.
    pub(crate) sequence: Pointer,
    /// Where a message says when it was made; needed for `freshness`.
    pub(crate) made: Option<MadeSpec>,
    /// Where a message names its order by the client's id; needed for `feed-skew` and `feed-untold`.
    pub(crate) order: Option<Pointer>,
    /// What messages tell of the books; needed for `feed-book`.
    pub(crate) book: Option<FeedBookSpec>,
    /// By how much the wall clock of the feed may be off from that of the machine that runs Shakedown. Default: nothing
    /// where both are one machine (`local`), elsewhere not known, and then freshness cannot be judged.
    pub(crate) clock_error: Option<Duration>,
}

/// What messages tell of the books: enough to rebuild them. A message is about the order that it names (`order`).
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FeedBookSpec {
    /// Where a message says what it tells.
    pub(crate) event: Pointer,
    /// What stands there for a new order.
    pub(crate) accepted: Vec<String>,
    /// What stands there for new terms of an order. Default: nothing does.
    #[serde(default)]
    pub(crate) replaced: Vec<String>,
    /// What stands there for an order that is out of the book and was not filled. Default: nothing does.
    #[serde(default)]
    pub(crate) cancelled: Vec<String>,
    pub(crate) symbol: Pointer,
    /// As in orders (`sides`), in capitals or not.
    pub(crate) side: Pointer,
    pub(crate) price: Pointer,
    /// Of the whole order, with what of it has traded.
    pub(crate) quantity: Pointer,
    /// What can still trade after the message. Default: what its fills, and those before, leave of the quantity.
    pub(crate) remaining: Option<Pointer>,
    /// What the message's order traded with orders that rested.
    pub(crate) fills: FeedFillsSpec,
    /// How a subscriber that comes late is told what rests. Default: it is not, and none comes late.
    pub(crate) snapshot: Option<FeedSnapshotSpec>,
}

/// A list of trades in a message.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FeedFillsSpec {
    /// Where the list is; there may be none.
    pub(crate) at: Pointer,
    /// In an entry: the client's id of the order that rested.
    pub(crate) maker: Pointer,
    /// In an entry: how much.
    pub(crate) quantity: Pointer,
}

/// How a subscriber that comes late is told what rests: in one message or several, before all others. Their number is that of
/// the last message before. An entry of the list has what messages have, at the same places.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FeedSnapshotSpec {
    /// Of the handshake of such a subscriber; begins with a slash.
    pub(crate) path: String,
    /// What stands at `event` for such a message.
    pub(crate) events: Vec<String>,
    /// Where the list of orders is.
    pub(crate) orders: Pointer,
    /// Where a message says that another one follows (`true`). Default: each is all.
    pub(crate) more: Option<Pointer>,
}

/// Where a message says when it was made.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MadeSpec {
    /// Wall-clock time since 1970, as a number or as the text of one.
    pub(crate) at: Pointer,
    pub(crate) unit: TimeUnitSpec,
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TimeUnitSpec {
    Ns,
    Us,
    Ms,
    S,
}
