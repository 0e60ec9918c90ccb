//! A small client of Redis: RESP2, commands as lists of words, several in one round trip.

mod client;
mod reply;

pub use client::Redis;
pub use reply::{Malformed, Value, parse};
