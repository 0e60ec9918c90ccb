//! Latencies in narrow buckets: eight for each power of two, as a native histogram of Prometheus with the schema 3 has them.

use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets for each power of two are 2 to the power of this.
pub(super) const SCHEMA: i64 = 3;

/// The bucket that ends just above a nanosecond; those before it stay empty.
const FIRST: i32 = -240;

/// Up to about two hours and a half; what is longer is in the last.
const BUCKETS: usize = 346;

/// A bucket with something in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bucket {
    /// It holds what is above 2^((index-1)/8) seconds and at most 2^(index/8).
    pub(super) index: i32,
    pub(super) count: u64,
}

/// Counts of all buckets.
#[derive(Debug)]
pub(super) struct Sparse([AtomicU64; BUCKETS]);

impl Default for Sparse {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::default()))
    }
}

impl Sparse {
    /// Counts a latency; none at all counts as a nanosecond.
    pub(super) fn observed(&self, latency_ns: u64) {
        let seconds = latency_ns.max(1) as f64 / 1e9;
        let index = (seconds.log2() * 8.0).ceil() as i32;
        let place = usize::try_from(index - FIRST).unwrap_or(0);
        self.0[place.min(BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
    }

    /// Buckets that are not empty, in their order.
    pub(super) fn now(&self) -> Vec<Bucket> {
        let all = (FIRST..).zip(&self.0);
        all.map(|(index, count)| Bucket {
            index,
            count: count.load(Ordering::Relaxed),
        })
        .filter(|bucket| bucket.count > 0)
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_lies_between_the_bounds_of_its_bucket() {
        for latency_ns in [
            1,
            999,
            10_000,
            43_217,
            1_000_000,
            999_999_999,
            60_000_000_000,
        ] {
            let sparse = Sparse::default();
            sparse.observed(latency_ns);
            let [bucket] = sparse.now()[..] else {
                panic!("{latency_ns} is in one bucket");
            };
            let bound = |index: i32| (f64::from(index) / 8.0).exp2() * 1e9;
            let latency = latency_ns as f64;
            assert!(
                bound(bucket.index - 1) < latency * 1.000_001,
                "{latency_ns}"
            );
            assert!(latency <= bound(bucket.index) * 1.000_001, "{latency_ns}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_in_the_outermost_buckets() {
        let sparse = Sparse::default();
        sparse.observed(0);
        sparse.observed(u64::MAX);
        let indices: Vec<i32> = sparse.now().iter().map(|bucket| bucket.index).collect();
        assert_eq!(indices, [-239, 105]);
    }
}
