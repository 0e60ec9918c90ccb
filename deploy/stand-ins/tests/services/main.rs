//! The services over real servers: PostgreSQL, Redis with a sentinel, NATS, PgBouncer.
//!
//! Servers are those that `tests/stores.sh` names or this machine has. A test whose servers are missing says so and is left
//! out; with `SHAKEDOWN_SERVERS=required` it fails instead.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "all of this is test code"
)]

mod ai_trading;
mod bot3;
mod frames;
mod points;
mod rig;
mod servers;
