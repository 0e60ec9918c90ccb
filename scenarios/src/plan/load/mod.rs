//! The order flow as planned: when slots are due, what they ask, and how orders are shaped.

mod arrival;
mod curve;
mod plan;
mod planted;
mod recording;
mod shape;

pub use arrival::{Arrival, Burst, Bursts, Hawkes, RateStep, Spacing, Spike};
pub use curve::{ENDLESS_NS, PARTS_PER_SLOT, RateCurve, RatePiece};
pub use plan::{Instrument, LoadPlan, Mix, SymbolShare};
pub use planted::{Planted, PlantedOrders};
pub use recording::{LARGEST_RECORDING_BYTES, Recorded, Recording, Replay};
pub use shape::{LifetimePoint, Lifetimes, OrderShape, PowerLaw, Prices};
