//! Keeping the state of pods and nodes up to date, and telling every transition.
//!
//! Own lists and watches rather than a ready-made one, because what must not happen here is silence that looks like
//! calm. A watch is asked for a few seconds only and then for the next few: a connection that died without a word is
//! noticed when it does not end in time. Until the API server is heard again the state says since when it is blind,
//! and what was missed is told from the difference as soon as it sees.

mod kind;
mod task;
mod watching;

pub use watching::{Scope, Watch, WatchState};
