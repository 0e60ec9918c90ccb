//! Measurements against limits: evidence first, then numbers, then flags and the exit code.
//!
//! ```text
//! rule + measurements --> finding                    checks/*
//! finding + evidence  --> check                      check.rs
//! checks + flags      --> verdict, exit code, words  decide.rs
//! ```
//!
//! Pass is what is left when nothing speaks against it: it is never the default.

mod alert;
mod availability;
mod books;
mod canary;
mod check;
mod control;
mod counted;
mod data;
mod decide;
mod failover;
mod feed;
mod finding;
mod gauge;
mod improvement;
mod isolation;
mod latency;
mod metric;
mod peak;
mod points;
mod rates;
mod restore;
mod timed;
mod venue;
mod watched;

pub(crate) use check::check;
pub(crate) use decide::{Decision, decide};
