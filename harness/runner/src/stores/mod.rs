//! Stores, asked in their own languages: what the HTTP client is to an engine.

mod dial;
mod exchange;
pub mod postgresql;
pub mod redis;

pub use dial::AskError;
pub use exchange::{Asking, exchange};
