//! Prometheus' text format (0.0.4) and OpenMetrics 1.0 as they are on the wire: a text becomes samples and mistakes.
//!
//! ```text
//! text --parse--> samples (name, labels, value, kind)   whoever wants some of them takes them
//!             \-> malformed lines, each with its reason  whoever must be sure refuses the whole text
//! ```
//!
//! Strict, for a guess would become a figure: an unknown escape, a label that is there twice, a value that is none, a type
//! that comes after its samples, a text that was cut off are mistakes with their line. Exemplars and time stamps are
//! read and left out: what a run goes by is its own clock. Names in quotes (UTF-8 names of Prometheus 3) are refused;
//! a server sends them only when it is asked to. Native histograms have no text form: they only exist in the protobuf
//! exposition, which becomes the same samples, with the native histograms beside them.

mod cursor;
mod family;
mod fault;
mod line;
mod protobuf;
mod text;

pub use fault::LineFault;
pub(super) use line::number;
pub use protobuf::{ProtobufFault, is_protobuf, parse_protobuf};
pub use text::{Dialect, Exposed, Exposition, Malformed, parse};

#[cfg(test)]
pub(super) use protobuf::testing;
#[cfg(test)]
mod tests;
