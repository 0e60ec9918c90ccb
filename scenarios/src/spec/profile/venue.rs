//! The venue that a trading system sends its orders to, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::scalar::{Id, Pointer};

use super::exchange::GetSpec;

/// The venue of a system that sends orders; Shakedown plays it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct VenueSideSpec {
    /// The part that Shakedown plays; it has one replica.
    pub(crate) part: Id,
    /// The system speaks FIX 4.4 to it. Default: WebSocket, as docs/venue.md specifies it.
    pub(crate) fix: Option<VenueFixSpec>,
    /// How the system's own trades are read back, to be held against the venue's fills.
    pub(crate) trades: Option<TradesSpec>,
}

/// The venue as a FIX acceptor; every CompID that logs on to it is a session.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct VenueFixSpec {
    /// The venue's CompID. Default: VENUE.
    pub(crate) comp_id: Option<String>,
    /// The field of a NewOrderSingle that has the id of what caused it. Default: 526, SecondaryClOrdID.
    pub(crate) tag: Option<u32>,
}

/// A list of trades with a cursor, from every replica of the first part.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TradesSpec {
    /// {{cursor}} is empty on the first page.
    pub(crate) get: GetSpec,
    /// The array of trades.
    pub(crate) rows: Pointer,
    /// The next cursor; missing or null on the last page.
    pub(crate) next: Option<Pointer>,
    /// Relative to a trade.
    pub(crate) fields: TradeFieldsSpec,
}

/// Where a trade keeps its values.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TradeFieldsSpec {
    /// The venue's id of the execution.
    pub(crate) execution: Pointer,
    pub(crate) price: Option<Pointer>,
    pub(crate) quantity: Option<Pointer>,
}
