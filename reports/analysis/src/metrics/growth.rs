//! What counters grew by in a phase, and over which time: at least, and at most.

use shakedown_record::Window;

use super::counter::{Course, Reset};
use super::store::{Looks, SNAP_NS};
use super::stretch::Bounds;

/// What stands for a window: from look to look where these lie at its edges, else the window itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    from_ns: i64,
    to_ns: i64,
    /// Its length is known to the time that its first and last look took.
    shortest_ns: i64,
    longest_ns: i64,
}

/// What stands for each window of a phase, at one target.
pub(crate) fn stretches(target: &Looks, windows: &[Window]) -> Vec<Stretch> {
    let frames = target.frames(windows);
    let all = windows.iter().zip(frames);
    all.map(|(window, frame)| {
        let (first, last) = frame.ends();
        let (begun_ns, from_ns) = edge(target, first, window.from_ns);
        let (to_ns, over_ns) = edge(target, last, window.to_ns);
        Stretch {
            from_ns: begun_ns,
            to_ns: over_ns,
            shortest_ns: to_ns - from_ns,
            longest_ns: over_ns - begun_ns,
        }
    })
    .collect()
}

/// The look at an edge, from the question to the answer; the edge itself where none is near.
fn edge(target: &Looks, look: usize, at_ns: i64) -> (i64, i64) {
    let near = |time_ns: i64| (time_ns - at_ns).abs() <= SNAP_NS;
    let look = target.looks.get(look);
    let look = look.filter(|look| near(look.asked_ns) && near(look.answered_ns));
    look.map_or((at_ns, at_ns), |look| (look.asked_ns, look.answered_ns))
}

/// How long the stretches are together, in nanoseconds.
pub(crate) fn length_ns(stretches: &[Stretch]) -> Bounds {
    let sum = |length: fn(&Stretch) -> i64| stretches.iter().map(length).sum::<i64>() as f64;
    Bounds {
        at_least: sum(|stretch| stretch.shortest_ns),
        at_most: sum(|stretch| stretch.longest_ns),
    }
}

/// What a counter grew by in the stretches: at least what certainly lies in them, at most what may. What it counted after it had
/// begun anew is not certain: one that was kept and read again has not begun at zero.
pub(crate) fn growth(course: &Course, stretches: &[Stretch]) -> Bounds {
    let mut grown = Bounds::default();
    for rise in &course.rises {
        let between = Reset {
            from_ns: rise.from_ns,
            to_ns: rise.to_ns,
        };
        let is_inside =
            |stretch: &Stretch| stretch.from_ns <= rise.from_ns && rise.to_ns <= stretch.to_ns;
        let touches =
            |stretch: &Stretch| rise.from_ns < stretch.to_ns && stretch.from_ns < rise.to_ns;
        if stretches.iter().any(is_inside) && !course.resets.contains(&between) {
            grown.at_least += rise.by;
        }
        if stretches.iter().any(touches) {
            grown.at_most += rise.by;
        }
    }
    grown
}

#[cfg(test)]
mod tests {
    use super::super::counter::course;
    use super::super::store::testing::target;
    use super::*;

    const MS: i64 = 1_000_000;

    /// A counter that grows by ten in each second, looked at these milliseconds.
    fn counted(at_ms: &[i64], started_s: impl Fn(i64) -> f64, value: impl Fn(i64) -> f64) -> Looks {
        let at: Vec<_> = at_ms
            .iter()
            .map(|time| (time * MS, Some(started_s(*time))))
            .collect();
        let values: Vec<_> = at_ms.iter().map(|time| value(*time)).enumerate().collect();
        target(&at, "c", &values)
    }

    fn grown(target: &Looks, window: Window) -> (Bounds, Bounds) {
        let (_, points) = target.named("c").next().unwrap();
        let course = course(target, points, &target.frames(&[window]));
        let stretches = stretches(target, &[window]);
        (growth(&course, &stretches), length_ns(&stretches))
    }

    fn ten_a_second(time_ms: i64) -> f64 {
        time_ms as f64 / 100.0
    }

    const PHASE: Window = Window {
        from_ns: 1_000 * MS,
        to_ns: 5_000 * MS,
    };

    #[test]
    fn near_the_edges_the_looks_are_the_stretch_and_the_growth_is_exact() {
        let looks = counted(
            &[0, 1_010, 2_000, 3_000, 4_000, 4_990, 6_000],
            |_| 1.0,
            ten_a_second,
        );
        let (grown, length) = grown(&looks, PHASE);
        assert_eq!(grown.at_least, grown.at_most);
        assert!((grown.at_least - 39.8).abs() < 1e-9, "{grown:?}");
        assert_eq!(
            (length.at_least, length.at_most),
            (3_980.0 * 1e6 - 10.0, 3_980.0 * 1e6 + 10.0)
        );
    }

    #[test]
    fn looks_that_are_far_from_the_edges_leave_the_growth_there_open() {
        let looks = counted(&[0, 2_000, 4_000, 7_000], |_| 1.0, ten_a_second);
        let (grown, length) = grown(&looks, PHASE);
        assert_eq!((grown.at_least, grown.at_most), (20.0, 70.0));
        assert_eq!((length.at_least, length.at_most), (4e9, 4e9));
    }

    #[test]
    fn what_a_process_counted_that_began_anew_is_possible_and_not_certain() {
        let anew = |time| if time > 3_000 { 9.0 } else { 1.0 };
        let looks = counted(&[1_000, 2_000, 3_000, 4_000, 5_000], anew, ten_a_second);
        let (grown, _) = grown(&looks, PHASE);
        assert_eq!((grown.at_least, grown.at_most), (30.0, 70.0));
    }
}
