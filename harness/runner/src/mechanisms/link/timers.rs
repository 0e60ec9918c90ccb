//! Moments at which somebody has to be looked at again, in nanoseconds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A moment, the order in which it was asked for (first come, first served), and for whom.
type Entry<T> = Reverse<(u64, u64, T)>;

/// A heap of moments. An entry that is no longer wanted is left where it is: whoever is woken looks for itself.
#[derive(Debug)]
pub(super) struct Timers<T> {
    heap: BinaryHeap<Entry<T>>,
    asked: u64,
}

impl<T: Ord + Copy> Timers<T> {
    pub fn new() -> Timers<T> {
        Timers {
            heap: BinaryHeap::new(),
            asked: 0,
        }
    }

    pub fn add(&mut self, at_ns: u64, who: T) {
        self.asked += 1;
        self.heap.push(Reverse((at_ns, self.asked, who)));
    }

    pub fn next_ns(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at_ns, _, _))| *at_ns)
    }

    /// Takes one that is due.
    pub fn due(&mut self, now_ns: u64) -> Option<(u64, T)> {
        if self.next_ns()? > now_ns {
            return None;
        }
        self.heap.pop().map(|Reverse((at_ns, _, who))| (at_ns, who))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_first_and_equals_in_the_order_asked() {
        let mut timers = Timers::new();
        for (at_ns, who) in [(30, 9), (10, 7), (10, 1), (20, 4)] {
            timers.add(at_ns, who);
        }
        assert_eq!(timers.due(9), None);
        assert_eq!(timers.due(20), Some((10, 7)));
        assert_eq!(timers.due(20), Some((10, 1)));
        assert_eq!(timers.due(20), Some((20, 4)));
        assert_eq!(timers.due(20), None);
        assert_eq!(timers.next_ns(), Some(30));
    }
}
