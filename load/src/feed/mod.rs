//! Listens to an engine's market-data feed, as a subscriber of its own: WebSocket, one JSON text a message.
//!
//! One thread and one connection. Every message is stamped when it comes, by both clocks of this machine, and written
//! down (`feed.csv`); whether numbers are missing, how old messages were and how they compare with acknowledgements is for
//! the analysis to say. When a connection ends, or is silent even when asked, the next entry is dialled, and the feed is
//! asked to go on after the last number that was heard.
//!
//! Where a rule is about the books, what messages tell of them is written down too (`feed-book.csv`), and a second
//! subscriber comes when it is told to, is told what rests, and then hears what all others hear (`feed-late.csv`).

mod book;
mod config;
mod conversation;
mod listener;
mod message;

pub use config::{FeedConfig, FeedFiles};
pub use listener::{FeedListener, Joiner};
