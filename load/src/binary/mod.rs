//! The binary gateway: length-prefixed frames, little endian. Pure: sockets are the engine room's.
//!
//! The layout is specified in `docs/binary-gateway.md`; every answer repeats the number of its message, so that answers
//! may come in any order and a second one is recognised.

mod answer;
mod frame;
mod request;

pub use answer::{Answer, Status};
pub use frame::{Frame, Frames, LONGEST_FRAME, Malformed, VERSION};
pub use request::{Kind, Request, Units};
