//! The files as they are written: one type for each map, one enum for each choice.
//!
//! Plain serde types, from which the JSON Schemas are made too, so that reader, schema and documentation cannot
//! part. Nothing here is checked beyond the form of single values: `compile` holds them against each other.
//! Choices that later versions bring are known by name, so that they are not called mistakes in spelling.

pub(crate) mod alert;
pub(crate) mod calendar;
pub(crate) mod canary;
mod entries;
pub(crate) mod guards;
pub(crate) mod isolation;
mod later;
pub(crate) mod metric;
pub(crate) mod profile;
pub(crate) mod scalar;
pub(crate) mod scenario;
pub(crate) mod sla;
pub(crate) mod suite;

pub(crate) use entries::Entries;
pub(crate) use later::Later;
