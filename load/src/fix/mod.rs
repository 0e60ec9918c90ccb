//! FIX 4.4 without sockets and clocks: messages, and one session over all its connections, in both roles.
//!
//! ```text
//! socket -> Session::hear -> Event::Said(message)     replies of the session layer -> out -> socket
//! Session::send(type, fields) -> out -> socket        Session::tick: heartbeats, and questions to who is silent
//! ```
//!
//! A [`Session`] is made once and told of every connection by [`Session::connect`]; it keeps the numbers of both directions
//! between them, and the newest messages, so that the other can ask for them again. An acceptor that does not know the
//! numbers of a Logon asks for new ones by ResetSeqNumFlag. `docs/fix.md` has the exact tags.

mod inbound;
mod kept;
mod message;
mod pen;
mod rules;
mod session;
mod settings;
pub mod tags;

pub use message::{Garbled, Message, Next, NotFix, SOH, next};
pub use pen::{Pen, UtcTime};
pub use session::{End, Event, Heard, Numbers, Session};
pub use settings::{Login, Role, Settings, utc_offset_ns};

#[cfg(test)]
mod tests;
