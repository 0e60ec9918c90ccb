//! The engine's own numbers, as Prometheus asks for them: as text, or in protobuf, which is the only format in which its native
//! histograms exist.

mod counters;
mod family;
mod histogram;
mod process;
mod protobuf;
mod sparse;
mod text;

pub use counters::{Counted, Gauges, Metrics};
pub use family::Family;
pub use histogram::{Bounds, Histogram};
pub use process::{Usage, resident_bytes};
pub use protobuf::{PROTOBUF, is_asked_for, protobuf};
pub use text::{TEXT, text};
