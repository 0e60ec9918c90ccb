//! The market-data feed: every command that changed the book, told to whoever subscribes, over WebSocket.
//!
//! `GET /feed?after=SEQUENCE` is a handshake; each text after it is one message, in the order of the engine's sequence
//! numbers, which are the same on every replica:
//!
//! ```text
//! {"sequence":17,"at_ns":1790000000123456789,"event":"accepted","id":"t-4","symbol":"BTCUSD","side":"buy",
//!  "price":"50000.01","quantity":"0.125","remaining":"0.100",
//!  "fills":[{"trade_id":"3","maker":"t-2","price":"50000.00","quantity":"0.025"}]}
//! ```
//!
//! A message is everything that one command did to the books: what became of its order, what of it can still trade
//! (`remaining`), and what it traded with which orders that rested (`fills`; it is itself the taker). So the books can be
//! rebuilt from the messages, and numbers have no gaps. `at_ns` is the wall clock of this replica when it applied the
//! command. A replica keeps the last [`KEPT`] messages, so that whoever was cut off goes on where it stopped, here or at
//! another replica. What a replica got as a snapshot it never applied, and cannot tell of: its numbers jump there.
//!
//! `GET /feed?snapshot=true` is for whoever comes late: first everything that rests, as of one sequence number, in as many
//! messages as it takes (all but the last say that there is `more`), then what comes after that number.

mod ring;
mod server;
mod snapshot;
mod told;

pub use ring::{Feed, KEPT};
pub use server::subscribe;
pub use told::{Change, Print, Told};
