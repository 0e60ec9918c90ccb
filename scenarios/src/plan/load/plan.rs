//! The order flow as planned.

use serde::Serialize;
use shakedown_record::Decimal;

use super::arrival::Arrival;
use super::shape::OrderShape;

/// What is sent, how often, over how many sessions.
#[derive(Debug, Clone, Serialize)]
pub struct LoadPlan {
    pub arrival: Arrival,
    pub mix: Mix,
    /// With their share of the orders; shares sum to 1. The index is the ledger's `symbol`.
    pub symbols: Vec<SymbolShare>,
    /// The index is the ledger's `account`.
    pub accounts: Vec<String>,
    pub sessions: u32,
    /// Load threads.
    pub threads: u32,
    /// Processes that share the sessions, each with so many load threads.
    #[serde(skip_serializing_if = "is_one")]
    pub workers: u32,
    pub timeout_ns: u64,
    #[serde(skip_serializing_if = "OrderShape::is_plain")]
    pub shape: OrderShape,
}

/// True for the default: it is left out of the plan's text, so that plans from before have the digest they had.
fn is_one(workers: &u32) -> bool {
    *workers == 1
}

/// Weights of the kinds of messages; they need not sum to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Mix {
    pub new: u32,
    pub cancel: u32,
    pub replace: u32,
    /// New orders above the instrument's largest quantity: the engine must reject them.
    pub oversized: u32,
}

/// A symbol with its share of the flow.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SymbolShare {
    pub name: String,
    pub share: f64,
    pub instrument: Instrument,
}

/// How prices and quantities of a symbol are made. All orders are exact multiples of tick and lot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Instrument {
    #[serde(serialize_with = "as_text")]
    pub tick: Decimal,
    #[serde(serialize_with = "as_text")]
    pub lot: Decimal,
    /// Middle of the price band, in ticks.
    pub around_ticks: i64,
    /// Half width of the band, in ticks.
    pub band_ticks: i64,
    /// Largest quantity of an order that the generator makes, in lots.
    pub largest_lots: u32,
    /// Quantity of an `oversized` order, in lots; `None` when the profile gives no largest quantity.
    pub oversized_lots: Option<u32>,
}

fn as_text<S: serde::Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
