//! WebSocket (RFC 6455), the client's side: handshake, frames, messages. Pure: sockets are the engine room's.
//!
//! Written out here because the hot path allocates nothing for a message: a text is masked into the buffer that goes to
//! the socket, and a whole message in one read is a slice of the read buffer.

mod frame;
mod handshake;
mod messages;

pub use frame::{Malformed, Opcode, append};
pub use handshake::{Handshake, Progress, Refused};
pub use messages::{Event, LONGEST_MESSAGE, Messages};
