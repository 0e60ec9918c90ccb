//! Run-queue delay: how long a thread that was ready to run waited for a core, as the kernel counted it.

use super::budget::WAKE_UP_NS;

/// A thread's counters since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueWait {
    /// Time that it was ready and did not run, in nanoseconds.
    pub waited_ns: u64,
    /// How often it was given a core.
    pub times: u64,
}

impl QueueWait {
    /// Reads a `schedstat` of a thread: time on a core, time in the queue, times on a core. `None` when it is not that.
    pub fn parse(schedstat: &str) -> Option<QueueWait> {
        let mut fields = schedstat.split_ascii_whitespace().skip(1);
        Some(QueueWait {
            waited_ns: fields.next()?.parse().ok()?,
            times: fields.next()?.parse().ok()?,
        })
    }

    /// The calling thread's counters; `None` where the kernel keeps none.
    pub fn of_this_thread() -> Option<QueueWait> {
        QueueWait::parse(&std::fs::read_to_string("/proc/thread-self/schedstat").ok()?)
    }

    /// What was counted since `before`.
    pub fn since(self, before: QueueWait) -> QueueWait {
        QueueWait {
            waited_ns: self.waited_ns.saturating_sub(before.waited_ns),
            times: self.times.saturating_sub(before.times),
        }
    }

    /// The wait beyond what waking up takes anyway, in nanoseconds.
    pub fn excess_ns(self) -> u64 {
        let usual_ns = self.times.saturating_mul(WAKE_UP_NS);
        self.waited_ns.saturating_sub(usual_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_line_is_read() {
        let wait = QueueWait::parse("46790 9000000 12\n").unwrap();
        let expected = QueueWait {
            waited_ns: 9_000_000,
            times: 12,
        };
        assert_eq!(wait, expected);
        for no_line in ["", "1 2", "a b c"] {
            assert_eq!(QueueWait::parse(no_line), None);
        }
    }

    #[test]
    fn what_waking_up_takes_is_no_excess() {
        let wait = |waited_ns, times| QueueWait { waited_ns, times };
        assert_eq!(wait(1_000 * WAKE_UP_NS, 1_000).excess_ns(), 0);
        assert_eq!(
            wait(3_000 * WAKE_UP_NS, 1_000).excess_ns(),
            2_000 * WAKE_UP_NS
        );
        assert_eq!(wait(9, 3).since(wait(4, 1)), wait(5, 2));
    }

    #[test]
    fn a_thread_can_read_its_own() {
        std::thread::sleep(std::time::Duration::from_millis(1));
        assert!(QueueWait::of_this_thread().is_some_and(|wait| wait.times > 0));
    }
}
