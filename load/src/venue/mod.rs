//! The venue that trading systems send their orders to, played by Shakedown: WebSocket, one JSON text a message, or FIX 4.4.
//!
//! ```text
//! sockets -> messages -> desk (pure: who is told what, and when) -> lines of the log -> reports -> sockets
//! ```
//!
//! What happens to an order is decided by the seed and the order's id alone (`fate`). Nobody is told of anything before it is in
//! the log, and a venue that is started again goes on from there: reports have numbers, and a session that logs on says which
//! it wants again. One thread, no tokio; it runs as a process of its own, so that whatever happens to processes can happen to it.

mod acceptor;
mod connection;
mod desk;
mod fate;
mod fix_line;
mod fix_message;
mod log;
mod message;
mod newcomers;
mod server;

pub use desk::Desk;
pub use fate::{Fate, Fill, fate};
pub use server::{VenueConfig, VenueFailure, serve};
