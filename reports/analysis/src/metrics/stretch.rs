//! The most that counters grew by in any stretch of time of a given length.

use shakedown_record::Window;

use super::counter::Rise;

/// A figure that is only known to lie between two values.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Bounds {
    pub at_least: f64,
    pub at_most: f64,
}

/// The greatest growth in any stretch of at most `over_ns` within the windows: at least what certainly lies in one, at most
/// what may.
pub(crate) fn most_in_a_stretch(rises: &[Rise], windows: &[Window], over_ns: u64) -> Bounds {
    let over_ns = i64::try_from(over_ns).unwrap_or(i64::MAX);
    let mut most = Bounds::default();
    for window in windows {
        let inside = |rise: &&Rise| window.from_ns <= rise.from_ns && rise.to_ns <= window.to_ns;
        let touching = |rise: &&Rise| rise.from_ns < window.to_ns && window.from_ns < rise.to_ns;
        let certain: Vec<Rise> = rises.iter().filter(inside).copied().collect();
        let possible: Vec<Rise> = rises.iter().filter(touching).copied().collect();
        most.at_least = most.at_least.max(certainly(&certain, over_ns));
        most.at_most = most.at_most.max(possibly(&possible, over_ns));
    }
    most
}

/// Rises by one of their ends, with the sum of all up to each.
struct Sums {
    ends_ns: Vec<i64>,
    sums: Vec<f64>,
}

impl Sums {
    fn by(rises: &[Rise], end: fn(&Rise) -> i64) -> Self {
        let mut sorted: Vec<(i64, f64)> = rises.iter().map(|rise| (end(rise), rise.by)).collect();
        sorted.sort_by_key(|(end_ns, _)| *end_ns);
        let mut total = 0.0;
        let sums = sorted.iter().map(|(_, by)| {
            total += by;
            total
        });
        Self {
            sums: sums.collect(),
            ends_ns: sorted.into_iter().map(|(end_ns, _)| end_ns).collect(),
        }
    }

    /// Of those whose end is before a moment.
    fn before(&self, at_ns: i64) -> f64 {
        let count = self.ends_ns.partition_point(|end_ns| *end_ns < at_ns);
        count.checked_sub(1).map_or(0.0, |last| self.sums[last])
    }
}

/// A stretch that begins with a rise holds what begins in it and ends in it.
fn certainly(rises: &[Rise], over_ns: i64) -> f64 {
    let begins = Sums::by(rises, |rise| rise.from_ns);
    let ends = Sums::by(rises, |rise| rise.to_ns);
    let long: Vec<&Rise> = rises
        .iter()
        .filter(|rise| rise.to_ns - rise.from_ns > over_ns)
        .collect();
    let at = rises.iter().map(|first| {
        let start_ns = first.from_ns;
        let end_ns = start_ns.saturating_add(over_ns);
        // What ends in time, without what began before: of that, what is longer than any stretch does not end in time.
        let around = long
            .iter()
            .filter(|rise| rise.from_ns < start_ns && rise.to_ns > end_ns);
        let around: f64 = around.map(|rise| rise.by).sum();
        ends.before(end_ns.saturating_add(1)) - (begins.before(start_ns) - around)
    });
    at.fold(0.0, f64::max)
}

/// A stretch may hold whatever it touches; the most is touched by one that begins just before a rise is over.
fn possibly(rises: &[Rise], over_ns: i64) -> f64 {
    let begins = Sums::by(rises, |rise| rise.from_ns);
    let ends = Sums::by(rises, |rise| rise.to_ns);
    let at = rises.iter().map(|first| {
        let start_ns = first.to_ns;
        begins.before(start_ns.saturating_add(over_ns)) - ends.before(start_ns)
    });
    at.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rise(from_ns: i64, to_ns: i64, by: f64) -> Rise {
        Rise { from_ns, to_ns, by }
    }

    fn all() -> [Window; 1] {
        [Window {
            from_ns: 0,
            to_ns: 1_000,
        }]
    }

    #[test]
    fn a_stretch_holds_certainly_what_lies_in_it_and_possibly_what_it_touches() {
        let rises = [
            rise(0, 100, 1.0),
            rise(100, 200, 2.0),
            rise(200, 300, 4.0),
            rise(900, 950, 8.0),
        ];
        let most = most_in_a_stretch(&rises, &all(), 200);
        assert_eq!(
            most,
            Bounds {
                at_least: 8.0,
                at_most: 8.0
            }
        );
        let most = most_in_a_stretch(&rises[..3], &all(), 200);
        assert_eq!((most.at_least, most.at_most), (6.0, 7.0));
        let most = most_in_a_stretch(&rises, &all(), 5_000);
        assert_eq!((most.at_least, most.at_most), (15.0, 15.0));
    }

    #[test]
    fn a_rise_that_is_longer_than_the_stretch_is_only_possible() {
        let rises = [rise(0, 900, 50.0), rise(300, 310, 1.0), rise(320, 330, 1.0)];
        let most = most_in_a_stretch(&rises, &all(), 100);
        assert_eq!((most.at_least, most.at_most), (2.0, 52.0));
    }

    #[test]
    fn what_reaches_over_the_edge_of_the_phase_may_lie_outside() {
        let rises = [
            rise(-50, 50, 3.0),
            rise(990, 1_100, 5.0),
            rise(2_000, 2_010, 9.0),
        ];
        let most = most_in_a_stretch(&rises, &all(), 10_000);
        assert_eq!((most.at_least, most.at_most), (0.0, 8.0));
        assert_eq!(most_in_a_stretch(&rises, &[], 10).at_most, 0.0);
    }

    #[test]
    fn the_sums_agree_with_counting_every_stretch() {
        let mut seed = 7u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for _ in 0..200 {
            let rises: Vec<Rise> = (0..12)
                .map(|_| {
                    let from_ns = next(80) as i64;
                    rise(from_ns, from_ns + 1 + next(20) as i64, next(5) as f64)
                })
                .collect();
            let over_ns = 1 + next(40) as i64;
            let most = most_in_a_stretch(&rises, &all(), over_ns as u64);
            let sum = |fits: &dyn Fn(&Rise) -> bool| -> f64 {
                rises
                    .iter()
                    .filter(|rise| fits(rise))
                    .map(|rise| rise.by)
                    .sum()
            };
            let (mut certain, mut possible) = (0.0f64, 0.0f64);
            for start in 0..120 {
                let end = start + over_ns;
                certain = certain.max(sum(&|rise| start <= rise.from_ns && rise.to_ns <= end));
                // Moments lie between the nanoseconds too: a stretch that begins just before `start` ends just before `end`.
                possible = possible.max(sum(&|rise| rise.from_ns < end && start <= rise.to_ns));
            }
            assert_eq!(
                (most.at_least, most.at_most),
                (certain, possible),
                "{rises:?} {over_ns}"
            );
        }
    }
}
