//! Values of one gauge in a phase: the worst of them, how long they were beyond a limit, and where none was seen.

use shakedown_record::Window;
use shakedown_scenarios::plan::LimitEnd;

use super::store::{Looks, Point};

/// What values are held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub end: LimitEnd,
    pub limit: f64,
    /// A longer stretch without a value is a hole.
    pub hole_ns: i64,
}

impl Rules {
    fn is_beyond(&self, value: f64) -> bool {
        match self.end {
            LimitEnd::AtMost => value > self.limit,
            LimitEnd::AtLeast => value < self.limit,
        }
    }

    /// The worse of two values.
    pub fn worse(&self, one: f64, other: f64) -> f64 {
        match self.end {
            LimitEnd::AtMost => one.max(other),
            LimitEnd::AtLeast => one.min(other),
        }
    }
}

/// A stretch of the phase without a value; nanoseconds since zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hole {
    pub from_ns: i64,
    pub to_ns: i64,
}

/// The longest time for which values were beyond the limit without a break: at least, and at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Beyond {
    pub at_least_ns: i64,
    pub at_most_ns: i64,
}

/// One gauge in a phase.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Levels {
    pub samples: u64,
    /// Value, and when.
    pub worst: Option<(f64, i64)>,
    pub holes: Vec<Hole>,
    /// `None`: never beyond the limit.
    pub beyond: Option<Beyond>,
}

/// A value that was read between two moments.
#[derive(Debug, Clone, Copy)]
struct Seen {
    asked_ns: i64,
    answered_ns: i64,
    value: f64,
}

/// Follows one gauge through the windows of a phase. A value that is not a number is none.
pub(crate) fn levels(target: &Looks, points: &[Point], windows: &[Window], rules: Rules) -> Levels {
    let mut levels = Levels::default();
    for window in windows {
        let seen = points.iter().filter(|point| !point.value.is_nan());
        let seen = seen.map(|point| {
            let look = &target.looks[point.look];
            Seen {
                asked_ns: look.asked_ns,
                answered_ns: look.answered_ns,
                value: point.value,
            }
        });
        let inside: Vec<Seen> = seen
            .filter(|seen| window.from_ns <= seen.asked_ns && seen.answered_ns <= window.to_ns)
            .collect();
        in_window(target, &inside, *window, rules, &mut levels);
    }
    levels
}

fn in_window(target: &Looks, seen: &[Seen], window: Window, rules: Rules, levels: &mut Levels) {
    levels.samples += seen.len() as u64;
    let mut last_ns = window.from_ns;
    let mut streak: Option<(i64, i64, i64)> = None;
    let mut good_ns = window.from_ns;
    let ends = seen.iter().map(Some).chain([None]);
    for seen in ends {
        let next_ns = seen.map_or(window.to_ns, |seen| seen.asked_ns);
        let is_hole = next_ns - last_ns > rules.hole_ns;
        if is_hole && !was_absent(target, last_ns, next_ns) {
            levels.holes.push(Hole {
                from_ns: last_ns,
                to_ns: next_ns,
            });
        }
        let is_beyond = seen.is_some_and(|seen| rules.is_beyond(seen.value));
        if let Some((from_ns, first_ns, until_ns)) = streak
            && (!is_beyond || is_hole)
        {
            let to_ns = seen.map_or(window.to_ns, |seen| seen.answered_ns);
            longest(levels, until_ns - first_ns, to_ns - from_ns);
            streak = None;
        }
        let Some(seen) = seen else { continue };
        last_ns = seen.answered_ns;
        let worst = levels
            .worst
            .map_or(seen.value, |(worst, _)| rules.worse(worst, seen.value));
        if levels.worst.is_none_or(|(known, _)| known != worst) {
            levels.worst = Some((worst, seen.asked_ns));
        }
        match (is_beyond, &mut streak) {
            (false, _) => good_ns = seen.asked_ns,
            (true, Some((_, _, until_ns))) => *until_ns = seen.asked_ns,
            (true, None) => streak = Some((good_ns, seen.answered_ns, seen.asked_ns)),
        }
    }
}

