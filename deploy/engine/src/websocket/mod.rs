//! The engine over WebSocket: order entry only, as JSON texts, at a port of its own.
//!
//! A text is one message: `{"op":"new"|"cancel"|"replace","id":…}` with the fields of a new order or of its new terms.
//! Every text in answer is what the HTTP interface would have said, with the `id` of the order and the `node` that
//! answers. Messages of one connection are executed beside each other and answered as they are done.
//!
//! At the path `/reports/NAME` nothing is asked: what became of every command that came to this node over HTTP with
//! `?report=NAME` is told, in the same words.

mod message;
mod reports;
mod server;

pub use message::reply as report;
pub use reports::Reports;
pub use server::serve;
