//! The market-data feed: every command that changed the book, told to whoever subscribes, over WebSocket.
//!
//! `GET /feed?after=SEQUENCE` is a handshake; each text after it is one message, in the order of the engine's sequence
//! numbers, which are the same on every replica:
//!
//! ```text
//! {"sequence":17,"at_ns":1790000000123456789,"event":"accepted","id":"t-4","symbol":"BTCUSD","side":"buy","price":"50000.01","quantity":"0.125"}
//! ```
//!
//! `at_ns` is the wall clock of this replica when it applied the command. A replica keeps the last [`KEPT`] messages, so
//! that whoever was cut off goes on where it stopped, here or at another replica. What a replica got as a snapshot it
//! never applied, and cannot tell of: its numbers jump there.

mod ring;
mod server;

pub use ring::{Change, Feed, KEPT, Told};
pub use server::subscribe;
