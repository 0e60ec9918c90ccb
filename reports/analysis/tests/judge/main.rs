//! Synthetic run directories, written by the record's own writers, judged through the public functions.

// Helpers of tests are tests: a broken set-up may panic.
#![allow(clippy::unwrap_used)]

mod alerts;
mod books;
mod build;
mod canary;
mod counted;
mod data_classes;
mod evidence;
mod failover;
mod feed;
mod figures;
mod flags;
mod isolation;
mod load_alone;
mod metrics;
mod natives;
mod never_pass;
mod peaks;
mod plan;
mod points;
mod replayed;
mod restores;
mod stories;
mod unchecked;
mod venue;
mod venue_flow;
