//! A run directory and its plan, judged: record -> measurements -> verdict.
//!
//! ```text
//! input      events, ledger, retries, ids    what is missing is named, never fatal
//!            (the next four side by side)
//!   seal     the chain of events, the sums    what was changed since is missing too
//!   tally    one walk over the ledger         phases, 100 ms slots, timeline, histograms
//!   gaps     sessions without good answers    -> failover, outages
//!   data_loss  fates x copies                 -> classes, RPO
//!   books    requests x copies                 -> the engine's own order, invariants
//!   metrics  the system's own series           rises, resets, levels, holes
//! measured   all of it, before any opinion
//! evidence   what a verdict needs, and what of it is missing
//! verdict    limits, checks, flags, exit code, words
//! ```
//!
//! Pure and offline: no clocks, no sockets, no cluster. A saved run gives the same figures and the same verdict on
//! any machine. Evidence is judged before limits, so that nothing passes because something was not looked at.

mod analyse;
mod analysis;
mod availability;
mod bits;
mod books;
mod canary;
pub mod capacity;
mod connections;
mod data_loss;
mod engine_latency;
mod error;
mod evidence;
mod explain;
mod facts;
pub mod fail_if;
mod failover;
mod feed;
mod gaps;
mod input;
mod load_view;
mod measured;
mod metrics;
mod orders;
mod phases;
mod points;
mod replayed;
mod seal;
mod series;
mod split;
mod story;
pub mod suite;
mod sureness;
mod tally;
mod terms;
#[cfg(test)]
mod testing;
mod timeline;
mod unchecked;
mod venue;
mod verdict;
pub mod words;

pub use analyse::analyse;
pub use analysis::{
    Analysis, CurvePoint, LatencyInterval, PlatformMoment, Story, TimelineRow, Unchecked,
};
pub use error::AnalysisError;
pub use explain::{Explanation, Step, explain};
pub use load_view::{LoadResult, analyse_load};
pub use replayed::{Replayed, replayed};
