//! A proxy between the load and an engine that breaks connections in every way that a network and a dying peer can, by a
//! program that its seed decides. It is a process of its own, so that it can be killed and frozen for real, and it knows
//! no protocol, so that every gateway can be led through it.
//!
//! ```text
//! program    which storms, when: from the seed alone, the same for the proxy and for whoever kills it
//! pipe       one connection: bytes both ways, and what a storm does to it
//! sockets    what the standard library does not offer: vanish without a word, drop what comes
//! claim      the campaign of a thousand seeds
//! ```

mod claim;
mod pipe;
mod program;
mod proxy;
mod sockets;

pub use claim::{COLUMNS, ROWS, Storms, supports};
pub use program::{Dice, Program, Storm, StormKind};
pub use proxy::{Orders, serve};
