//! Prometheus' protobuf exposition: `MetricFamily` messages, each with its length before it. It is the only one in which native
//! histograms exist.
//!
//! Read by hand, for it is thirty fields of six messages: `wire` knows protobuf, `native` histograms, `family` the rest. Strict, as
//! the text is: what contradicts itself makes the whole answer unreadable. Fields that are not known are left out, as
//! protobuf wants it.

mod family;
mod fault;
mod native;
mod wire;

pub use family::{is_protobuf, parse_protobuf};
pub use fault::ProtobufFault;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
