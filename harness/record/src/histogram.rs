//! Latency histograms: HDR, merged without loss, never averaged, and honest about having no samples.

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Highest latency that is told apart, in nanoseconds: one hour.
pub const MAX_NS: u64 = 3_600_000_000_000;

/// Latencies in nanoseconds at three significant digits.
#[derive(Debug, Clone)]
pub struct LatencyHistogram {
    inner: Histogram<u64>,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        let inner = Histogram::new_with_bounds(1, MAX_NS, 3).expect("constant bounds are valid");
        Self { inner }
    }
}

impl LatencyHistogram {
    /// Records one latency; below 1 ns counts as 1 ns, above an hour as an hour.
    pub fn record(&mut self, latency_ns: u64) {
        self.inner.saturating_record(latency_ns.max(1));
    }

    /// Adds all samples of another histogram.
    pub fn merge(&mut self, other: &LatencyHistogram) {
        self.inner
            .add(&other.inner)
            .expect("all latency histograms share their bounds");
    }

    /// Takes the samples of another histogram away again, all of which are in this one.
    pub fn take_away(&mut self, part: &LatencyHistogram) {
        self.inner
            .subtract(&part.inner)
            .expect("a part of a histogram has the same bounds and no more samples");
    }

    /// Number of samples.
    pub fn count(&self) -> u64 {
        self.inner.len()
    }

    /// Latency at a quantile (0 to 1) in nanoseconds; `None` without samples, never 0.
    pub fn quantile_ns(&self, quantile: f64) -> Option<u64> {
        (!self.inner.is_empty())
            .then(|| self.inner.value_at_quantile(quantile).min(self.inner.max()))
    }

    /// Interval in which the quantile lies with 95 % confidence, in nanoseconds.
    ///
    /// Order statistics of the binomial distribution by its normal approximation (David and Nagaraja, Order
    /// Statistics, section 7.1); samples are taken as independent, which queues make optimistic.
    pub fn quantile_interval_ns(&self, quantile: f64) -> Option<(u64, u64)> {
        let n = self.count() as f64;
        let half = 1.96 * (quantile * (1.0 - quantile) / n).sqrt();
        Some((
            self.quantile_ns((quantile - half).max(0.0))?,
            self.quantile_ns((quantile + half).min(1.0))?,
        ))
    }

    /// The figures that go into `record.json`.
    pub fn summary(&self) -> LatencySummary {
        LatencySummary {
            count: self.count(),
            p50_ns: self.quantile_ns(0.50),
            p95_ns: self.quantile_ns(0.95),
            p99_ns: self.quantile_ns(0.99),
            p999_ns: self.quantile_ns(0.999),
            max_ns: (self.count() > 0).then(|| self.inner.max()),
        }
    }

    /// Values that stand for what was recorded, each with its count: what [`LatencyHistogram::of_counts`] makes the same
    /// histogram of.
    pub fn counts(&self) -> Vec<(u64, u64)> {
        let recorded = self.inner.iter_recorded();
        recorded
            .map(|bucket| {
                (
                    bucket.value_iterated_to(),
                    bucket.count_since_last_iteration(),
                )
            })
            .collect()
    }

    /// The histogram of these values in nanoseconds, each recorded so many times.
    pub fn of_counts(counts: &[(u64, u64)]) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::default();
        for (value_ns, count) in counts {
            histogram
                .inner
                .saturating_record_n((*value_ns).max(1), *count);
        }
        histogram
    }

    /// The HDR histogram, for serialisation.
    pub fn hdr(&self) -> &Histogram<u64> {
        &self.inner
    }
}

/// A histogram in the memory of the values that it holds: for many that are kept at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackedHistogram {
    counts: Box<[(u64, u64)]>,
}

impl PackedHistogram {
    /// Packs a histogram without loss.
    pub fn of(histogram: &LatencyHistogram) -> Self {
        Self {
            counts: histogram.counts().into(),
        }
    }

    /// The histogram that was packed.
    pub fn unpack(&self) -> LatencyHistogram {
        LatencyHistogram::of_counts(&self.counts)
    }

    /// Number of samples.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }
}

/// Quantiles of one phase in nanoseconds. Without samples the count is 0 and every quantile is null.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LatencySummary {
    pub count: u64,
    pub p50_ns: Option<u64>,
    pub p95_ns: Option<u64>,
    pub p99_ns: Option<u64>,
    pub p999_ns: Option<u64>,
    pub max_ns: Option<u64>,
}

#[cfg(test)]
mod tests {
    use proptest::{collection, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn no_samples_is_null_and_not_zero() {
        let summary = LatencyHistogram::default().summary();
        assert_eq!(summary, LatencySummary::default());
        assert_eq!(LatencyHistogram::default().quantile_interval_ns(0.99), None);
    }

    #[test]
    fn quantiles_are_within_three_digits() {
        let mut histogram = LatencyHistogram::default();
        (1..=10_000u64).for_each(|us| histogram.record(us * 1_000));
        let p99_ns = histogram.quantile_ns(0.99).unwrap();
        assert!(p99_ns.abs_diff(9_900_000) < 9_900_000 / 500, "{p99_ns}");
        let (low, high) = histogram.quantile_interval_ns(0.99).unwrap();
        assert!(low < p99_ns && p99_ns < high);
    }

    #[test]
    fn merging_equals_recording_the_union() {
        let (mut left, mut right, mut both) =
            <(LatencyHistogram, LatencyHistogram, LatencyHistogram)>::default();
        for ns in 1..2_000u64 {
            if ns % 3 == 0 {
                left.record(ns * 777)
            } else {
                right.record(ns * 777)
            }
            both.record(ns * 777);
        }
        left.merge(&right);
        assert_eq!(left.summary(), both.summary());
    }

    proptest! {
        /// Whatever is recorded where, told by counts and merged, is what one histogram would have recorded.
        #[test]
        fn shards_told_by_their_counts_are_the_union(
            samples in collection::vec((0..4usize, 0..2 * MAX_NS), 0..400)
        ) {
            let mut shards = vec![LatencyHistogram::default(); 4];
            let mut union = LatencyHistogram::default();
            for (shard, ns) in samples {
                shards[shard].record(ns);
                union.record(ns);
            }
            let mut merged = LatencyHistogram::default();
            for shard in &shards {
                merged.merge(&LatencyHistogram::of_counts(&shard.counts()));
            }
            prop_assert_eq!(merged.counts(), union.counts());
            prop_assert_eq!(merged.summary(), union.summary());
        }
    }
}
