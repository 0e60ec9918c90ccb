//! Bandwidth: how many bytes may leave now, and when the next may.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Credit that an idle link keeps. It makes good for waking up late and lets a short message through at once.
const CREDIT_NS: u64 = 5_000_000;

/// Least and most bytes of one piece: a packet, and what one read takes.
const PIECE: std::ops::RangeInclusive<u64> = 1_448..=16_384;

/// A token bucket, kept as the moment at which all that was sent would have left at the asked rate.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bucket {
    bytes_per_s: Option<u64>,
    sent_at_ns: u64,
}

/// A bucket for all links over which one end sends, so that it has one bandwidth. Clones are the same bucket.
#[derive(Debug, Clone, Default)]
pub struct SharedBucket(Arc<Mutex<Bucket>>);

impl SharedBucket {
    pub(super) fn lock(&self) -> MutexGuard<'_, Bucket> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bucket of a direction that is limited, or one that limits nothing.
#[derive(Debug)]
pub(super) enum BucketInUse<'a> {
    Shared(MutexGuard<'a, Bucket>),
    Unlimited(Bucket),
}

impl Deref for BucketInUse<'_> {
    type Target = Bucket;

    fn deref(&self) -> &Bucket {
        match self {
            BucketInUse::Shared(bucket) => bucket,
            BucketInUse::Unlimited(bucket) => bucket,
        }
    }
}

impl DerefMut for BucketInUse<'_> {
    fn deref_mut(&mut self) -> &mut Bucket {
        match self {
            BucketInUse::Shared(bucket) => bucket,
            BucketInUse::Unlimited(bucket) => bucket,
        }
    }
}

impl Bucket {
    /// Takes another rate from now on; without one, nothing is limited.
    pub fn set_rate(&mut self, bytes_per_s: Option<u64>, now_ns: u64) {
        if self.bytes_per_s != bytes_per_s {
            *self = Bucket {
                bytes_per_s,
                sent_at_ns: now_ns,
            };
        }
    }

    /// Most bytes that may leave at once, so that connections take turns.
    pub fn piece(&self) -> usize {
        match self.bytes_per_s {
            Some(rate) => (rate / 200).clamp(*PIECE.start(), *PIECE.end()) as usize,
            None => usize::MAX,
        }
    }

    /// Grants a piece of so many bytes: returns when it may leave, which may have been before now. Whoever asks first
    /// is granted the earlier moment, so that connections that all want more take turns.
    pub fn grant(&mut self, bytes: usize, now_ns: u64) -> u64 {
        let Some(rate) = self.bytes_per_s else {
            return 0;
        };
        let cost_ns = (bytes as u128 * 1_000_000_000 / u128::from(rate)) as u64;
        let at_ns = self.sent_at_ns.max(now_ns.saturating_sub(CREDIT_NS));
        self.sent_at_ns = at_ns + cost_ns;
        at_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that leave within a second if one looks every `every_ns`.
    fn sent_in_a_second(every_ns: u64) -> usize {
        let start_ns = 1_000_000_000;
        let mut bucket = Bucket::default();
        bucket.set_rate(Some(1_000_000), start_ns);
        let mut sent = 0;
        let mut granted_ns = bucket.grant(bucket.piece(), start_ns);
        for now_ns in (start_ns..start_ns + 1_000_000_000).step_by(every_ns as usize) {
            while granted_ns <= now_ns {
                sent += bucket.piece();
                granted_ns = bucket.grant(bucket.piece(), now_ns);
            }
        }
        sent
    }

    #[test]
    fn the_rate_is_kept_even_by_one_who_wakes_late() {
        for every_ns in [10_000, 100_000, 1_000_000, 4_000_000] {
            let sent = sent_in_a_second(every_ns);
            assert!((985_000..1_020_000).contains(&sent), "{sent} at {every_ns}");
        }
        let sent = sent_in_a_second(50_000_000);
        assert!(sent < 500_000, "credit is bounded, but {sent} were sent");
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.grant(1 << 30, 5), 0);
        assert_eq!(bucket.grant(1, 5), 0);
        assert_eq!(bucket.piece(), usize::MAX);
    }

    #[test]
    fn the_same_rate_again_keeps_the_debt() {
        let mut bucket = Bucket::default();
        bucket.set_rate(Some(1_000), 10);
        bucket.grant(2_000, 10);
        bucket.set_rate(Some(1_000), 20);
        assert_eq!(bucket.grant(1, 20), 2_000_000_010);
        bucket.set_rate(Some(2_000), 30);
        assert_eq!(bucket.grant(1, 30), 30);
    }
}
