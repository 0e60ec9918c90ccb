//! The engine over length-prefixed frames (`docs/binary-gateway.md`): order entry only, at a port of its own.
//!
//! ```text
//! socket -> reader: frames -> one task for each message -> gateway
//!                                        |
//! socket <- writer: all answers that are there, in one write
//! ```
//!
//! Messages of one connection are executed beside each other and answered as they are done, which may be in another
//! order. Whoever wants one after the other waits for the answer.

mod message;
mod reply;
mod server;

pub(crate) use message::Message;
pub(crate) use reply::Reply;
pub use server::serve;
