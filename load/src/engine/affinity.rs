//! Where load threads run, and how precisely they are woken.

use std::num::NonZeroU64;

use super::urgency::{self, Urgency};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity, set_current_timer_slack};

/// Cores that stay free of load threads before threads are pinned: the engine and the rest of Shakedown live there.
const CORES_FOR_OTHERS: usize = 2;

/// The cores on which this process may run.
pub(super) fn available_cores() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else {
        return Vec::new();
    };
    (0..CpuSet::MAX_CPU)
        .filter(|core| set.is_set(*core))
        .collect()
}

/// How many cores this machine has: those on which this process may not run are left to others whatever it does.
fn online_cores() -> usize {
    std::fs::read_to_string("/sys/devices/system/cpu/online")
        .ok()
        .and_then(|text| counted(text.trim()))
        .unwrap_or_else(|| available_cores().len())
}

/// How many numbers a list such as `0-3,8` has (cpuset(7), "List format").
fn counted(list: &str) -> Option<usize> {
    let count = |range: &str| -> Option<usize> {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
        Some((last + 1).saturating_sub(first))
    };
    list.split(',').map(count).sum()
}

/// The core for a thread: the last ones, one each, when enough are left for others; `None`: wherever the kernel likes.
///
/// On a machine of few cores a pinned thread waits behind whatever else runs on its core; a free one is moved away.
pub(super) fn core_for(thread: usize, threads: usize, cores: &[usize]) -> Option<usize> {
    if cores.len() < threads + CORES_FOR_OTHERS {
        return None;
    }
    cores.get(cores.len() - threads + thread).copied()
}

/// Prepares the calling thread: timers without slack, urgency, and a core of its own where there are enough.
///
/// A thread that is never idle (closed loop) is not urgent: it would take its core from the engine for good.
pub(super) fn settle(thread: usize, threads: usize, is_often_idle: bool) -> Urgency {
    if let Err(errno) = set_current_timer_slack(NonZeroU64::new(1)) {
        tracing::warn!(%errno, "waits of the load threads are rounded up by the kernel");
    }
    let cores = available_cores();
    let urgency = urgency::raise(is_often_idle && online_cores() > threads);
    let Some(core) = core_for(thread, threads, &cores) else {
        return urgency;
    };
    let mut set = CpuSet::new();
    set.set(core);
    if let Err(errno) = sched_setaffinity(None, &set) {
        tracing::warn!(%errno, core, "a load thread could not be pinned");
    }
    urgency
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_get_cores_of_their_own_only_when_enough_are_left() {
        assert_eq!(core_for(0, 1, &[0, 1]), None);
        assert_eq!(core_for(0, 1, &[0, 1, 2]), Some(2));
        assert_eq!(core_for(1, 2, &[2, 4, 6, 8]), Some(8));
        assert_eq!(core_for(0, 4, &[0, 1, 2, 3, 4]), None);
        assert_eq!(core_for(0, 1, &[]), None);
    }

    #[test]
    fn cores_on_which_we_may_not_run_count_too() {
        assert_eq!(counted("0-3,8"), Some(5));
        assert_eq!(counted("0"), Some(1));
        assert_eq!((counted(""), counted("0-x")), (None, None));
        assert!(online_cores() >= available_cores().len().max(1));
    }
}
