//! What the go-betweens of a run cost: userspace links, through which connections are led so that they can be slow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a userspace link adds to a round trip, measured before the run: small messages through a link and past it, in
/// turn, on loopback. Times in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkOverhead {
    /// Links of this run.
    pub links: u32,
    /// Round trips each way.
    pub round_trips: u64,
    pub direct_p50_ns: u64,
    pub direct_p99_ns: u64,
    pub through_p50_ns: u64,
    pub through_p99_ns: u64,
}

impl LinkOverhead {
    /// What a link adds: the greater of the differences of the medians and of the 99th percentiles.
    pub fn added_ns(&self) -> u64 {
        let p50_ns = self.through_p50_ns.saturating_sub(self.direct_p50_ns);
        let p99_ns = self.through_p99_ns.saturating_sub(self.direct_p99_ns);
        p50_ns.max(p99_ns)
    }

    /// True when that is more than a tenth of a limit on latency, so that the links must not decide about it.
    pub fn is_too_much_for(&self, limit_ns: u64) -> bool {
        self.added_ns() > limit_ns / 10
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greater_difference_counts_against_a_tenth_of_the_limit() {
        let overhead = LinkOverhead {
            links: 3,
            round_trips: 100,
            direct_p50_ns: 30_000,
            direct_p99_ns: 100_000,
            through_p50_ns: 80_000,
            through_p99_ns: 180_000,
        };
        assert_eq!(overhead.added_ns(), 80_000);
        assert!(!overhead.is_too_much_for(800_000));
        assert!(overhead.is_too_much_for(799_990));
        assert_eq!(LinkOverhead::default().added_ns(), 0);
    }
}
