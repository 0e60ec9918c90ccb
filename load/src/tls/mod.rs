//! TLS: what is trusted, who we are, and one connection's keys as a pure machine between bytes and bytes.
//!
//! The engine room owns the sockets and the clock; [`Channel`] only turns what is said into what is on the wire and back.
//! Tickets of a server are kept for each thread and used when a session dials again, as a client of an engine would; early
//! data is never sent, because it could be executed twice.

mod channel;
mod client;
mod words;

pub(crate) use channel::{Broken, Channel};
pub use client::{client_config, server_name};
