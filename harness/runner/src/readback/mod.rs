//! Reading every copy back after the heal: what is there decides over loss, not what was acknowledged.
//!
//! [`list`] pages through a copy, [`by_id`] asks for each order; [`copies`] does either on every copy at once, behind
//! the sentinel, and writes the rows. A read is complete only when it has every sentinel: silence, an empty answer
//! and a page missing in the middle all look like loss otherwise.
//!
//! [`degraded`] asks while a fault is on, behind no sentinel: it tells who is stale, and never what is lost.

pub mod by_id;
pub mod copies;
mod degraded;
mod depth;
pub mod list;
pub mod ours;
pub mod rows;
pub mod trades;

pub use copies::{CopyRead, ReadSpec, Reading, read_copies};
pub use degraded::read_degraded;
pub use ours::{OrderIds, Ours};
pub use rows::scalar_at;

#[cfg(test)]
mod tests;
