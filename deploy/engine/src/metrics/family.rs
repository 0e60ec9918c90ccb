//! Numbers at a moment, in no format yet.

use std::fmt::Display;

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

impl Family {
    /// A number that only grows.
    pub fn counter(name: &'static str, help: &'static str, value: impl Display) -> Self {
        Self::one(Kind::Counter, name, help, value)
    }

    /// A number that also falls.
    pub fn gauge(name: &'static str, help: &'static str, value: impl Display) -> Self {
        Self::one(Kind::Gauge, name, help, value)
    }

    /// What this process is: 1, with a label that says it.
    pub fn info(
        name: &'static str,
        help: &'static str,
        label: &'static str,
        is: &'static str,
    ) -> Self {
        Self {
            name,
            help,
            kind: Kind::Gauge,
            samples: Samples::By(label, vec![(is, "1".to_owned())]),
        }
    }

    fn one(kind: Kind, name: &'static str, help: &'static str, value: impl Display) -> Self {
        Self {
            name,
            help,
            kind,
            samples: Samples::One(value.to_string()),
        }
    }
}
