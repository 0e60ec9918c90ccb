//! Market data from outside: prices that are taken in and kept, the last of each symbol.
//!
//! In length-prefixed frames (`docs/market-data.md`) at a port of its own, or as JSON with `POST /market-data`.
//! `GET /market-data` says what this node has taken in. Nothing of it is replicated: it is old when it is acknowledged.

mod frames;
mod http;
mod server;
mod ticker;

pub use http::{publish, show};
pub use server::serve;
pub use ticker::Ticker;
