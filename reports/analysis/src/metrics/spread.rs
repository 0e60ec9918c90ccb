//! How much of a histogram lies above a limit, and where a quantile lies.
//!
//! A histogram that has both classic and native buckets goes by the classic ones where one of their bounds is the limit, which
//! they then tell exactly, else by the native ones, which are narrower.
//!
//! An observation is only known to lie in its bucket, and to have been made between two looks. So there are observations that
//! are surely above a limit and others that may be, and such that were surely made in a phase and others, at its edges,
//! that may have been. A quantile is kept when even the greatest share above the limit is small enough, and broken when even
//! the least is too great.

use std::collections::BTreeMap;

use shakedown_record::Window;
use shakedown_record::series::NativeHistogram;
use shakedown_scenarios::plan::SeriesPattern;

use super::classic::{self, Cumulative};
use super::counter::Reset;
use super::native;
use super::parts::{Above, Parts};
use super::store::{Frame, Labels, LookAt, Looks};

/// What a histogram of one or several targets says of a phase.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Spread {
    /// Made in the phase.
    pub inside: Above,
    /// Made between two looks of which one lies outside.
    pub edge: Above,
    /// What was made in the phase, by bucket.
    pub parts: Parts,
    pub resets: Vec<Reset>,
    /// As of a counter.
    pub blind: Vec<Reset>,
    /// Label sets that were followed.
    pub series: usize,
    /// The only bucket is the one that holds everything.
    pub bucketless: bool,
}

impl Spread {
    /// Adds what another target says.
    pub fn add(&mut self, other: Spread) {
        self.inside.add(other.inside);
        self.edge.add(other.edge);
        self.parts.merge(&other.parts);
        self.resets.extend(other.resets);
        self.blind.extend(other.blind);
        self.series += other.series;
        self.bucketless |= other.bucketless;
    }

    /// The least and the greatest share above the limit that fit with what was seen; `None` without observations.
    pub fn share_above(&self) -> Option<(f64, f64)> {
        if self.inside.total <= 0.0 {
            return None;
        }
        let (inside, edge) = (self.inside, self.edge);
        // Least: of what was made at the edges, all that may be below the limit was made in the phase.
        let least_whole = inside.total + (edge.total - edge.surely);
        // Greatest: of what was made at the edges, all that may be above it was.
        let (greatest, greatest_whole) = (inside.maybe + edge.maybe, inside.total + edge.maybe);
        Some((inside.surely / least_whole, greatest / greatest_whole))
    }

    /// Adds what was observed between two looks.
    fn step(&mut self, way: &Way, (before, after): (usize, usize), grown: Grown) {
        let looks = &way.target.looks;
        let (earlier, later): (&LookAt, &LookAt) = (&looks[before], &looks[after]);
        let between = Reset {
            from_ns: earlier.asked_ns,
            to_ns: later.answered_ns,
        };
        let unseen = || {
            let failed = way.target.why_between(earlier.answered_ns, later.asked_ns);
            earlier.is_other(later).is_none() && failed.is_some()
        };
        if grown.anew {
            self.resets.push(between);
        } else if unseen() {
            self.blind.push(between);
        }
        let above = grown.parts.above(way.limit);
        let inside = way
            .windows
            .iter()
            .any(|window| window.from_ns <= between.from_ns && between.to_ns <= window.to_ns);
        match inside {
            true => {
                self.inside.add(above);
                self.parts.merge(&grown.parts);
            }
            false => self.edge.add(above),
        }
    }
}

/// What was observed between two looks.
struct Grown {
    parts: Parts,
    /// It began at zero in between.
    anew: bool,
}

/// What is followed, and through what.
struct Way<'a> {
    target: &'a Looks,
    windows: &'a [Window],
    frames: Vec<Frame>,
    limit: f64,
}

impl Way<'_> {
    /// Follows one histogram from look to look; before its first it was empty.
    fn follow<T>(
        &self,
        seen: &BTreeMap<usize, T>,
        all: &mut Spread,
        growth: impl Fn(Option<&T>, &T) -> Option<Parts>,
    ) {
        let mut before: Option<(usize, Option<&T>)> = None;
        for (look, now) in seen {
            let first = || Some((look.checked_sub(1)?, None));
            if let Some((earlier, old)) = before.or_else(first)
                && self
                    .frames
                    .iter()
                    .any(|frame| frame.touches(earlier, *look))
            {
                let (was, is) = (&self.target.looks[earlier], &self.target.looks[*look]);
                let other = was.is_other(is) == Some(true);
                let grown = growth(old.filter(|_| !other), now);
                let anew = other || grown.is_none();
                let parts = grown.or_else(|| growth(None, now)).unwrap_or_default();
                all.step(self, (earlier, *look), Grown { parts, anew });
            }
            before = Some((*look, Some(now)));
        }
    }
}

