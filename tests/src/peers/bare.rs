//! How late this machine wakes a real-time thread that does nothing else: what no generator can be earlier than.

use std::io;
use std::num::NonZeroU64;
use std::path::Path;
use std::process::Command;

use rustix::thread::{ClockId, clock_nanosleep_absolute, set_current_timer_slack};
use rustix::time::{Timespec, clock_gettime};

/// A sleep of 50 microseconds, which is what the highest rate of the comparison asks for, for half a second.
const FOR_NS: u64 = 50_000;
const TIMES: usize = 10_000;

/// How late such a thread is woken at P99, in microseconds, on the cores of the caller; `program` is `peers`, which is
/// started for it by `chrt`. Nothing where that may not have a real-time thread.
pub(super) fn wake_p99_us(program: &Path) -> Option<f64> {
    let output = Command::new("chrt")
        .args(["--fifo", "50"])
        .arg(program)
        .arg("--bare")
        .output()
        .ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

/// What `peers --bare` prints: how late this thread is woken at P99, in microseconds.
///
/// # Errors
/// When the kernel refuses to wake it.
pub fn woken_late_p99_us() -> io::Result<f64> {
    // Without this the kernel may be 50 microseconds late on purpose.
    set_current_timer_slack(NonZeroU64::new(1))?;
    let mut late_ns = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let due_ns = now_ns() + FOR_NS;
        clock_nanosleep_absolute(ClockId::Monotonic, &moment(due_ns))?;
        late_ns.push(now_ns().saturating_sub(due_ns));
    }
    Ok(p99(late_ns) as f64 / 1e3)
}

fn now_ns() -> u64 {
    let now = clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

fn moment(at_ns: u64) -> Timespec {
    Timespec {
        tv_sec: (at_ns / 1_000_000_000).cast_signed(),
        tv_nsec: (at_ns % 1_000_000_000).cast_signed(),
    }
}

fn p99(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    let rank = (values.len() * 99).div_ceil(100).max(1) - 1;
    values.get(rank).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_hundred_is_later() {
        assert_eq!(p99((1..=1_000).collect()), 990);
        assert_eq!(p99(vec![7]), 7);
        assert_eq!(p99(Vec::new()), 0);
    }

    #[test]
    fn a_thread_is_woken_after_it_asked_and_not_before() {
        assert!(woken_late_p99_us().unwrap() > 0.0);
    }
}
