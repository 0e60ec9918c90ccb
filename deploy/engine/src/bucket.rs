//! A bucket of tokens: so many a second, and not many more at once.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a full bucket holds: the tokens of this long.
const FULL: Duration = Duration::from_millis(50);

/// One unit is the billionth part of a token.
const TOKEN: u128 = 1_000_000_000;

/// A limit on how often something happens.
#[derive(Debug)]
pub struct Bucket {
    per_s: u64,
    /// What it holds, in units, and since when.
    held: Mutex<(u128, Instant)>,
}

impl Bucket {
    /// A full one, of `per_s` tokens a second.
    pub fn new(per_s: u64) -> Self {
        Self {
            per_s,
            held: Mutex::new((full(per_s), Instant::now())),
        }
    }

    /// Tokens a second.
    pub fn per_s(&self) -> u64 {
        self.per_s
    }

    /// Takes a token at `now`; false when there is none.
    pub fn take(&self, now: Instant) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let gained = now.saturating_duration_since(held.1).as_nanos() * u128::from(self.per_s);
        let units = (held.0 + gained).min(full(self.per_s));
        let takes = units >= TOKEN;
        *held = (if takes { units - TOKEN } else { units }, now.max(held.1));
        takes
    }
}

/// One token at least, or it would never give any.
fn full(per_s: u64) -> u128 {
    (FULL.as_nanos() * u128::from(per_s)).max(TOKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of those that come every `gap` for so long are let in.
    fn taken(bucket: &Bucket, gap: Duration, over: Duration) -> u64 {
        let start = bucket.held.lock().unwrap().1;
        let mut at = Duration::ZERO;
        let mut count = 0;
        while at < over {
            count += u64::from(bucket.take(start + at));
            at += gap;
        }
        count
    }

    #[test]
    fn no_more_than_the_limit_comes_through_beside_a_full_bucket() {
        let twice = taken(
            &Bucket::new(100_000),
            Duration::from_micros(5),
            Duration::from_secs(1),
        );
        assert!((104_900..=105_001).contains(&twice), "{twice}");
        let below = taken(
            &Bucket::new(100_000),
            Duration::from_micros(11),
            Duration::from_secs(1),
        );
        assert_eq!(below, 90_910);
    }

    #[test]
    fn a_slow_one_gives_one_at_a_time_and_time_that_goes_back_gives_nothing() {
        let bucket = Bucket::new(2);
        let start = Instant::now();
        assert!(bucket.take(start) && !bucket.take(start));
        assert!(!bucket.take(start + Duration::from_millis(400)));
        assert!(bucket.take(start + Duration::from_millis(600)));
        assert!(!bucket.take(start));
    }
}
