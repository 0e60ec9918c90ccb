//! The engine over FIX 4.4, as an acceptor at a port of its own (`docs/fix.md`): order entry, and drop copies.
//!
//! ```text
//! socket -> wire: messages -> session: numbers, resends -> orders -> gateway (consensus)
//! socket <- session: a number, the journal <------------- reports <----+
//!                                          <- copies <- what this replica applied
//!                                          <- resting: executions of its orders in the book <- copies
//! ```
//!
//! A session is known by the client's CompID and outlives its connections; its numbers and newest messages lie in a journal,
//! so that it also outlives the process. It is known to this node only. The market maker uses the same sessions from the other
//! side, as the initiator (`log_in`).

mod copies;
mod desk;
mod fields;
mod journal;
mod log_in;
mod log_on;
mod orders;
mod reports;
mod resting;
mod server;
mod session;
mod wire;

pub use copies::Copies;
pub use desk::Desk;
pub(crate) use fields::Fields;
pub use server::serve;
pub(crate) use server::{next, write};
pub(crate) use session::{Asked, Names, Session};
pub(crate) use wire::{Message, utc_now};
