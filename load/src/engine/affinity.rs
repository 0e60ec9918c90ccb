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
    let urgency = urgency::raise(is_often_idle && cores.len() > threads);
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
}
