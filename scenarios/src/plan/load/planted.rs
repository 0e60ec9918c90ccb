//! Orders that wait for a price or for the end of their time, planted beside the load.

use serde::Serialize;

use super::Instrument;

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
