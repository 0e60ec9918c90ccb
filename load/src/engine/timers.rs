//! One timer for each session: a heap whose size is the number of sessions, not of requests.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

const NEVER: u64 = u64::MAX;

/// The earliest moment at which each session wants to be looked at.
#[derive(Debug)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(u64, usize)>>,
    armed: Vec<u64>,
}

impl Timers {
    /// No timer for any of `sessions`.
    pub fn new(sessions: usize) -> Timers {
        Timers {
            heap: BinaryHeap::new(),
            armed: vec![NEVER; sessions],
        }
    }

    /// Wakes a session at `at_ns` or, when it is armed for an earlier moment, then: who is woken looks and arms again.
    pub fn arm(&mut self, session: usize, at_ns: u64) {
        if at_ns < self.armed[session] {
            self.armed[session] = at_ns;
            self.heap.push(Reverse((at_ns, session)));
        }
    }

    /// When the next session wants to be woken.
    pub fn next_ns(&mut self) -> Option<u64> {
        while let Some(Reverse((at_ns, session))) = self.heap.peek() {
            if self.armed[*session] == *at_ns {
                return Some(*at_ns);
            }
            self.heap.pop();
        }
        None
    }

    /// A session whose moment has come; it is not armed any more.
    pub fn pop_due(&mut self, now_ns: u64) -> Option<usize> {
        if self.next_ns()? > now_ns {
            return None;
        }
        let Reverse((_, session)) = self.heap.pop()?;
        self.armed[session] = NEVER;
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_session_wakes_at_its_earliest_moment_once() {
        let mut timers = Timers::new(3);
        timers.arm(0, 500);
        timers.arm(0, 100);
        timers.arm(0, 300);
        timers.arm(2, 200);
        assert_eq!(timers.next_ns(), Some(100));
        assert_eq!(timers.pop_due(99), None);
        assert_eq!(timers.pop_due(250), Some(0));
        assert_eq!(timers.pop_due(250), Some(2));
        assert_eq!((timers.pop_due(10_000), timers.next_ns()), (None, None));
    }

    #[test]
    fn memory_is_bounded_by_sessions_when_moments_only_move_on() {
        let mut timers = Timers::new(2);
        for now_ns in 0..10_000 {
            timers.arm(0, now_ns + 1_000);
            timers.pop_due(now_ns);
        }
        assert!(timers.heap.len() <= 2);
    }
}
