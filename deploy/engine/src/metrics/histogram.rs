//! Latencies in the buckets of a classic histogram, and in narrow ones beside them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::family::{Family, Kind, Latency, Samples};
use super::sparse::Sparse;

/// Upper bounds in nanoseconds, ascending, each with its label in seconds.
pub type Bounds = &'static [(u64, &'static str)];

/// Counts by latency.
#[derive(Debug)]
pub struct Histogram {
    bounds: Bounds,
    buckets: Vec<AtomicU64>,
    count: AtomicU64,
    sum_ns: AtomicU64,
    sparse: Sparse,
}

impl Histogram {
    /// Without any observation.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            buckets: bounds.iter().map(|_| AtomicU64::default()).collect(),
            count: AtomicU64::default(),
            sum_ns: AtomicU64::default(),
            sparse: Sparse::default(),
        }
    }

    /// Counts a latency.
    pub fn observed(&self, latency: Duration) {
        let latency_ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        let within = |(bound_ns, _): &(u64, &str)| latency_ns <= *bound_ns;
        if let Some(place) = self.bounds.iter().position(within) {
            self.buckets[place].fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum_ns.fetch_add(latency_ns, Ordering::Relaxed);
        self.sparse.observed(latency_ns);
    }

    /// As it is now; `started_s`: since when it counts, in seconds since 1970.
    pub fn family(&self, name: &'static str, help: &'static str, started_s: f64) -> Family {
        let mut cumulative = 0;
        let buckets = self.bounds.iter().zip(&self.buckets);
        let buckets = buckets.map(|((_, label), count)| {
            cumulative += count.load(Ordering::Relaxed);
            (*label, cumulative)
        });
        let buckets: Vec<(&'static str, u64)> = buckets.collect();
        Family {
            name,
            help,
            kind: Kind::Histogram,
            samples: Samples::Latency(Latency {
                sparse: self.sparse.now(),
                count: self.count.load(Ordering::Relaxed).max(cumulative),
                buckets,
                sum_ns: self.sum_ns.load(Ordering::Relaxed),
                started_s,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::text;

    #[test]
    fn what_is_at_a_bound_is_within_it() {
        let histogram = Histogram::new(&[(1_000, "0.000001"), (2_000, "0.000002")]);
        for nanoseconds in [1_000, 1_001, 9_000] {
            histogram.observed(Duration::from_nanos(nanoseconds));
        }
        let text = text(&[histogram.family("a_seconds", "A.", 0.0)]);
        for line in [
            "a_seconds_bucket{le=\"0.000001\"} 1",
            "a_seconds_bucket{le=\"0.000002\"} 2",
            "a_seconds_bucket{le=\"+Inf\"} 3",
            "a_seconds_sum 0.000011001",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
