//! Judges what clients saw of an order book against a book of our own, which shares no code with any engine.
//!
//! A history is linearizable when one order of its requests explains every answer, and respects which request had been
//! answered before which other was sent (Herlihy and Wing, "Linearizability: a correctness condition for concurrent
//! objects", TOPLAS 1990). An engine that numbers what it does claims such an order: replaying it is linear in the length
//! of the history. Without numbers the order has to be searched for, which is feasible in small windows only.
//!
//! ```text
//! operation   what a request asked of a book, when, and what its client learned
//! book        price-time priority from its definition; every step can be taken back
//! witness     the engine's own order, replayed
//! symbols     many books at once
//! search      is there any order?
//! reading     what was read in the end, held against every step of a search
//! windows     a whole history, searched one window after the other
//! fills       what must hold of fills
//! snapshot    what must hold of a book at one moment
//! ```
//!
//! Everything here is pure: no clock, no files.

mod book;
mod fills;
mod operation;
mod reading;
mod search;
mod snapshot;
mod symbols;
mod windows;
mod witness;

pub use book::{Book, Effect, Open, Refusal};
pub use fills::{Breach, Leg, Standing, check_fills, check_quantities};
pub use operation::{Ask, Learned, Operation};
pub use reading::{Misfit, Reading};
pub use search::{Answer, Window, search};
pub use snapshot::{Depth, Fault, Resting, book_hash, check_book, check_depth};
pub use symbols::replay_all;
pub use windows::{
    Bound, Ended, Limits, Searched, Undecided, Unexplained, search_windows, search_windows_all,
};
pub use witness::{Finding, Testimony, Witnessed, check_order, replay};
