//! The last finished slots: all the state machine remembers of the load, so that memory does not grow with the run.

use shakedown_record::slots::{NotSteady, SlotStats, WINDOW_SLOTS, first_healthy_window, steady};

/// The last [`WINDOW_SLOTS`] finished slots, by their index.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    slots: Vec<SlotStats>,
    next: usize,
}

impl Tail {
    /// Adds the finished slot `index`. Slots that were skipped count as slots without traffic; one that is already
    /// known is ignored.
    pub fn push(&mut self, index: usize, stats: SlotStats) {
        if index < self.next {
            return;
        }
        let missing = (index - self.next).min(WINDOW_SLOTS);
        (0..missing).for_each(|_| self.append(SlotStats::default()));
        self.append(stats);
        self.next = index + 1;
    }

    fn append(&mut self, stats: SlotStats) {
        if self.slots.len() == WINDOW_SLOTS {
            self.slots.remove(0);
        }
        self.slots.push(stats);
    }

    /// Are the last 5 s a steady state, looking only at slots from index `from` on?
    ///
    /// # Errors
    /// Why they are not.
    pub fn steady_since(&self, from: usize) -> Result<(), NotSteady> {
        steady(self.since(from))
    }

    /// Is the newest window healthy, looking only at slots from index `from` on?
    pub fn healthy_since(&self, from: usize, p99_limit_ns: u64) -> bool {
        first_healthy_window(self.since(from), 0, p99_limit_ns).is_some()
    }

    fn since(&self, from: usize) -> &[SlotStats] {
        let first = self.next - self.slots.len().min(self.next);
        let skip = from.saturating_sub(first).min(self.slots.len());
        &self.slots[skip..]
    }
}

#[cfg(test)]
mod tests {
    use shakedown_record::Outcome;
    use shakedown_record::slots::SlotTally;

    use super::*;

    fn slot(outcome: Outcome) -> SlotStats {
        let mut tally = SlotTally::default();
        (0..100).for_each(|_| tally.add(outcome, 1_000_000, 0));
        tally.stats()
    }

    #[test]
    fn only_slots_after_the_given_one_count() {
        let mut tail = Tail::default();
        (0..80).for_each(|index| tail.push(index, slot(Outcome::Acked)));
        assert_eq!(tail.steady_since(30), Ok(()));
        assert_eq!(
            tail.steady_since(31),
            Err(NotSteady::TooEarly { slots: 49 })
        );
        assert!(tail.healthy_since(30, 5_000_000) && !tail.healthy_since(31, 5_000_000));
        assert_eq!(
            tail.steady_since(500),
            Err(NotSteady::TooEarly { slots: 0 })
        );
    }

    #[test]
    fn a_gap_is_silence_and_silence_is_not_steady() {
        let mut tail = Tail::default();
        (0..50).for_each(|index| tail.push(index, slot(Outcome::Acked)));
        tail.push(70, slot(Outcome::Acked));
        assert!(matches!(
            tail.steady_since(0),
            Err(NotSteady::NoTraffic { empty: 20 })
        ));
        tail.push(10, slot(Outcome::Refused));
        assert!(matches!(
            tail.steady_since(0),
            Err(NotSteady::NoTraffic { empty: 20 })
        ));
    }
}
