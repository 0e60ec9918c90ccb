//! The run engine: a pure state machine ([`machine`]) and a thin shell ([`run`]) that gives it time, load and hands.
//!
//! ```text
//! guards -> environment -> load + faults (drive: slots in, actions out) -> retries, sentinel, read-back, clean-up
//!        `------------------------- teardown, whatever happened: heal, stop, say what is left -------------------'
//! ```
//!
//! The run decides nothing about the verdict: it writes events, ledger and read-back, and the analysis reads them.

mod abort;
mod after;
mod arming;
mod choice;
mod confirm_within;
mod drive;
mod driver;
mod events;
mod firings;
mod guests;
mod interrupt;
mod load;
mod looks;
pub mod machine;
mod market;
mod outage;
pub mod protocol;
mod redundancy;
mod request;
mod setup;
mod shell;
mod silence;
mod spread;
mod tail;
mod targets;
mod teardown;

#[cfg(test)]
mod tests;

pub use events::EventLog;
pub use request::{Progress, RunEnd, RunRequest, order_prefix};
pub use shell::run;
