//! How soon the kernel runs a load thread that has just been woken, on a core where others are busy.
//!
//! Load threads run for microseconds at a time. Behind a compiler, or behind the engine under test, each wake-up would
//! wait for the rest of somebody's time slice: milliseconds that are the generator's fault. On two cores with six busy
//! processes the P99 of the send lag was 3.5 ms at a usual or lowered nice value and 0.05 ms with a real-time policy. So:
//! real time where we have the right and a core is left for the others, else a short slice (Linux 6.12 and later) with
//! a lower nice value, else a short slice.
//!
//! The kernel keeps 5 % of every core from real-time threads, and takes them in one piece: a thread that needs more
//! than 95 % of a second stands still for the last 50 ms of it. One that comes near that gives its policy back.
#![allow(unsafe_code)]

use std::io;

/// Time slice of the load threads in nanoseconds: the shortest that the kernel accepts.
const SLICE_NS: u64 = 100_000;

/// Nice value of the load threads, where we have the right to set it.
const NICE: i32 = -10;

const SCHED_OTHER: u32 = 0;
const SCHED_RR: u32 = 2;

/// The lowest real-time priority.
const LOWEST: u32 = 1;

/// What a thread starts does not inherit its urgency.
const RESET_ON_FORK: u64 = 1;

/// `struct sched_attr` as of its first version (linux/sched/types.h).
#[repr(C)]
struct SchedAttr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime_ns: u64,
    deadline_ns: u64,
    period_ns: u64,
}

/// Share of a core from which a thread with a real-time policy is near its end, in percent.
const NEARLY_ALL_PERCENT: u64 = 80;

/// How long a thread is watched before its share is judged, in nanoseconds; well under the kernel's second.
const WATCHED_NS: u64 = 200_000_000;

/// Whether the calling thread has a real-time policy, and since when how much of its core it has used.
#[derive(Debug, Default)]
pub(crate) struct Urgency {
    real_time: bool,
    from_ns: u64,
    cpu_from_ns: u64,
}

impl Urgency {
    /// Gives a real-time policy back when the thread has needed nearly all of a core lately. `now_ns`: any steady clock;
    /// `cpu_ns`: processor time of the thread so far.
    pub fn watch(&mut self, now_ns: u64, cpu_ns: u64) {
        if self.is_used_up(now_ns, cpu_ns) {
            self.real_time = false;
            lower();
        }
    }

    fn is_used_up(&mut self, now_ns: u64, cpu_ns: u64) -> bool {
        let watched_ns = now_ns.saturating_sub(self.from_ns);
        if !self.real_time || watched_ns < WATCHED_NS {
            return false;
        }
        let used_ns = cpu_ns.saturating_sub(self.cpu_from_ns);
        let first = self.from_ns == 0;
        (self.from_ns, self.cpu_from_ns) = (now_ns, cpu_ns);
        !first && used_ns * 100 > watched_ns * NEARLY_ALL_PERCENT
    }
}

/// As urgent as it can be without a real-time policy.
fn lower() {
    let lowered = set(SCHED_OTHER, NICE, 0).or_else(|_| set(SCHED_OTHER, 0, 0));
    if let Err(error) = lowered {
        tracing::debug!(%error, "a load thread that needs all of a core keeps its real-time policy");
    }
}

/// Makes the calling thread run soon when it is woken, as far as the kernel and our rights allow. `real_time`: it may
/// go before everything else, because it sleeps most of the time and there is a core without such a thread.
pub(crate) fn raise(real_time: bool) -> Urgency {
    let by_policy = if real_time {
        set(SCHED_RR, 0, LOWEST)
    } else {
        Err(io::ErrorKind::Unsupported.into())
    };
    let real_time = by_policy.is_ok();
    let raised = by_policy
        .or_else(|_| set(SCHED_OTHER, NICE, 0))
        .or_else(|_| set(SCHED_OTHER, 0, 0));
    if let Err(error) = raised {
        tracing::debug!(%error, "the load threads are scheduled as any other");
    }
    Urgency {
        real_time,
        ..Urgency::default()
    }
}

fn set(policy: u32, nice: i32, priority: u32) -> io::Result<()> {
    let attributes = SchedAttr {
        size: size_of::<SchedAttr>() as u32,
        policy,
        flags: RESET_ON_FORK,
        nice,
        priority,
        runtime_ns: if policy == SCHED_OTHER { SLICE_NS } else { 0 },
        deadline_ns: 0,
        period_ns: 0,
    };
    let this_thread = 0;
    // SAFETY: the kernel reads `size` bytes of a structure of that length, which lives until the call returns, and
    // changes nothing but the scheduling of the calling thread.
    let result = unsafe {
        libc::syscall(
            libc::SYS_sched_setattr,
            this_thread,
            &raw const attributes,
            0u32,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_time_is_given_back_when_nearly_all_of_a_core_is_needed() {
        const MS: u64 = 1_000_000;
        let mut urgency = Urgency {
            real_time: true,
            ..Urgency::default()
        };
        let mut used_up = |now_ms, cpu_ms| urgency.is_used_up(now_ms * MS, cpu_ms * MS);
        assert!(!used_up(1_000, 900), "what was before is not judged");
        assert!(!used_up(1_100, 1_000), "too soon");
        assert!(!used_up(1_200, 1_050), "150 of 200 ms");
        assert!(used_up(1_400, 1_240), "190 of 200 ms");
        let mut other = Urgency::default();
        assert!(!other.is_used_up(1_000 * MS, 0) && !other.is_used_up(2_000 * MS, 1_000 * MS));
    }

    #[test]
    fn any_process_may_ask_for_a_short_slice() {
        let asked = std::thread::spawn(|| set(SCHED_OTHER, 0, 0))
            .join()
            .unwrap();
        assert!(asked.is_ok(), "{asked:?}");
    }
}
