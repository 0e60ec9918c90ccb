//! The engine's own numbers, in the Prometheus text format.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the latency buckets, in nanoseconds, with their labels in seconds.
const BUCKETS: [(u64, &str); 18] = [
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
}

const RESULTS: [(Counted, &str); 9] = [
    (Counted::Accepted, "accepted"),
    (Counted::Rejected, "rejected"),
    (Counted::Cancelled, "cancelled"),
    (Counted::Replaced, "replaced"),
    (Counted::TooLate, "too-late"),
    (Counted::UnknownOrder, "unknown-order"),
    (Counted::Malformed, "malformed"),
    (Counted::Unavailable, "unavailable"),
    (Counted::Unknown, "unknown"),
];

#[derive(Debug, Default)]
struct Inner {
    buckets: [AtomicU64; BUCKETS.len()],
    latency_count: AtomicU64,
    latency_sum_ns: AtomicU64,
    results: [AtomicU64; RESULTS.len()],
    elections: AtomicU64,
}

/// Counters of this process; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Inner>);

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
        let latency_ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        if let Some(place) = BUCKETS
            .iter()
            .position(|(bound_ns, _)| latency_ns <= *bound_ns)
        {
            self.0.buckets[place].fetch_add(1, Ordering::Relaxed);
        }
        self.0.latency_count.fetch_add(1, Ordering::Relaxed);
        self.0
            .latency_sum_ns
            .fetch_add(latency_ns, Ordering::Relaxed);
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

    /// Everything, as text.
    pub fn render(&self, gauges: &Gauges) -> String {
        let mut text = String::new();
        self.render_latency(&mut text);
        text.push_str(
            "# HELP orders_total Order requests by result.\n# TYPE orders_total counter\n",
        );
        for (place, (_, name)) in RESULTS.iter().enumerate() {
            let count = self.0.results[place].load(Ordering::Relaxed);
            let _infallible = writeln!(text, "orders_total{{result=\"{name}\"}} {count}");
        }
        let elections = self.0.elections.load(Ordering::Relaxed);
        let lines = [
            (
                "raft_elections_total",
                "counter",
                "Changes of leader seen by this node.",
                elections,
            ),
            ("raft_term", "gauge", "Consensus term.", gauges.term),
            (
                "raft_is_leader",
                "gauge",
                "1 if this node leads.",
                u64::from(gauges.is_leader),
            ),
            (
                "raft_applied_index",
                "gauge",
                "Last applied log entry.",
                gauges.applied_index,
            ),
            (
                "raft_log_bytes",
                "gauge",
                "Payload of the log in memory.",
                gauges.log_bytes,
            ),
            (
                "engine_sequence",
                "gauge",
                "Engine sequence number.",
                gauges.sequence,
            ),
            (
                "orders_open",
                "gauge",
                "Orders in the books.",
                gauges.open_orders,
            ),
            (
                "orders_recorded",
                "gauge",
                "Orders on record.",
                gauges.orders,
            ),
        ];
        for (name, kind, help, value) in lines {
            let _infallible = writeln!(
                text,
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
            );
        }
        text
    }

    fn render_latency(&self, text: &mut String) {
        text.push_str(
            "# HELP order_latency_seconds From order request parsed to answer ready.\n# TYPE order_latency_seconds histogram\n",
        );
        let mut cumulative = 0;
        for (place, (_, label)) in BUCKETS.iter().enumerate() {
            cumulative += self.0.buckets[place].load(Ordering::Relaxed);
            let _infallible = writeln!(
                text,
                "order_latency_seconds_bucket{{le=\"{label}\"}} {cumulative}"
            );
        }
        let count = self.0.latency_count.load(Ordering::Relaxed).max(cumulative);
        let sum_ns = self.0.latency_sum_ns.load(Ordering::Relaxed);
        let _infallible = writeln!(
            text,
            "order_latency_seconds_bucket{{le=\"+Inf\"}} {count}\norder_latency_seconds_sum {}.{:09}\norder_latency_seconds_count {count}",
            sum_ns / 1_000_000_000,
            sum_ns % 1_000_000_000
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauges() -> Gauges {
        Gauges {
            term: 3,
            is_leader: true,
            applied_index: 9,
            sequence: 7,
            open_orders: 2,
            orders: 5,
            log_bytes: 0,
        }
    }

    #[test]
    fn the_histogram_is_cumulative_and_counts_what_is_beyond_the_last_bound() {
        let metrics = Metrics::default();
        metrics.answered(Counted::Accepted, Duration::from_micros(40));
        metrics.answered(Counted::Accepted, Duration::from_millis(2));
        metrics.answered(Counted::Unknown, Duration::from_secs(11));
        let text = metrics.render(&gauges());
        for line in [
            "order_latency_seconds_bucket{le=\"0.00005\"} 1",
            "order_latency_seconds_bucket{le=\"0.001\"} 1",
            "order_latency_seconds_bucket{le=\"0.002\"} 2",
            "order_latency_seconds_bucket{le=\"10\"} 2",
            "order_latency_seconds_bucket{le=\"+Inf\"} 3",
            "order_latency_seconds_sum 11.002040000",
            "order_latency_seconds_count 3",
            "orders_total{result=\"accepted\"} 2",
            "orders_total{result=\"unknown\"} 1",
            "raft_is_leader 1",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in\n{text}"
            );
        }
    }

    #[test]
    fn labels_say_what_the_bounds_are() {
        for (bound_ns, label) in BUCKETS {
            let seconds: f64 = label.parse().unwrap();
            assert!((seconds * 1e9 - bound_ns as f64).abs() < 1.0, "{label}");
        }
    }
}
