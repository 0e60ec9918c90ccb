//! Whole streams of slots and drafts: the same for ever from the same seed, and of the distributions that they are said
//! to have.
#![allow(clippy::unwrap_used, reason = "all of this is test code")]

mod common;
mod golden;
mod hawkes;
mod lives;
mod orders;
mod replay;
mod shapes;
