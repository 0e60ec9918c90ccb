//! bot3: a stateless replica that decides on what it is told, and keeps orders in stores that all replicas share.
//!
//! ```text
//! gateway  sockets of the binary gateway -> frames -> strategy -> answers      threads of its own, no store
//!                                                        | now and then an order of its own
//! http     POST /decide, POST /orders ------------------ v
//!          desk     batches: limits in Redis -> insert, committed -> answers
//!          outbox   what is committed and not published -> JetStream -> marked as published
//! ```

mod args;
mod desk;
mod frames;
mod gateway;
mod http;
mod migrations;
mod numbers;
mod order;
mod outbox;
mod run;
mod sockets;
mod strategy;

pub use args::Bot3Args;
pub use migrations::LATEST;
pub use run::start;
