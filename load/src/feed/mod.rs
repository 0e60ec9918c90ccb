//! Listens to an engine's market-data feed, as a subscriber of its own: WebSocket, one JSON text a message.
//!
//! One thread and one connection. Every message is stamped when it comes, by both clocks of this machine, and written
//! down (`feed.csv`); whether numbers are missing, how old messages were and how they compare with acknowledgements is for
//! the analysis to say. When a connection ends, or is silent even when asked, the next entry is dialled, and the feed is
//! asked to go on after the last number that was heard.

mod config;
mod conversation;
mod listener;
mod message;

pub use config::FeedConfig;
pub use listener::FeedListener;
