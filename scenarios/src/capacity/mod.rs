//! A search for capacity: what was typed, which rates can be asked about, and how a scenario is changed for a probe at another
//! rate.
//!
//! Only the rate changes, and with it what is owed at that rate: a rule that asks for a throughput asks for the same share of
//! what is offered. Everything else, faults included, is as it is written.

mod arguments;
mod reach;
mod scale;

pub use arguments::{SearchArguments, WrongSearch, search};
pub use reach::{Reach, within_reach};
pub use scale::at_rate;
