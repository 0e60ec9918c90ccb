//! A ceiling on requests per second, shared by everything that asks the same target.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets at most so many callers a second pass.
#[derive(Debug)]
pub struct Limiter {
    gap: Option<Duration>,
    next: Mutex<Option<Instant>>,
}

impl Limiter {
    /// At most `rate_per_s` a second; `None` is no ceiling.
    pub fn per_second(rate_per_s: Option<f64>) -> Self {
        let gap = rate_per_s
            .filter(|rate| *rate > 0.0)
            .map(|rate| Duration::from_secs_f64(1.0 / rate));
        Self {
            gap,
            next: Mutex::new(None),
        }
    }

    /// Waits for one's turn.
    pub async fn turn(&self) {
        let Some(gap) = self.gap else { return };
        let turn = self.book(Instant::now(), gap);
        tokio::time::sleep_until(turn.into()).await;
    }

    /// Books the next free instant. One that was missed is lost: there is no burst after a pause.
    fn book(&self, now: Instant, gap: Duration) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = next.map_or(now, |next| next.max(now));
        *next = Some(turn + gap);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_a_gap_apart_and_a_pause_earns_no_burst() {
        let limiter = Limiter::per_second(Some(100.0));
        let (start, gap) = (Instant::now(), Duration::from_millis(10));
        assert_eq!(limiter.book(start, gap), start);
        assert_eq!(limiter.book(start, gap), start + gap);
        let later = start + Duration::from_secs(5);
        assert_eq!(limiter.book(later, gap), later);
        assert_eq!(limiter.book(later, gap), later + gap);
    }
}
