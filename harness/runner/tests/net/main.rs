//! Real namespaces and real packets: what the network mechanisms do, and that nothing of it stays. Takes root.
#![allow(clippy::unwrap_used, reason = "all of this is test code")]

mod doubles;
mod nodes;
mod partition;
mod qdisc;
mod snapshot;
mod survival;
mod world;

/// Every other process of these tests is this binary, started again with this test alone and a role to play.
#[test]
fn double() {
    doubles::play();
}
