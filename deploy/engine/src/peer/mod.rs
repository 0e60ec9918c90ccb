//! How the nodes talk: length-prefixed frames over TCP, many requests at a time over one connection.
//!
//! A request is sent once. If the connection breaks before the answer came, the caller is told exactly that, and
//! nobody tries again on its behalf: only the client may decide to repeat an order.

mod client;
mod frame;
mod message;
mod server;

pub use client::{CallError, Lane, PeerLinks, Peers};
pub use frame::{FrameError, Hello, MAX_FRAME_BYTES, read_frame, write_frame};
pub use message::{Reply, Request};
pub use server::{PeerServer, PeerService};
