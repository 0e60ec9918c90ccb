//! Real processes in real control groups and time namespaces: each effect is measured, each check has a case in which
//! it goes red, and everything is as it was afterwards. Takes root, cgroup v1 or a hybrid of both for the controllers.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests say what they expect by unwrapping it"
)]

mod clock;
mod cpu;
mod doubles;
mod freezer;
mod memory;
mod stress;

/// Every other process of these tests is this binary, started again with this test alone and a role to play.
#[test]
fn double() {
    doubles::play();
}
