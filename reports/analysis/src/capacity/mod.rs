//! The highest rate at which a scenario's SLA holds, from few runs.
//!
//! ```text
//! what was asked + every probe so far --> next step: a probe at a rate, or the answer
//! record of a probe -----------------> a point of the curve
//! ```
//!
//! A probe is a whole run, judged like any other: it holds, breaks, or shows nothing. Between the highest rate that held and
//! the lowest that did not the search halves the distance, as a ratio. A service may also break at a low rate and hold at a
//! higher one (a batch that never fills, a timer); so rates below the answer are looked at, too, and a break there lowers it.

mod judge;
mod point;
mod search;

pub use judge::judge;
pub use point::point;
pub use search::{Next, Probe, next};
