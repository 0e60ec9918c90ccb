//! Starves the generator from outside, for real, and asks the binary what was wrong.
//!
//! ```text
//! shortage   the ways to starve it, and by which words it must name each
//! place      where the program runs: a group with a quota, a namespace with few ports, a shell with few descriptors
//! pressure   what is done to it while it runs: stopped, outrun on its core, robbed of its pages
//! pages      how pages are taken from a process
//! round      a run in such a place, and what it said
//! claim      the campaign of all of it
//! ```

mod claim;
mod pages;
mod place;
mod pressure;
mod round;
mod shortage;

pub use claim::{COLUMNS, ROWS, row, supports};
pub use pressure::outrun;
pub use round::{Told, Who, round};
pub use shortage::Shortage;
