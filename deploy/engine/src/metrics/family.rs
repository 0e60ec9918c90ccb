//! Numbers at a moment, in no format yet.

use super::sparse::Bucket;

/// What a family says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    /// The word of the text format.
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// Numbers of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: Kind,
    pub(super) samples: Samples,
}

/// The numbers, as text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Samples {
    One(String),
    /// One for each value of a label.
    By(&'static str, Vec<(&'static str, String)>),
    Latency(Latency),
}

/// The latency of orders.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Latency {
    /// Upper bounds in seconds, with the observations up to each.
    pub(super) buckets: Vec<(&'static str, u64)>,
    pub(super) count: u64,
    pub(super) sum_ns: u64,
    /// The same observations in narrow buckets.
    pub(super) sparse: Vec<Bucket>,
    /// When the counting began, in seconds since 1970.
    pub(super) started_s: f64,
}
