//! Known truth on loopback: a server that misbehaves on purpose and logs what it did, against what the ledger says.
#![allow(clippy::unwrap_used, reason = "all of this is test code")]

mod accuracy;
mod lifecycle;
mod lives;
mod outages;
mod outcomes;
mod party;
mod postgresql;
mod redis;
mod replays;
mod rig;
mod server;
mod workers;