/// Follows the histograms of one target that fit, through the windows of a phase.
pub(crate) fn spread(
    target: &Looks,
    pattern: &SeriesPattern,
    windows: &[Window],
    limit: f64,
) -> Spread {
    let way = Way {
        target,
        windows,
        frames: target.frames(windows),
        limit,
    };
    let mut all = Spread::default();
    let (mut natives, classics) = (natives(target, pattern), classics(target, pattern));
    for (labels, seen) in classics {
        if let Some(native) = natives.remove(&labels) {
            let is_bound = |buckets: &Cumulative| buckets.has_bound(limit);
            if !seen.values().all(is_bound) {
                all.series += 1;
                way.follow(&native, &mut all, |old, new| {
                    native::growth(old.copied(), new)
                });
                continue;
            }
        }
        all.series += 1;
        all.bucketless |= seen.values().any(Cumulative::is_bucketless);
        way.follow(&seen, &mut all, classic::growth);
    }
    for native in natives.into_values() {
        all.series += 1;
        way.follow(&native, &mut all, |old, new| {
            native::growth(old.copied(), new)
        });
    }
    all
}

/// By labels and look.
type Natives<'a> = BTreeMap<Labels, BTreeMap<usize, &'a NativeHistogram>>;

fn natives<'a>(target: &'a Looks, pattern: &SeriesPattern) -> Natives<'a> {
    let fitting = target.natives(&pattern.name);
    let fitting = fitting.filter(|(labels, _)| pattern.fits(labels));
    let by_look = |seen: &'a [(usize, NativeHistogram)]| {
        let seen = seen.iter().map(|(look, histogram)| (*look, histogram));
        seen.collect()
    };
    fitting
        .map(|(labels, seen)| (labels.clone(), by_look(seen)))
        .collect()
}

/// By labels without `le`, and look.
fn classics(
    target: &Looks,
    pattern: &SeriesPattern,
) -> BTreeMap<Labels, BTreeMap<usize, Cumulative>> {
    let mut sets: BTreeMap<Labels, BTreeMap<usize, Cumulative>> = BTreeMap::new();
    for (labels, points) in target.named(&format!("{}_bucket", pattern.name)) {
        let Some(le) = labels.get("le").and_then(|le| bound(le)) else {
            continue;
        };
        if !pattern.fits(labels) {
            continue;
        }
        let mut others = labels.clone();
        others.remove("le");
        let set = sets.entry(others).or_default();
        for point in points.iter().filter(|point| point.value >= 0.0) {
            set.entry(point.look).or_default().put(le, point.value);
        }
    }
    sets
}

/// An upper bound as it stands in a label.
fn bound(le: &str) -> Option<f64> {
    le.parse().ok().filter(|le: &f64| !le.is_nan())
}

#[cfg(test)]
mod tests {
    use super::super::store::testing::target;
    use super::*;

    /// Looks have to lie far apart: what lies near the edge of a phase bounds it.
    const UNIT_NS: i64 = 20_000_000;

    const PHASE: [Window; 1] = [Window {
        from_ns: 100 * UNIT_NS,
        to_ns: 1_000 * UNIT_NS,
    }];

    fn pattern() -> SeriesPattern {
        SeriesPattern {
            name: "h".into(),
            labels: BTreeMap::new(),
        }
    }

    /// A target whose histogram has the bounds 0.001, 0.01 and infinity, with these counts at each look.
    fn histogram(at: &[(i64, Option<f64>)], counts: &[[f64; 3]]) -> Looks {
        let at: Vec<_> = at
            .iter()
            .map(|(time, began)| (time * UNIT_NS, *began))
            .collect();
        let mut looks = target(&at, "other", &[]);
        for (place, le) in ["0.001", "0.01", "+Inf"].into_iter().enumerate() {
            let values: Vec<(usize, f64)> = counts
                .iter()
                .enumerate()
                .map(|(look, counts)| (look, counts[place]))
                .collect();
            looks = looks.with("h_bucket", &[("le", le), ("side", "buy")], &values);
        }
        looks
    }

    fn at(times: &[i64]) -> Vec<(i64, Option<f64>)> {
        times.iter().map(|time| (*time, Some(1.0))).collect()
    }

    #[test]
    fn observations_are_surely_or_perhaps_above_and_surely_or_perhaps_of_the_phase() {
        let looks = histogram(
            &at(&[50, 150, 500, 2_000]),
            &[
                [0.0, 0.0, 0.0],
                [5.0, 5.0, 5.0],
                [95.0, 100.0, 105.0],
                [96.0, 101.0, 107.0],
            ],
        );
        let spread = spread(&looks, &pattern(), &PHASE, 0.005);
        assert_eq!(
            spread.inside,
            Above {
                total: 100.0,
                surely: 5.0,
                maybe: 10.0
            }
        );
        assert_eq!(
            spread.edge,
            Above {
                total: 7.0,
                surely: 1.0,
                maybe: 1.0
            }
        );
        let (least, greatest) = spread.share_above().unwrap();
        assert!((least - 5.0 / 106.0).abs() < 1e-9, "{least}");
        assert!((greatest - 11.0 / 101.0).abs() < 1e-9, "{greatest}");
        assert_eq!(spread.parts.above(0.0).total, 100.0);
    }

