//! What slots ask: a pure stream of drafts from the seed, and the live orders that cancels and replaces address.
//!
//! A draft depends on the seed and the slot's number only, not on threads or timing. What a cancel or replace
//! addresses depends on what the engine acknowledged, and is therefore decided when the slot is written.

mod draft;
mod live;
pub mod random;

pub use draft::{Draft, Flow, FlowError};
pub use live::{LiveOrder, LiveOrders};
