//! Orders that wait for a price or for the end of their time: how the engine takes them, and which are planted.

use serde::Serialize;

use super::http::{JsonPointer, Request};
use super::load::Instrument;
use super::system::OrderAction;

/// How orders that wait get in, and how one is looked up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimedOrders {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<TimedOrder>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiring: Option<TimedOrder>,
    /// One order by its id.
    pub get: Request,
    /// What of it was traded.
    pub filled: JsonPointer,
}

/// One kind of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimedOrder {
    pub new: OrderAction,
    pub state: JsonPointer,
    /// States in which it waits.
    pub waiting: Vec<String>,
    /// States in which what it waited for has come.
    pub done: Vec<String>,
    /// How often that came.
    pub count: Option<JsonPointer>,
    /// The engine's time when it came, in milliseconds since 1970.
    pub at_ms: Option<JsonPointer>,
}

/// Orders that are planted beside the load.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planted {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stops: Option<PlantedOrders>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiring: Option<PlantedOrders>,
}

/// Orders of one kind, on a symbol that the load leaves alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlantedOrders {
    pub symbol: String,
    pub instrument: Instrument,
    pub count: u32,
    /// From the first end of their times to the last; 0 of stops.
    pub spread_ns: u64,
}
