//! Stores, asked in their own languages: what the HTTP client is to an engine.

pub mod postgresql;
