//! Redis' protocol RESP2, as far as orders and questions need it. Pure: bytes in, bytes out.
//!
//! ```text
//! Commands   a template of the profile as words, each sent with its length: no value can break out of its word
//! Replies    what a server says, cut into whole replies
//! Collector  all replies to one template: the command's own, and that to the WAIT behind it
//! Greeting   password and role of a new connection; or who the master is, where a sentinel was dialled
//! ```
//!
//! The load and the control plane use the same four. What a command came to is told as an answer of HTTP would be: a status
//! and a body of JSON with `reply`, `error`, `message`, `replicas` and `wait-error`, so that everything of a profile that reads
//! answers reads these. No TLS, no RESP3, no cluster slots, no transactions over several templates.

mod collector;
mod command;
mod greeting;
mod refusal;
mod replies;

pub use collector::{Collector, Ended};
pub use command::{Commands, append_command};
pub use greeting::{Greeted, Greeting, Login, append_who_is_master, master_of};
pub use refusal::{Refusal, refusal};
pub use replies::{Framed, Replies, value};

/// Status of an answer whose command was done, on as many replicas as its WAIT asked for.
pub const COMPLETED: u16 = 200;

/// Status of an answer that was an error, or after which too few replicas had it.
pub const FAILED: u16 = 500;
