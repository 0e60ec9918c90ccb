//! The engine's own numbers as they are counted, and as they stand at a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::family::{Family, Kind, Samples};
use super::histogram::{Bounds, Histogram};
use super::process::resident_bytes;

/// Upper bounds of the latency of orders.
const BUCKETS: Bounds = &[
    (10_000, "0.00001"),
    (25_000, "0.000025"),
    (50_000, "0.00005"),
    (100_000, "0.0001"),
    (250_000, "0.00025"),
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_000_000, "0.002"),
    (3_000_000, "0.003"),
    (5_000_000, "0.005"),
    (7_500_000, "0.0075"),
    (10_000_000, "0.01"),
    (20_000_000, "0.02"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (1_000_000_000, "1"),
    (5_000_000_000, "5"),
    (10_000_000_000, "10"),
];

/// How a request ended, as counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// A new order was accepted.
    Accepted,
    /// A rule refused it.
    Rejected,
    /// An order was cancelled.
    Cancelled,
    /// An order was replaced.
    Replaced,
    /// The order was no longer open.
    TooLate,
    /// There is no such order.
    UnknownOrder,
    /// The request made no sense.
    Malformed,
    /// Definitely not executed.
    Unavailable,
    /// Nobody knows.
    Unknown,
    /// There were too many: definitely not executed.
    Throttled,
}

const RESULTS: [(Counted, &str); 10] = [
    (Counted::Accepted, "accepted"),
    (Counted::Rejected, "rejected"),
    (Counted::Cancelled, "cancelled"),
    (Counted::Replaced, "replaced"),
    (Counted::TooLate, "too-late"),
    (Counted::UnknownOrder, "unknown-order"),
    (Counted::Malformed, "malformed"),
    (Counted::Unavailable, "unavailable"),
    (Counted::Unknown, "unknown"),
    (Counted::Throttled, "throttled"),
];

#[derive(Debug)]
struct Inner {
    /// When this process began to count, in seconds since 1970.
    started_s: f64,
    latency: Histogram,
    results: [AtomicU64; RESULTS.len()],
    elections: AtomicU64,
    append_failures: AtomicU64,
}

/// Counters of this process; cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Inner>);

impl Default for Metrics {
    fn default() -> Self {
        Self::new(BUCKETS)
    }
}

impl Metrics {
    /// With the latency of orders in these buckets.
    #[expect(
        clippy::disallowed_methods,
        reason = "process_start_time_seconds is a date by its own definition"
    )]
    pub fn new(bounds: Bounds) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self(Arc::new(Inner {
            started_s: since.map_or(0.0, |since| since.as_secs_f64()),
            latency: Histogram::new(bounds),
            results: Default::default(),
            elections: AtomicU64::default(),
            append_failures: AtomicU64::default(),
        }))
    }
}

/// What is only known at the moment of asking.
#[derive(Debug, Clone, Copy)]
pub struct Gauges {
    /// The consensus term.
    pub term: u64,
    /// This node leads.
    pub is_leader: bool,
    /// The index of the last applied entry.
    pub applied_index: u64,
    /// The engine sequence number.
    pub sequence: u64,
    /// Orders in the books.
    pub open_orders: u64,
    /// Orders on record.
    pub orders: u64,
    /// Payload of the log in memory, in bytes.
    pub log_bytes: u64,
}

impl Metrics {
    /// A request was answered after `latency`, from parsed to answer ready.
    pub fn answered(&self, result: Counted, latency: Duration) {
        self.0.latency.observed(latency);
        self.count(result);
    }

    /// A request ended before it could be timed.
    pub fn count(&self, result: Counted) {
        if let Some(place) = RESULTS.iter().position(|(known, _)| *known == result) {
            self.0.results[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// This node saw another leader come.
    pub fn elected(&self) {
        self.0.elections.fetch_add(1, Ordering::Relaxed);
    }

    /// A batch of log entries did not get to another node.
    pub fn append_failed(&self) {
        self.0.append_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Everything as it is now.
    pub fn families(&self, gauges: &Gauges) -> Vec<Family> {
        let mut families = vec![self.latency("order_latency_seconds"), self.results()];
        families.extend(self.process());
        let elections = self.elections();
        let append_failures = self.0.append_failures.load(Ordering::Relaxed);
        let failures = "Batches of log entries that did not get to another node.";
        let changes = "Changes of leader seen by this node.";
        let counters = [
            ("raft_append_failures_total", failures, append_failures),
            ("raft_elections_total", changes, elections),
        ];
        let leads = u64::from(gauges.is_leader);
        let levels = [
            ("raft_term", "Consensus term.", gauges.term),
            ("raft_is_leader", "1 if this node leads.", leads),
            (
                "raft_applied_index",
                "Last applied log entry.",
                gauges.applied_index,
            ),
            (
                "raft_log_bytes",
                "Payload of the log in memory.",
                gauges.log_bytes,
            ),
            (
                "engine_sequence",
                "Engine sequence number.",
                gauges.sequence,
            ),
            ("orders_open", "Orders in the books.", gauges.open_orders),
            ("orders_recorded", "Orders on record.", gauges.orders),
        ];
        let family = |kind: Kind| {
            move |(name, help, value): (&'static str, &'static str, u64)| Family {
                name,
                help,
                kind,
                samples: Samples::One(value.to_string()),
            }
        };
        families.extend(counters.into_iter().map(family(Kind::Counter)));
        families.extend(levels.into_iter().map(family(Kind::Gauge)));
        families
    }

    fn results(&self) -> Family {
        let counts = RESULTS.iter().enumerate().map(|(place, (_, name))| {
            let count = self.0.results[place].load(Ordering::Relaxed);
            (*name, count.to_string())
        });
        Family {
            name: "orders_total",
            help: "Order requests by result.",
            kind: Kind::Counter,
            samples: Samples::By("result", counts.collect()),
        }
    }

    /// Under the names that every client library of Prometheus uses.
    pub fn process(&self) -> impl Iterator<Item = Family> {
        let gauge = |name, help, value: String| Family {
            name,
            help,
            kind: Kind::Gauge,
            samples: Samples::One(value),
        };
        let started = gauge(
            "process_start_time_seconds",
            "When this process began, since 1970.",
            format!("{:.3}", self.0.started_s),
        );
        let resident = resident_bytes().map(|bytes| {
            gauge(
                "process_resident_memory_bytes",
                "Memory of this process.",
                bytes.to_string(),
            )
        });
        [started].into_iter().chain(resident)
    }

    /// Its latency of orders under this name.
    pub fn latency(&self, name: &'static str) -> Family {
        let help = "From order request parsed to answer ready.";
        self.0.latency.family(name, help, self.0.started_s)
    }

    /// How many requests ended so.
    pub fn count_of(&self, result: Counted) -> u64 {
        let place = RESULTS.iter().position(|(known, _)| *known == result);
        place.map_or(0, |place| self.0.results[place].load(Ordering::Relaxed))
    }

    /// How many requests were answered, in whatever way.
    pub fn answers(&self) -> u64 {
        let results = self.0.results.iter();
        results.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// How often this node saw another leader come.
    pub fn elections(&self) -> u64 {
        self.0.elections.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_say_what_the_bounds_are() {
        for (bound_ns, label) in BUCKETS {
            let seconds: f64 = label.parse().unwrap();
            assert!((seconds * 1e9 - *bound_ns as f64).abs() < 1.0, "{label}");
        }
    }
}
