//! Answers that wait for their moment.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// An answer that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    /// `CLOCK_MONOTONIC` in nanoseconds.
    pub at_ns: u64,
    /// Order of receipt, so that answers of one moment go out in that order.
    pub order: u64,
    pub connection: usize,
    /// A connection that was replaced does not get the answer of the one before.
    pub generation: u64,
    pub id: u64,
    pub received_ns: u64,
}

/// All of them, the next one first.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BinaryHeap<Reverse<Due>>,
}

impl Queue {
    /// An answer waits.
    pub fn add(&mut self, due: Due) {
        self.waiting.push(Reverse(due));
    }

    /// When the next answer is due.
    pub fn next_ns(&self) -> Option<u64> {
        self.waiting.peek().map(|next| next.0.at_ns)
    }

    /// Takes the next answer that is due now.
    pub fn take(&mut self, now_ns: u64) -> Option<Due> {
        if self.next_ns()? > now_ns {
            return None;
        }
        self.waiting.pop().map(|next| next.0)
    }

    /// Forgets every answer.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_when_they_are_due_and_in_order() {
        let mut queue = Queue::default();
        for (order, at_ns) in [(0, 30), (1, 10), (2, 20), (3, 20)] {
            queue.add(Due {
                at_ns,
                order,
                connection: 0,
                generation: 0,
                id: order,
                received_ns: 0,
            });
        }
        assert_eq!(queue.next_ns(), Some(10));
        let orders: Vec<u64> = std::iter::from_fn(|| queue.take(20))
            .map(|due| due.id)
            .collect();
        assert_eq!(orders, [1, 2, 3]);
        assert_eq!(queue.next_ns(), Some(30));
        assert_eq!(queue.take(29), None);
    }
}
