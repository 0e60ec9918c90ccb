//! What a counter grew by between two looks, and where it began anew.

use super::store::{Frame, LookAt, Looks, Point};

/// Growth that happened somewhere between two moments, in nanoseconds since zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rise {
    pub from_ns: i64,
    pub to_ns: i64,
    pub by: f64,
}

/// A counter that began anew between two moments: what it had counted between the first of them and its end is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reset {
    pub from_ns: i64,
    pub to_ns: i64,
}

/// The way of one counter through a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Course {
    /// Only what is above 0.
    pub rises: Vec<Rise>,
    pub resets: Vec<Reset>,
    /// Stretches between two looks in which looks failed, of a target that does not say when its process began: a reset
    /// may lie hidden there.
    pub blind: Vec<Reset>,
    /// A value that no counter has.
    pub nonsense: Option<f64>,
}

/// Follows one counter of a target through the windows of a phase. A fall is a reset, and so is another start of the process:
/// it counts from zero then. A counter that was not there in the look before (in the same process) was zero.
pub(crate) fn course(target: &Looks, points: &[Point], frames: &[Frame]) -> Course {
    let mut course = Course::default();
    let no_counter = |point: &&Point| !point.value.is_finite() || point.value < 0.0;
    if let Some(point) = points.iter().find(no_counter) {
        course.nonsense = Some(point.value);
        return course;
    }
    let Some(first) = points.first() else {
        return course;
    };
    if first.look > 0 {
        let before = Point {
            look: first.look - 1,
            value: 0.0,
        };
        step(target, before, *first, frames, &mut course);
    }
    for pair in points.windows(2) {
        step(target, pair[0], pair[1], frames, &mut course);
    }
    course
}

fn step(target: &Looks, before: Point, after: Point, frames: &[Frame], course: &mut Course) {
    if !frames
        .iter()
        .any(|frame| frame.touches(before.look, after.look))
    {
        return;
    }
    let (earlier, later): (&LookAt, &LookAt) =
        (&target.looks[before.look], &target.looks[after.look]);
    let between = Reset {
        from_ns: earlier.asked_ns,
        to_ns: later.answered_ns,
    };
    let other = earlier.is_other(later);
    let restarted = other == Some(true) || after.value < before.value;
    if restarted {
        course.resets.push(between);
    } else if other.is_none()
        && target
            .why_between(earlier.answered_ns, later.asked_ns)
            .is_some()
    {
        course.blind.push(between);
    }
    let by = match restarted {
        true => after.value,
        false => after.value - before.value,
    };
    if by > 0.0 {
        course.rises.push(Rise {
            from_ns: between.from_ns,
            to_ns: between.to_ns,
            by,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::Failed;
    use super::super::store::testing::target;
    use super::*;
    use shakedown_record::Window;

    fn followed(target: &Looks) -> Course {
        let (_, points) = target.named("c").next().unwrap();
        let whole = Window {
            from_ns: -1_000,
            to_ns: 1_000,
        };
        course(target, points, &target.frames(&[whole]))
    }

    fn by(course: &Course) -> Vec<f64> {
        course.rises.iter().map(|rise| rise.by).collect()
    }

    #[test]
    fn growth_lies_between_the_question_before_and_the_answer_after() {
        let at = [(0, Some(1.0)), (100, Some(1.0)), (200, Some(1.0))];
        let course = followed(&target(&at, "c", &[(0, 5.0), (1, 7.0), (2, 7.0)]));
        let rise = Rise {
            from_ns: 0,
            to_ns: 110,
            by: 2.0,
        };
        assert_eq!(course.rises, [rise]);
        assert!(course.resets.is_empty() && course.blind.is_empty());
    }

    #[test]
    fn a_fall_is_a_reset_and_counts_from_zero() {
        let at = [(0, None), (100, None), (200, None)];
        let course = followed(&target(&at, "c", &[(0, 50.0), (1, 3.0), (2, 4.0)]));
        assert_eq!(by(&course), [3.0, 1.0]);
        let reset = Reset {
            from_ns: 0,
            to_ns: 110,
        };
        assert_eq!(course.resets, [reset]);
    }

    #[test]
    fn another_start_of_the_process_is_a_reset_even_when_the_counter_is_higher_by_then() {
        let at = [(0, Some(1.0)), (100, Some(60.5))];
        let course = followed(&target(&at, "c", &[(0, 5.0), (1, 7.0)]));
        assert_eq!((by(&course), course.resets.len()), (vec![7.0], 1));
    }

    #[test]
    fn a_counter_that_appears_was_zero_in_the_look_before() {
        let at = [(0, Some(1.0)), (100, Some(1.0)), (200, Some(1.0))];
        let course = followed(&target(&at, "c", &[(2, 4.0)]));
        assert_eq!(by(&course), [4.0]);
        assert_eq!(course.rises[0].from_ns, 100);
        let course = followed(&target(&at, "c", &[(0, 4.0)]));
        assert_eq!(
            by(&course),
            [] as [f64; 0],
            "what it had counted before is not ours"
        );
    }

    #[test]
    fn where_looks_failed_and_nobody_says_when_the_process_began_a_reset_may_be_hidden() {
        let failed = Failed {
            at_ns: 50,
            reason: "refused".into(),
            absent: false,
        };
        let values = [(0, 1.0), (1, 2.0)];
        let mut silent = target(&[(0, None), (100, None)], "c", &values);
        silent.failed.push(failed.clone());
        assert_eq!(followed(&silent).blind.len(), 1);
        let mut told = target(&[(0, Some(1.0)), (100, Some(1.0))], "c", &values);
        told.failed.push(failed);
        assert_eq!(
            followed(&told),
            followed(&target(&[(0, Some(1.0)), (100, Some(1.0))], "c", &values))
        );
    }

    #[test]
    fn what_lies_outside_of_the_phase_is_left_out() {
        let at = [(0, None), (100, None), (200, None), (300, None)];
        let target = target(&at, "c", &[(0, 9.0), (1, 1.0), (2, 3.0), (3, 0.0)]);
        let (_, points) = target.named("c").next().unwrap();
        let phase = Window {
            from_ns: 100,
            to_ns: 250,
        };
        let course = course(&target, points, &target.frames(&[phase]));
        assert_eq!((by(&course), course.resets.len()), (vec![2.0], 0));
    }

    #[test]
    fn a_value_that_no_counter_has_is_told() {
        for value in [-1.0, f64::NAN, f64::INFINITY] {
            let course = followed(&target(&[(0, None)], "c", &[(0, value)]));
            assert!(course.nonsense.is_some(), "{value}");
        }
    }
}
