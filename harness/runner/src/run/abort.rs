//! Abort conditions: what ends a run early so that a broken target is not beaten any longer.

use shakedown_record::event::Event;
use shakedown_record::slots::{SLOT_NS, SlotStats};
use shakedown_scenarios::plan::AbortRule;

/// Watches one abort condition over the finished slots.
#[derive(Debug, Clone)]
pub struct AbortWatch {
    rule: AbortRule,
    /// First slot of the unbroken row of bad ones.
    bad_from: Option<usize>,
}

impl AbortWatch {
    /// A watch that has seen nothing yet.
    pub fn new(rule: AbortRule) -> Self {
        Self {
            rule,
            bad_from: None,
        }
    }

    /// Looks at the finished slot `index`; the event when the condition is met by it.
    ///
    /// A slot without traffic neither adds to a row of bad slots nor breaks it.
    pub fn look(&mut self, index: usize, stats: &SlotStats) -> Option<Event> {
        let AbortRule::ErrorRate { id, above, for_ns } = &self.rule;
        let total = stats.outcomes.total();
        if total == 0 {
            return None;
        }
        if stats.outcomes.errors() as f64 / total as f64 <= *above {
            self.bad_from = None;
            return None;
        }
        let from = *self.bad_from.get_or_insert(index);
        let lasted_ns = (index + 1 - from) as u64 * SLOT_NS as u64;
        (lasted_ns >= *for_ns).then(|| Event::AbortMet {
            condition: id.clone(),
            reason: format!(
                "more than {:.1} % of the orders failed for {:.1} s without a break (limit {:.1} s)",
                above * 100.0,
                lasted_ns as f64 / 1e9,
                *for_ns as f64 / 1e9
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use shakedown_record::Outcome;
    use shakedown_record::slots::SlotTally;

    use super::*;

    fn slot(acked: u32, failed: u32) -> SlotStats {
        let mut tally = SlotTally::default();
        (0..acked).for_each(|_| tally.add(Outcome::Acked, 1, 0));
        (0..failed).for_each(|_| tally.add(Outcome::Timeout, 1, 0));
        tally.stats()
    }

    fn watch() -> AbortWatch {
        AbortWatch::new(AbortRule::ErrorRate {
            id: "storm".into(),
            above: 0.5,
            for_ns: 300_000_000,
        })
    }

    #[test]
    fn it_is_met_after_the_whole_time_and_not_a_slot_earlier() {
        let mut watch = watch();
        assert_eq!(watch.look(0, &slot(1, 9)), None);
        assert_eq!(watch.look(1, &slot(0, 0)), None);
        assert!(watch.look(2, &slot(1, 9)).is_some());
    }

    #[test]
    fn exactly_the_limit_and_a_break_do_not_meet_it() {
        let mut watch = watch();
        (0..20).for_each(|index| assert_eq!(watch.look(index, &slot(5, 5)), None));
        assert_eq!(watch.look(20, &slot(1, 9)), None);
        assert_eq!(watch.look(21, &slot(9, 1)), None);
        assert_eq!(watch.look(22, &slot(1, 9)), None);
        assert_eq!(watch.look(23, &slot(1, 9)), None);
        assert!(watch.look(24, &slot(1, 9)).is_some());
    }
}
