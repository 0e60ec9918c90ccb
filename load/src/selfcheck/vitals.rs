//! What a load thread counts of itself while it runs.

use rustix::time::{ClockId, clock_gettime};

use super::budget::GAP_OF_LOOP_NS;
use super::queue::QueueWait;
use super::stalls::Stalls;

/// A load thread's counters when it began, and the passes of its loop since.
#[derive(Debug)]
pub(crate) struct Vitals {
    cpu_ns: u64,
    queue: Option<QueueWait>,
    major_faults: Option<u64>,
    stalls: Stalls,
}

/// What a load thread had while it ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct VitalSigns {
    pub cpu_ns: u64,
    /// Where the kernel counts it.
    pub queue: QueueWait,
    /// Pages that had to come from disk before the thread could go on.
    pub major_faults: u64,
    /// Times at which its loop came round late.
    pub stalls: Stalls,
}

impl Vitals {
    /// Begins to count for the calling thread.
    pub fn begin() -> Vitals {
        Vitals {
            cpu_ns: thread_cpu_ns(),
            queue: QueueWait::of_this_thread(),
            major_faults: major_faults_of_this_thread(),
            stalls: Stalls::default(),
        }
    }

    /// The loop has come round at `now_ns`, and had wanted to no later than at `due_ns`.
    pub fn pass(&mut self, now_ns: u64, due_ns: u64) {
        self.stalls
            .note(now_ns.saturating_sub(due_ns), GAP_OF_LOOP_NS);
    }

    /// What was counted; by the thread that began.
    pub fn end(self) -> VitalSigns {
        let queue = match (self.queue, QueueWait::of_this_thread()) {
            (Some(before), Some(after)) => after.since(before),
            (_, _) => QueueWait::default(),
        };
        let major_faults = match (self.major_faults, major_faults_of_this_thread()) {
            (Some(before), Some(after)) => after.saturating_sub(before),
            (_, _) => 0,
        };
        VitalSigns {
            cpu_ns: thread_cpu_ns().saturating_sub(self.cpu_ns),
            queue,
            major_faults,
            stalls: self.stalls,
        }
    }
}

/// CPU time of the calling thread so far, in nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn major_faults_of_this_thread() -> Option<u64> {
    major_faults(&std::fs::read_to_string("/proc/thread-self/stat").ok()?)
}

/// The twelfth field of a thread's `stat`; the second, its name, may hold anything but ends with the last bracket.
fn major_faults(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(9)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_whatever_the_name() {
        let stat = "17 (load) 1 (x) R 1 17 17 0 -1 4194304 900 0 31 0 5 6 0 0 20 0 1";
        assert_eq!(major_faults(stat), Some(31));
        assert_eq!(major_faults("17 (load R 1"), None);
        assert_eq!(major_faults(""), None);
        assert!(major_faults_of_this_thread().is_some());
    }

    #[test]
    fn a_loop_that_comes_round_in_time_has_not_stood_still() {
        let mut vitals = Vitals::begin();
        vitals.pass(1_000, 5_000);
        vitals.pass(GAP_OF_LOOP_NS, 0);
        assert_eq!(vitals.stalls, Stalls::default());
        vitals.pass(3 * GAP_OF_LOOP_NS, GAP_OF_LOOP_NS);
        let signs = vitals.end();
        assert_eq!(signs.stalls.count, 1);
        assert_eq!(signs.stalls.total_ns, 2 * GAP_OF_LOOP_NS);
    }
}
