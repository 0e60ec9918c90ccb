//! Doors between pods that must stay shut: guests of Shakedown's in the system's cluster, which knock while a run goes on.
//!
//! ```text
//! rule --guests--> Jobs, one for the intruder and one for the friend     (journaled, taken back by teardown and `recover`)
//!      --watch---> exec `worker --knock` in each --knock--> doors        (by way of the API server: nobody listens)
//!      <-looks---- reached or not, and how: series.jsonl
//! ```
//!
//! Whether a wall held is for the analysis to say. A guest does nothing by itself and is never ready, so that no service sends
//! anything to it, whatever labels it has.

mod doors;
mod guests;
mod knock;
mod party;
mod rights;
mod watch;

pub use knock::{KnockError, serve_pipes};
pub use party::Party;
pub(crate) use rights::rights;
pub use watch::IsolationWatch;
