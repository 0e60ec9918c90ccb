//! One monotonic clock per host.
//!
//! Every time in a run is a reading of `CLOCK_MONOTONIC` on the host that runs Shakedown, so that neither NTP
//! steps nor time zones can reorder events. *Zero* is the intended time of the first slot.

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Nanoseconds of `CLOCK_MONOTONIC` now.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Nanoseconds of the wall clock since 1970 now: only to be held against times that others wrote.
pub fn wall_ns() -> u64 {
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The zero of a run's time: the monotonic reading at which the first slot was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunZero {
    /// `CLOCK_MONOTONIC` in nanoseconds.
    pub mono_ns: u64,
}

impl RunZero {
    /// Nanoseconds from zero to a monotonic reading; negative before the load began.
    pub fn since_ns(self, mono_ns: u64) -> i64 {
        mono_ns as i64 - self.mono_ns as i64
    }

    /// Seconds from zero to a monotonic reading.
    pub fn since_s(self, mono_ns: u64) -> f64 {
        self.since_ns(mono_ns) as f64 / 1e9
    }
}
