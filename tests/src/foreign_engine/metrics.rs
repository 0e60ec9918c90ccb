//! The foreign engine's own latency histogram, in Prometheus text format.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds in seconds, as text, and in nanoseconds.
const BOUNDS: [(&str, u64); 7] = [
    ("0.0001", 100_000),
    ("0.0005", 500_000),
    ("0.001", 1_000_000),
    ("0.005", 5_000_000),
    ("0.025", 25_000_000),
    ("0.1", 100_000_000),
    ("1", 1_000_000_000),
];

/// Counts of orders by the time that the engine took for them.
#[derive(Debug, Default)]
pub struct LatencyBuckets {
    counts: [AtomicU64; BOUNDS.len()],
    total: AtomicU64,
    sum_ns: AtomicU64,
}

impl LatencyBuckets {
    /// Counts one order that took `elapsed_ns`.
    pub fn record(&self, elapsed_ns: u64) {
        for (count, (_, bound_ns)) in self.counts.iter().zip(BOUNDS) {
            if elapsed_ns <= bound_ns {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.total.fetch_add(1, Ordering::Relaxed);
        self.sum_ns.fetch_add(elapsed_ns, Ordering::Relaxed);
    }

    /// The page; without the histogram when `complete` is false.
    pub fn page(&self, complete: bool) -> String {
        let mut page = String::from("# TYPE foreign_up gauge\nforeign_up 1\n");
        if !complete {
            return page;
        }
        let total = self.total.load(Ordering::Relaxed);
        page.push_str("# TYPE foreign_order_seconds histogram\n");
        for (count, (bound, _)) in self.counts.iter().zip(BOUNDS) {
            let count = count.load(Ordering::Relaxed);
            page.push_str(&format!(
                "foreign_order_seconds_bucket{{le=\"{bound}\"}} {count}\n"
            ));
        }
        let sum_s = self.sum_ns.load(Ordering::Relaxed) as f64 / 1e9;
        page.push_str(&format!(
            "foreign_order_seconds_bucket{{le=\"+Inf\"}} {total}\n\
             foreign_order_seconds_sum {sum_s}\nforeign_order_seconds_count {total}\n"
        ));
        page
    }
}