    #[test]
    fn a_limit_at_a_bound_is_not_blurred_by_buckets() {
        let looks = histogram(&at(&[100, 500]), &[[0.0, 0.0, 0.0], [99.0, 100.0, 100.0]]);
        let spread = spread(&looks, &pattern(), &PHASE, 0.001);
        assert_eq!((spread.inside.surely, spread.inside.maybe), (1.0, 1.0));
    }

    #[test]
    fn a_process_that_was_replaced_is_told_and_counts_from_zero() {
        let times = [(150, Some(1.0)), (500, Some(9.0))];
        let looks = histogram(&times, &[[5.0, 5.0, 5.0], [7.0, 7.0, 7.0]]);
        let spread = spread(&looks, &pattern(), &PHASE, 1.0);
        assert_eq!((spread.inside.total, spread.resets.len()), (7.0, 1));
    }

    #[test]
    fn other_labels_are_left_out_and_a_histogram_without_buckets_is_told() {
        let looks = histogram(&at(&[150, 500]), &[[0.0; 3], [1.0, 1.0, 1.0]]);
        let mut sell = pattern();
        sell.labels.insert("side".into(), "sell".into());
        assert_eq!(spread(&looks, &sell, &PHASE, 1.0).series, 0);
        let native = target(&at(&[150 * UNIT_NS, 500 * UNIT_NS]), "x", &[]).with(
            "h_bucket",
            &[("le", "+Inf")],
            &[(0, 1.0), (1, 9.0)],
        );
        let spread = spread(&native, &pattern(), &PHASE, 1.0);
        assert!(spread.bucketless && spread.inside.total == 8.0);
        assert_eq!((spread.inside.surely, spread.inside.maybe), (0.0, 8.0));
    }

    #[test]
    fn without_observations_there_is_no_share() {
        let looks = histogram(&at(&[150, 500]), &[[3.0; 3], [3.0; 3]]);
        assert_eq!(spread(&looks, &pattern(), &PHASE, 1.0).share_above(), None);
    }

    /// Native histograms of schema 0, with these counts in the buckets up to 1 and up to 2.
    fn native(looks: Looks, counts: &[[f64; 2]]) -> Looks {
        let seen = counts.iter().enumerate().map(|(look, counts)| {
            let positive = vec![(0, counts[0]), (1, counts[1])];
            let own = NativeHistogram {
                count: counts.iter().sum(),
                positive,
                ..NativeHistogram::default()
            };
            (look, own)
        });
        looks.with_native("h", &[("side", "buy")], seen.collect())
    }

    #[test]
    fn native_buckets_are_followed_and_a_reset_of_theirs_is_told() {
        let empty = target(&at(&[150 * UNIT_NS, 500 * UNIT_NS]), "x", &[]);
        let looks = native(empty, &[[5.0, 5.0], [94.0, 15.0]]);
        let spread = spread(&looks, &pattern(), &PHASE, 1.0);
        assert_eq!((spread.series, spread.resets.len()), (1, 0));
        let above = (spread.inside.surely, spread.inside.maybe);
        assert_eq!((spread.inside.total, above), (99.0, (10.0, 10.0)));
        let lies = spread.parts.quantile(0.99).unwrap();
        assert_eq!((lies.lower, lies.upper), (1.0, 2.0));
        let empty = target(&at(&[150 * UNIT_NS, 500 * UNIT_NS]), "x", &[]);
        let anew = native(empty, &[[5.0, 5.0], [94.0, 3.0]]);
        let spread = super::spread(&anew, &pattern(), &PHASE, 1.0);
        assert_eq!((spread.inside.total, spread.resets.len()), (97.0, 1));
    }

    #[test]
    fn of_both_kinds_the_classic_one_counts_where_the_limit_is_a_bound_of_it() {
        let classic = || histogram(&at(&[150, 500]), &[[0.0; 3], [50.0, 100.0, 100.0]]);
        let both = || native(classic(), &[[0.0, 0.0], [100.0, 0.0]]);
        let told = |limit| {
            let spread = spread(&both(), &pattern(), &PHASE, limit);
            assert_eq!((spread.series, spread.inside.total), (1, 100.0));
            (spread.inside.surely, spread.inside.maybe)
        };
        assert_eq!(told(0.001), (50.0, 50.0));
        // Only the native buckets say that all of it lies above a half.
        assert_eq!(told(0.5), (100.0, 100.0));
    }
}
