//! Orders that wait for a price or for the end of their time: how the engine takes them.

use serde::Serialize;

use super::super::http::{JsonPointer, Request};
use super::OrderAction;

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
