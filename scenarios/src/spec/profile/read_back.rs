//! How orders are read back, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::Later;
use crate::spec::scalar::Pointer;

use super::exchange::GetSpec;
use super::orders::AnswerSpec;

/// How orders are read back.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReadBackSpec {
    /// A list of all orders, page by page.
    List(Box<ListSpec>),
    /// One request for each order.
    ById(Box<ByIdSpec>),
    #[schemars(skip)]
    ByCancel(Later),
    #[schemars(skip)]
    Count(Later),
}

/// A list of all orders.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ListSpec {
    /// `{{cursor}}` is empty on the first page.
    pub(crate) get: GetSpec,
    /// The array of rows.
    pub(crate) rows: Pointer,
    /// The next cursor; missing or null on the last page.
    pub(crate) next: Option<Pointer>,
    /// The copy's watermark: the highest sequence that it has applied.
    pub(crate) mark: Option<Pointer>,
    pub(crate) at: AtSpec,
    /// Where a row keeps its values, relative to the row.
    pub(crate) fields: FieldsSpec,
    /// Values of the field `state` that mean that an order is still open.
    #[serde(default)]
    pub(crate) open: Vec<String>,
    /// Values of the field `state` that mean that all of an order was traded.
    #[serde(default)]
    pub(crate) filled: Vec<String>,
    /// The copy's trades, with both orders of each.
    pub(crate) trades: Option<CopyTradesSpec>,
    /// How much rests at each price, by the copy's own account. Needs `mark`.
    pub(crate) depth: Option<CopyDepthSpec>,
}

/// One request for each order.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ByIdSpec {
    /// With the order as `{{id}}`.
    pub(crate) get: GetSpec,
    /// The order is there.
    pub(crate) found: AnswerSpec,
    /// There is definitely no such order.
    pub(crate) absent: AnswerSpec,
    pub(crate) at: AtSpec,
    /// Where the reply keeps its values.
    #[serde(default)]
    pub(crate) fields: FieldsSpec,
    /// Values of the field `state` that mean that an order is still open.
    #[serde(default)]
    pub(crate) open: Vec<String>,
    /// Values of the field `state` that mean that all of an order was traded.
    #[serde(default)]
    pub(crate) filled: Vec<String>,
}

/// Whom the read asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AtSpec {
    /// Each replica of the first part (or of the store), which answers for its own copy.
    EachReplica,
    /// The entry, so that copies cannot be told apart.
    Entry,
}

/// Where a row keeps its values.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FieldsSpec {
    /// Needed for a list: the id by which an order is found again.
    pub(crate) id: Option<Pointer>,
    pub(crate) price: Option<Pointer>,
    pub(crate) quantity: Option<Pointer>,
    pub(crate) symbol: Option<Pointer>,
    pub(crate) side: Option<Pointer>,
    pub(crate) state: Option<Pointer>,
    /// How much of the order has traded.
    pub(crate) filled: Option<Pointer>,
    /// How much of it can still trade; 0 once it is done.
    pub(crate) remaining: Option<Pointer>,
    /// The engine's sequence number of its acceptance: the one that the acknowledgement carried.
    pub(crate) sequence: Option<Pointer>,
    /// The engine's sequence number of its last replace; null or missing without one.
    pub(crate) replaced_sequence: Option<Pointer>,
    /// The engine's sequence number of its cancel; null or missing without one.
    pub(crate) cancelled_sequence: Option<Pointer>,
}

/// How a copy's trades are read, page by page.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CopyTradesSpec {
    /// `{{cursor}}` is empty on the first page.
    pub(crate) get: GetSpec,
    /// The array of trades.
    pub(crate) rows: Pointer,
    /// The next cursor; missing or null on the last page.
    pub(crate) next: Option<Pointer>,
    /// The engine's id of the trade.
    pub(crate) id: Pointer,
    /// The order that rested, by the id that it has in the list of orders.
    pub(crate) maker: Pointer,
    /// The order that came in.
    pub(crate) taker: Pointer,
    pub(crate) price: Pointer,
    pub(crate) quantity: Pointer,
    /// The engine's sequence number of the request that caused it.
    pub(crate) sequence: Option<Pointer>,
}

/// How a copy's depth is read: one request for each symbol.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CopyDepthSpec {
    /// With `{{symbol}}`.
    pub(crate) get: GetSpec,
    /// The copy's watermark, as in the list.
    pub(crate) mark: Pointer,
    /// The array of prices at which somebody buys, and the one at which somebody sells.
    pub(crate) bids: Pointer,
    pub(crate) asks: Pointer,
    /// In an entry of either.
    pub(crate) price: Pointer,
    pub(crate) quantity: Pointer,
    /// In an entry: how many orders that is.
    pub(crate) orders: Option<Pointer>,
}
