//! An agent as a process of its own, on pods made by hand: a network namespace, a pid namespace and a control group
//! whose path is that of a container. What it does is seen from the pods' side. Takes root; no Kubernetes.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests say what they expect by unwrapping it"
)]

mod clients;
mod doubles;
mod ends;
mod refused;
mod restarts;
mod services;
mod world;

/// Every other process of these tests is this binary, started again with this test alone and a role to play.
#[test]
fn double() {
    doubles::play();
}
