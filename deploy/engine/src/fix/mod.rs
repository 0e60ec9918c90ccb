//! The engine over FIX 4.4, as an acceptor at a port of its own (`docs/fix.md`): order entry, and drop copies.
//!
//! ```text
//! socket -> wire: messages -> session: numbers, resends -> orders -> gateway (consensus)
//! socket <- session: a number, the journal <------------- reports <----+
//!                                          <- copies <- what this replica applied
//! ```
//!
//! A session is known by the client's CompID and outlives its connections; its numbers and newest messages lie in a journal,
//! so that it also outlives the process. It is known to this node only.

mod copies;
mod desk;
mod fields;
mod journal;
mod log_on;
mod orders;
mod reports;
mod server;
mod session;
mod wire;

pub use copies::Copies;
pub use desk::Desk;
pub use server::serve;
