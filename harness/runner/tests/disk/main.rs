//! Real disks: mounted over real folders, told to be slow, to fail and to be full, and killed. Takes root.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests say what they expect by unwrapping it"
)]

mod bench;
mod cost;
mod equality;
mod faults;
mod mapping;
mod power;
mod survival;

/// Every other process of these tests is this binary, started again with this test alone and a role to play.
#[test]
fn double() {
    bench::play();
}
