//! Real processes: a local cluster, faults on it, and what is left when their owner dies.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests say what they expect by unwrapping it"
)]

mod doubles;
mod local_cluster;
mod slow_links;
mod survival;

/// Every other process of these tests is this binary, started again with this test alone and a role to play.
#[test]
fn double() {
    match doubles::own_role() {
        Some((role, folder)) => survival::play(&role, &folder),
        None => doubles::play(),
    }
}
