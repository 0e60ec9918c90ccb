//! Inter-arrival error: were the distances between releases those of the schedule?
//!
//! The send lag says how late slots left, one by one. A generator that is kept waiting for a few milliseconds again and
//! again releases what became due meanwhile at once: no slot is very late, and yet the engine gets bursts and pauses
//! that nobody asked for.

use shakedown_record::histogram::LatencyHistogram;

use super::budget::GAP_TOLERANCE_NS;

/// Distances between the releases of one thread, as intended and as they came out.
#[derive(Debug, Clone, Default)]
pub struct Gaps {
    intended: LatencyHistogram,
    achieved: LatencyHistogram,
    last: Option<(u64, u64)>,
}

impl Gaps {
    /// A slot that was intended at `at_ns` was released `lag_ns` later.
    pub fn note(&mut self, at_ns: u64, lag_ns: u64) {
        let released_ns = at_ns + lag_ns;
        if let Some((intended_ns, before_ns)) = self.last {
            self.intended.record(at_ns.saturating_sub(intended_ns));
            self.achieved.record(released_ns.saturating_sub(before_ns));
        }
        self.last = Some((at_ns, released_ns));
    }

    /// Adds what another thread saw.
    pub fn merge(&mut self, other: &Gaps) {
        self.intended.merge(&other.intended);
        self.achieved.merge(&other.achieved);
    }

    /// Share of the distances that are others than intended by more than [`GAP_TOLERANCE_NS`]; `None` without any.
    ///
    /// The statistic of Kolmogorov and Smirnov with a tolerance along the time axis (Levy's distance with one axis
    /// held): the largest difference between the two distribution functions that no shift by the tolerance explains.
    pub fn displaced(&self) -> Option<f64> {
        if self.intended.count() == 0 {
            return None;
        }
        let (intended, achieved) = (steps(&self.intended), steps(&self.achieved));
        let too_short = excess(&achieved, &intended);
        let too_long = excess(&intended, &achieved);
        Some(too_short.max(too_long))
    }
}

/// A distribution function: values in order, each with the share that is no larger.
fn steps(histogram: &LatencyHistogram) -> Vec<(u64, f64)> {
    let count = histogram.count() as f64;
    let mut below = 0;
    let recorded = histogram.hdr().iter_recorded();
    recorded
        .map(|value| {
            below += value.count_since_last_iteration();
            (value.value_iterated_to(), below as f64 / count)
        })
        .collect()
}

/// By how much the share of small values in one distribution exceeds that in the other, tolerance given.
fn excess(one: &[(u64, f64)], other: &[(u64, f64)]) -> f64 {
    let mut at = 0;
    let mut most: f64 = 0.0;
    for (value_ns, share) in one {
        while other
            .get(at)
            .is_some_and(|(other_ns, _)| *other_ns <= value_ns + GAP_TOLERANCE_NS)
        {
            at += 1;
        }
        let others = at.checked_sub(1).map_or(0.0, |last| other[last].1);
        most = most.max(share - others);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn displaced(lags: impl Fn(u64) -> u64, every_ns: u64) -> f64 {
        let mut gaps = Gaps::default();
        (0..10_000).for_each(|slot| gaps.note(slot * every_ns, lags(slot)));
        gaps.displaced().unwrap()
    }

    #[test]
    fn without_releases_there_is_no_figure() {
        let mut gaps = Gaps::default();
        assert_eq!(gaps.displaced(), None);
        gaps.note(5, 0);
        assert_eq!(gaps.displaced(), None, "one release has no distance");
    }

    #[test]
    fn to_be_late_always_by_the_same_displaces_nothing() {
        assert_eq!(displaced(|_| 5 * MS, MS), 0.0);
        assert_eq!(displaced(|slot| slot % 7 * MS / 4, 10 * MS), 0.0);
    }

    #[test]
    fn bursts_are_seen_in_either_direction() {
        // Ten slots are due in 100 ms and leave together: nine distances are too short, one is too long.
        let share = displaced(|slot| (9 - slot % 10) * 10 * MS, 10 * MS);
        assert!((0.85..0.95).contains(&share), "{share}");
        // A slot a millisecond, in bursts of ten: a tenth of the distances is 10 ms.
        let share = displaced(|slot| (9 - slot % 10) * MS, MS);
        assert!((0.08..0.12).contains(&share), "{share}");
    }

    #[test]
    fn threads_are_taken_together() {
        let mut sound = Gaps::default();
        (0..1_000).for_each(|slot| sound.note(slot * 10 * MS, 0));
        let mut starved = Gaps::default();
        (0..1_000).for_each(|slot| starved.note(slot * 10 * MS, (9 - slot % 10) * 10 * MS));
        sound.merge(&starved);
        let share = sound.displaced().unwrap();
        assert!((0.4..0.5).contains(&share), "{share}");
    }
}
