//! What is wrong with a file, said so that it can be mended: where, the line itself, and what to write instead.
//!
//! All mistakes are reported together. Nothing here decides; it only tells.

mod hint;
mod message;

pub(crate) use hint::{closest, listed};
pub use message::{Diagnostic, Diagnostics};
