//! What FlashMM counts of itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::quality::Quality;
use crate::metrics::{Bounds, Family, Histogram, Metrics, Usage};

/// Bounds of the time of an inference.
const INFERENCE: Bounds = &[
    (10_000, "0.00001"),
    (50_000, "0.00005"),
    (100_000, "0.0001"),
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_000_000, "0.002"),
    (3_000_000, "0.003"),
    (4_000_000, "0.004"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (100_000_000, "0.1"),
];

/// Counts of one market maker.
#[derive(Debug)]
pub(super) struct Stats {
    pub(super) requests: Metrics,
    pub(super) quality: Mutex<Quality>,
    pub(super) inference: Histogram,
    pub(super) inference_timeouts: AtomicU64,
    pub(super) quotes: AtomicU64,
    pub(super) stale_quotes: AtomicU64,
    /// In microseconds.
    quote_age_us: AtomicU64,
    pub(super) fills: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) rows_dropped: AtomicU64,
    pub(super) points: AtomicU64,
    pub(super) database: AtomicBool,
    pub(super) redis: AtomicBool,
    pub(super) influx: AtomicBool,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            requests: Metrics::default(),
            quality: Mutex::default(),
            inference: Histogram::new(INFERENCE),
            inference_timeouts: AtomicU64::default(),
            quotes: AtomicU64::default(),
            stale_quotes: AtomicU64::default(),
            quote_age_us: AtomicU64::default(),
            fills: AtomicU64::default(),
            errors: AtomicU64::default(),
            rows_dropped: AtomicU64::default(),
            points: AtomicU64::default(),
            database: AtomicBool::default(),
            redis: AtomicBool::default(),
            influx: AtomicBool::default(),
        }
    }
}

impl Stats {
    /// The quotes, and how good they are.
    pub(super) fn quality(&self) -> MutexGuard<'_, Quality> {
        self.quality.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A quote goes by a price that was seen so long ago.
    pub(super) fn quoted_by(&self, age: Duration) {
        let age_us = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
        self.quote_age_us.store(age_us, Ordering::Relaxed);
    }

    /// Something went wrong.
    pub(super) fn error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Everything as it is now.
    pub(super) fn families(&self, usage: &Usage) -> Vec<Family> {
        let help = "How long an inference took, at most until it was given up.";
        let mut families = vec![
            self.requests.latency("flashmm_api_latency_seconds"),
            self.inference
                .family("flashmm_inference_seconds", help, 0.0),
        ];
        families.extend(self.counters());
        families.extend(self.stores());
        families.extend(self.goodness());
        families.extend(self.requests.process());
        families.extend(usage.families());
        families
    }

    fn counters(&self) -> [Family; 8] {
        let counter = |name, help, count: &AtomicU64| {
            Family::counter(name, help, count.load(Ordering::Relaxed))
        };
        [
            Family::counter(
                "flashmm_requests_total",
                "Requests that change anything, whatever became of them.",
                self.requests.answers(),
            ),
            counter("flashmm_quotes_total", "Own quotes.", &self.quotes),
            counter(
                "flashmm_stale_quotes_total",
                "Own quotes by a price that was seen more than 500 ms before.",
                &self.stale_quotes,
            ),
            counter(
                "flashmm_fills_total",
                "Fills that were booked.",
                &self.fills,
            ),
            counter(
                "flashmm_inference_timeouts_total",
                "Inferences that were given up: the baseline was quoted.",
                &self.inference_timeouts,
            ),
            counter(
                "flashmm_errors_total",
                "Requests that could not be done.",
                &self.errors,
            ),
            counter(
                "flashmm_rows_dropped_total",
                "Quotes and fills that the database did not get.",
                &self.rows_dropped,
            ),
            counter(
                "flashmm_points_total",
                "Points that were kept.",
                &self.points,
            ),
        ]
    }

    fn stores(&self) -> [Family; 3] {
        let gauge = |name, help, is: &AtomicBool| {
            Family::gauge(name, help, u8::from(is.load(Ordering::Relaxed)))
        };
        [
            gauge(
                "flashmm_database_connected",
                "1 while there is a connection to PostgreSQL.",
                &self.database,
            ),
            gauge(
                "flashmm_redis_connected",
                "1 while there is a connection to Redis.",
                &self.redis,
            ),
            gauge(
                "flashmm_influx_connected",
                "1 while InfluxDB takes the points.",
                &self.influx,
            ),
        ]
    }

    fn goodness(&self) -> Vec<Family> {
        let age_us = self.quote_age_us.load(Ordering::Relaxed);
        let mut families = vec![Family::gauge(
            "flashmm_quote_age_seconds",
            "How old the price was by which the last quote went.",
            format!("{:.6}", age_us as f64 / 1e6),
        )];
        let quality = self.quality();
        families.extend(quality.fill_rate().map(|rate| {
            Family::gauge(
                "flashmm_fill_rate_ratio",
                "Filled share of the quantity of the last 1000 quotes that ended.",
                format!("{rate:.6}"),
            )
        }));
        if let Some((own, baseline)) = quality.spreads() {
            families.extend([
                Family::gauge(
                    "flashmm_spread_bps",
                    "Mean spread of the last 1000 quotes.",
                    format!("{own:.4}"),
                ),
                Family::gauge(
                    "flashmm_baseline_spread_bps",
                    "Mean spread that the baseline would have had.",
                    format!("{baseline:.4}"),
                ),
                Family::gauge(
                    "flashmm_spread_improvement_ratio",
                    "By which share the spread is narrower than that of the baseline.",
                    format!("{:.6}", 1.0 - own / baseline),
                ),
            ]);
        }
        families
    }
}
