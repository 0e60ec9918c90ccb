//! PostgreSQL's frontend/backend protocol, version 3, as far as orders and questions need it. Pure: bytes in, bytes out.
//!
//! ```text
//! Greeting   startup, password or SCRAM, until the server is ready for the first query
//! Statement  a template of the profile: its holes are parameters, so that no value can break out of it
//! Collector  everything that is said of one statement, until the server is ready for the next one
//! ```
//!
//! The load and the control plane use the same three. What a statement came to is told as an answer of HTTP would be: a
//! status (200 or 500) and a body of JSON with `sqlstate`, `command`, `rows` and `last`, so that everything of a profile
//! that reads answers reads these. No TLS, no COPY, no transactions over several statements.

mod collector;
mod frame;
mod greeting;
mod statement;

pub use collector::{Collector, Ended};
pub use frame::{Framed, Frames, append_query, append_sync, append_terminate};
pub use greeting::{Greeted, Greeting, Login};
pub use statement::Statement;

/// Status of an answer to a statement that was completed.
pub const COMPLETED: u16 = 200;

/// Status of an answer to a statement that came to an error.
pub const FAILED: u16 = 500;