fn longest(levels: &mut Levels, at_least_ns: i64, at_most_ns: i64) {
    let known = levels.beyond.get_or_insert(Beyond {
        at_least_ns: 0,
        at_most_ns: 0,
    });
    known.at_least_ns = known.at_least_ns.max(at_least_ns);
    known.at_most_ns = known.at_most_ns.max(at_most_ns);
}

/// It is known that there was nothing to look at: no process, no pod.
fn was_absent(target: &Looks, from_ns: i64, to_ns: i64) -> bool {
    let mut failed = target
        .failed
        .iter()
        .filter(|failed| (from_ns..=to_ns).contains(&failed.at_ns))
        .peekable();
    failed.peek().is_some() && failed.all(|failed| failed.absent)
}

#[cfg(test)]
mod tests {
    use super::super::store::Failed;
    use super::super::store::testing::target;
    use super::*;

    const PHASE: [Window; 1] = [Window {
        from_ns: 0,
        to_ns: 1_000,
    }];

    fn rules(limit: f64) -> Rules {
        Rules {
            end: LimitEnd::AtMost,
            limit,
            hole_ns: 300,
        }
    }

    fn every_100(values: &[f64]) -> Looks {
        let at: Vec<(i64, Option<f64>)> = (0..values.len())
            .map(|look| (look as i64 * 100, None))
            .collect();
        let values: Vec<(usize, f64)> = values.iter().copied().enumerate().collect();
        target(&at, "g", &values)
    }

    fn told(target: &Looks, rules: Rules) -> Levels {
        let (_, points) = target.named("g").next().unwrap();
        levels(target, points, &PHASE, rules)
    }

    #[test]
    fn the_worst_value_and_the_time_beyond_the_limit_have_bounds() {
        let looks = every_100(&[1.0, 5.0, 6.0, 5.0, 1.0, 9.0, 1.0, 1.0, 1.0, 1.0]);
        let levels = told(&looks, rules(4.0));
        assert_eq!((levels.samples, levels.worst), (10, Some((9.0, 500))));
        assert_eq!(levels.holes, []);
        // From the answer at 110 to the question at 300; at most from the question at 0 to the answer at 410.
        let beyond = Beyond {
            at_least_ns: 190,
            at_most_ns: 410,
        };
        assert_eq!(levels.beyond, Some(beyond));
        assert_eq!(told(&looks, rules(10.0)).beyond, None);
    }

    #[test]
    fn a_floor_is_broken_from_above() {
        let looks = every_100(&[8.0, 3.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0]);
        let floor = Rules {
            end: LimitEnd::AtLeast,
            ..rules(5.0)
        };
        let levels = told(&looks, floor);
        assert_eq!(levels.worst, Some((3.0, 100)));
        assert!(levels.beyond.is_some());
    }

    #[test]
    fn stretches_without_a_value_are_holes_also_at_the_edges() {
        let looks = every_100(&[1.0, 1.0, f64::NAN, f64::NAN, f64::NAN, 1.0]);
        let holes = told(&looks, rules(4.0)).holes;
        let hole = |from_ns, to_ns| Hole { from_ns, to_ns };
        assert_eq!(holes, [hole(110, 500), hole(510, 1_000)]);
        assert_eq!(
            told(&every_100(&[f64::NAN]), rules(4.0)).holes,
            [hole(0, 1_000)]
        );
    }

    #[test]
    fn where_there_was_nothing_to_look_at_there_is_no_hole() {
        let mut looks = every_100(&[1.0, 1.0, f64::NAN, f64::NAN, f64::NAN, 1.0, 1.0, 1.0, 1.0]);
        let failed = |at_ns, absent| Failed {
            at_ns,
            reason: "no process".into(),
            absent,
        };
        looks.failed.push(failed(200, true));
        looks.failed.push(failed(300, true));
        assert_eq!(told(&looks, rules(4.0)).holes, []);
        looks.failed.push(failed(400, false));
        assert_eq!(told(&looks, rules(4.0)).holes.len(), 1);
    }

    #[test]
    fn a_hole_ends_what_is_proven() {
        let looks = every_100(&[9.0, 9.0, f64::NAN, f64::NAN, f64::NAN, 9.0, 9.0, 9.0]);
        let beyond = told(&looks, rules(4.0)).beyond.unwrap();
        assert_eq!(beyond.at_least_ns, 190, "from 510 to 700");
    }
}
