//! What the engine counts of itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::metrics::{Bounds, Counted, Family, Histogram, Metrics, Usage};

/// Bounds of latencies: fine around ten microseconds.
const BUCKETS: Bounds = &[
    (500, "0.0000005"),
    (1_000, "0.000001"),
    (2_000, "0.000002"),
    (3_000, "0.000003"),
    (4_000, "0.000004"),
    (5_000, "0.000005"),
    (6_000, "0.000006"),
    (7_000, "0.000007"),
    (8_000, "0.000008"),
    (9_000, "0.000009"),
    (10_000, "0.00001"),
    (12_000, "0.000012"),
    (15_000, "0.000015"),
    (20_000, "0.00002"),
    (50_000, "0.00005"),
    (100_000, "0.0001"),
    (1_000_000, "0.001"),
    (10_000_000, "0.01"),
    (100_000_000, "0.1"),
    (1_000_000_000, "1"),
];

/// Counts of one engine.
#[derive(Debug)]
pub(super) struct Stats {
    metrics: Metrics,
    queue_wait: Histogram,
    pub(super) let_in: AtomicU64,
    pub(super) queue_full: AtomicU64,
    pub(super) sessions: AtomicU64,
    pub(super) redis_connected: AtomicBool,
    pub(super) journal_lost: AtomicU64,
}

/// What is only known at the moment of asking.
#[derive(Debug, Clone, Copy)]
pub(super) struct Levels {
    pub(super) queue_length: usize,
    pub(super) queue_limit: usize,
    pub(super) rate_limit: u64,
    pub(super) risk_utilisation: f64,
    pub(super) open_orders: u64,
    pub(super) trades: u64,
    pub(super) journal_waiting: usize,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            metrics: Metrics::new(BUCKETS),
            queue_wait: Histogram::new(BUCKETS),
            let_in: AtomicU64::default(),
            queue_full: AtomicU64::default(),
            sessions: AtomicU64::default(),
            redis_connected: AtomicBool::default(),
            journal_lost: AtomicU64::default(),
        }
    }
}

impl Stats {
    /// An order was answered after the worker had it for so long.
    pub(super) fn answered(&self, result: Counted, latency: Duration) {
        self.metrics.answered(result, latency);
    }

    /// An order ended before any work on it.
    pub(super) fn refused(&self, result: Counted) {
        self.metrics.count(result);
    }

    /// The worker took an order that had waited for so long.
    pub(super) fn waited(&self, wait: Duration) {
        self.queue_wait.observed(wait);
    }

    /// Everything as it is now.
    pub(super) fn families(&self, levels: &Levels, usage: &Usage) -> Vec<Family> {
        let wait_help = "From order request read to taken by the worker.";
        let mut families = vec![
            self.metrics.latency("hft_order_latency_seconds"),
            self.queue_wait
                .family("hft_queue_wait_seconds", wait_help, 0.0),
        ];
        families.extend(self.counters(levels));
        families.extend(self.gauges(levels));
        families.extend(self.metrics.process());
        families.extend(usage.families());
        families
    }

    fn counters(&self, levels: &Levels) -> [Family; 7] {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let queue_full = read(&self.queue_full);
        let by_rate = self.metrics.count_of(Counted::Throttled) - queue_full;
        let errors = [Counted::Malformed, Counted::Unavailable, Counted::Unknown];
        let errors: u64 = errors.iter().map(|it| self.metrics.count_of(*it)).sum();
        [
            Family::counter(
                "hft_orders_total",
                "Order requests, whatever became of them.",
                self.metrics.answers(),
            ),
            Family::counter(
                "hft_orders_let_in_total",
                "Order requests that were within the limit on their rate.",
                read(&self.let_in),
            ),
            Family::counter(
                "hft_errors_total",
                "Order requests that made no sense or could not be executed.",
                errors,
            ),
            Family::counter(
                "hft_rejected_rate_limit_total",
                "Order requests beyond the limit on their rate.",
                by_rate,
            ),
            Family::counter(
                "hft_rejected_queue_full_total",
                "Order requests for which there was no room in the worker queue.",
                queue_full,
            ),
            Family::counter("hft_trades_total", "Trades.", levels.trades),
            Family::counter(
                "hft_journal_lost_total",
                "Commands that were not kept as Redis was away for too long, and pieces of the journal that it lost.",
                read(&self.journal_lost),
            ),
        ]
    }

    fn gauges(&self, levels: &Levels) -> [Family; 8] {
        let connected = self.redis_connected.load(Ordering::Relaxed);
        [
            Family::gauge(
                "hft_worker_queue_length",
                "Orders that wait for the worker.",
                levels.queue_length,
            ),
            Family::gauge(
                "hft_worker_queue_limit",
                "Orders that may wait for it.",
                levels.queue_limit,
            ),
            Family::gauge(
                "hft_rate_limit_per_second",
                "Orders that are let in a second.",
                levels.rate_limit,
            ),
            Family::gauge(
                "hft_risk_utilisation_ratio",
                "What the account that has most orders in the books uses of its limit.",
                format!("{:.6}", levels.risk_utilisation),
            ),
            Family::gauge(
                "hft_open_orders",
                "Orders in the books.",
                levels.open_orders,
            ),
            Family::gauge(
                "hft_sessions",
                "Connections of clients to the binary gateway.",
                self.sessions.load(Ordering::Relaxed),
            ),
            Family::gauge(
                "hft_redis_connected",
                "1 while there is a connection to Redis.",
                u8::from(connected),
            ),
            Family::gauge(
                "hft_journal_waiting_bytes",
                "What of the journal is not in Redis yet.",
                levels.journal_waiting,
            ),
        ]
    }
}
