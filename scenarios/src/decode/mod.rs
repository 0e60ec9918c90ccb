//! From tree to typed values, with all mistakes at once.
//!
//! The types are plain serde types. A mistake carries its place; it is noted, the offending node is taken out of
//! the tree, and decoding starts again, until it succeeds or a required value is gone for which there is no
//! stand-in. What is missing only because its bad value was taken out is not complained about again.

mod access;
mod deserializer;
mod error;
mod report;

pub(crate) use error::HINT_MARK;
pub(crate) use report::{Decoded, StandIn, decode};
