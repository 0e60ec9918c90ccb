//! What slots ask: a pure stream of drafts from the seed, and the live orders that cancels and replaces address.
//!
//! A draft depends on the seed and the slot's number only, or on a recording; where orders have lifetimes, also on the intended
//! times of the session's slots before it. It never depends on threads, delays or answers. What a cancel or replace
//! addresses also depends on what the engine acknowledged, and is therefore decided when the slot is written.

mod draft;
mod live;
mod lives;
mod prices;
pub mod random;
mod recorded;

pub use draft::{Draft, Flow, FlowError};
pub use live::{Live, LiveBySlot, LiveOrder, LiveOrders};
pub use lives::{Course, Life};
