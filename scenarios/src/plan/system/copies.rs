//! What else than orders is read of copies.

use serde::Serialize;

use crate::plan::http::{JsonPointer, Request};

/// How a copy's trades are read: a list with a cursor. Orders by the ids that they have in the list of orders.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CopyTrades {
    /// `{{cursor}}` is empty on the first page.
    pub get: Request,
    pub rows: JsonPointer,
    /// The next cursor; missing or null on the last page.
    pub next: Option<JsonPointer>,
    pub id: JsonPointer,
    pub maker: JsonPointer,
    pub taker: JsonPointer,
    pub price: JsonPointer,
    pub quantity: JsonPointer,
    /// The engine's sequence number of the request that caused it.
    pub sequence: Option<JsonPointer>,
}

/// How a copy's depth is read: one request for each symbol.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CopyDepth {
    /// With `{{symbol}}`.
    pub get: Request,
    /// The copy's watermark, as in the list.
    pub mark: JsonPointer,
    pub bids: JsonPointer,
    pub asks: JsonPointer,
    /// In an entry of either; `orders`: how many that is.
    pub price: JsonPointer,
    pub quantity: JsonPointer,
    pub orders: Option<JsonPointer>,
}
