//! Means of two series over a phase, side by side for each set of labels: gauges by their values at the looks, histograms by all
//! that they counted.

use std::collections::BTreeMap;

use shakedown_record::Window;
use shakedown_scenarios::plan::{LimitEnd, MEAN_COUNT, MEAN_SUM, SeriesPattern};

use super::counter::{Course, course};
use super::growth::{growth, stretches};
use super::level::{Rules, levels};
use super::store::{Labels, Looks, Point};
use super::stretch::Bounds;

/// What two series came to with one set of labels.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pair {
    pub own: Total,
    pub other: Total,
}

/// What a mean is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Total {
    pub sum: Bounds,
    pub count: Bounds,
}

impl Total {
    /// `None` where nothing was certainly counted.
    pub fn mean(&self) -> Option<Bounds> {
        (self.count.at_least > 0.0).then(|| Bounds {
            at_least: self.sum.at_least / self.count.at_most,
            at_most: self.sum.at_most / self.count.at_least,
        })
    }

    fn add(&mut self, sum: Bounds, count: Bounds) {
        self.sum.at_least += sum.at_least;
        self.sum.at_most += sum.at_most;
        self.count.at_least += count.at_least;
        self.count.at_most += count.at_most;
    }
}

impl Pair {
    /// By which share the own mean is below the other: at least, at most. `None` where one of them is not known, or the
    /// other is nothing.
    pub fn improvement(&self) -> Option<Bounds> {
        let (own, other) = (self.own.mean()?, self.other.mean()?);
        (other.at_least > 0.0).then(|| Bounds {
            at_least: 1.0 - own.at_most / other.at_least,
            at_most: 1.0 - own.at_least / other.at_most,
        })
    }
}

/// What the series of one or several targets came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Means {
    pub pairs: BTreeMap<Labels, Pair>,
    /// Why not all of it is known; the first.
    pub doubt: Option<String>,
}

/// What is compared, in a phase.
pub(crate) struct Compared<'a> {
    pub own: &'a SeriesPattern,
    pub other: &'a SeriesPattern,
    pub windows: &'a [Window],
    /// A longer stretch without a value of a gauge is a hole.
    pub hole_ns: i64,
}

impl Means {
    /// Adds what another target came to.
    pub fn merge(&mut self, other: Means, name: &str) {
        for (labels, pair) in other.pairs {
            let known = self.pairs.entry(labels).or_default();
            known.own.add(pair.own.sum, pair.own.count);
            known.other.add(pair.other.sum, pair.other.count);
        }
        let at = |why: String| format!("{why} (at {name})");
        self.doubt = self.doubt.take().or_else(|| other.doubt.map(at));
    }

    /// Adds what a target says. `doubt_of` puts into words what leaves a counter open.
    pub fn add(
        &mut self,
        looks: &Looks,
        compared: &Compared,
        doubt_of: &dyn Fn(&Course) -> Option<String>,
    ) {
        let is_histogram = |of: &SeriesPattern| {
            looks
                .named(&(of.name.clone() + MEAN_COUNT))
                .next()
                .is_some()
        };
        match is_histogram(compared.own) && is_histogram(compared.other) {
            true => self.add_histograms(looks, compared, doubt_of),
            false => self.add_gauges(looks, compared),
        }
    }

    fn add_histograms(
        &mut self,
        looks: &Looks,
        compared: &Compared,
        doubt_of: &dyn Fn(&Course) -> Option<String>,
    ) {
        let frames = looks.frames(compared.windows);
        let stretches = stretches(looks, compared.windows);
        for (of, is_own) in [(compared.own, true), (compared.other, false)] {
            let counts = picked(looks, &(of.name.clone() + MEAN_COUNT), of);
            for (labels, points) in picked(looks, &(of.name.clone() + MEAN_SUM), of) {
                let Some(counts) = counts.get(&labels) else {
                    continue;
                };
                let [sum, count] = [points, *counts].map(|points| {
                    let course = course(looks, points, &frames);
                    self.doubt = self.doubt.take().or_else(|| doubt_of(&course));
                    growth(&course, &stretches)
                });
                self.total(labels, is_own).add(sum, count);
            }
        }
    }

    /// Values of both at the same looks: each pair is of one moment.
    fn add_gauges(&mut self, looks: &Looks, compared: &Compared) {
        let mut others = picked(looks, &compared.other.name, compared.other);
        for (labels, own) in picked(looks, &compared.own.name, compared.own) {
            let Some(other) = others.remove(&labels) else {
                self.pairs.entry(labels).or_default();
                continue;
            };
            let both = both(own, other);
            let holes = holes(looks, &both, compared);
            self.doubt = self.doubt.take().or(holes);
            for (point, value) in &both {
                let look = &looks.looks[point.look];
                let inside = |window: &Window| {
                    window.from_ns <= look.asked_ns && look.answered_ns <= window.to_ns
                };
                if compared.windows.iter().any(inside) {
                    let exactly = |value: f64| Bounds {
                        at_least: value,
                        at_most: value,
                    };
                    self.total(labels.clone(), true)
                        .add(exactly(point.value), exactly(1.0));
                    self.total(labels.clone(), false)
                        .add(exactly(*value), exactly(1.0));
                }
            }
        }
        for labels in others.into_keys() {
            self.pairs.entry(labels).or_default();
        }
    }

    fn total(&mut self, labels: Labels, is_own: bool) -> &mut Total {
        let pair = self.pairs.entry(labels).or_default();
        match is_own {
            true => &mut pair.own,
            false => &mut pair.other,
        }
    }
}

/// The series with a name that fit, by the labels that were not asked for.
fn picked<'a>(looks: &'a Looks, name: &str, of: &SeriesPattern) -> BTreeMap<Labels, &'a [Point]> {
    let fitting = looks.named(name).filter(|(labels, _)| of.fits(labels));
    fitting
        .map(|(labels, points)| {
            let mut left = labels.clone();
            left.retain(|label, _| !of.labels.contains_key(label));
            (left, points)
        })
        .collect()
}

/// The looks at which both are numbers, with the value of the other.
fn both(own: &[Point], other: &[Point]) -> Vec<(Point, f64)> {
    let at = |look: usize| {
        let found = other.binary_search_by_key(&look, |point| point.look);
        found.ok().map(|at| other[at].value)
    };
    let paired = own.iter().filter_map(|point| {
        let value = at(point.look)?;
        (point.value.is_finite() && value.is_finite()).then_some((*point, value))
    });
    paired.collect()
}

/// Where the two were not seen together for too long.
fn holes(looks: &Looks, both: &[(Point, f64)], compared: &Compared) -> Option<String> {
    let points: Vec<Point> = both.iter().map(|(point, _)| *point).collect();
    let anything = Rules {
        end: LimitEnd::AtMost,
        limit: f64::INFINITY,
        hole_ns: compared.hole_ns,
    };
    let levels = levels(looks, &points, compared.windows, anything);
    let hole = levels.holes.first()?;
    Some(format!(
        "there is no value of both {} and {} between {:.3} s and {:.3} s",
        compared.own.words(),
        compared.other.words(),
        hole.from_ns as f64 / 1e9,
        hole.to_ns as f64 / 1e9
    ))
}

#[cfg(test)]
mod tests {
    use super::super::store::testing::target;
    use super::*;

    fn pattern(name: &str, labels: &[(&str, &str)]) -> SeriesPattern {
        let labels = labels.iter();
        SeriesPattern {
            name: name.to_string(),
            labels: labels
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
        }
    }

    fn means(looks: &Looks, own: &SeriesPattern, other: &SeriesPattern) -> Means {
        let windows = [Window {
            from_ns: 0,
            to_ns: 310,
        }];
        let compared = Compared {
            own,
            other,
            windows: &windows,
            hole_ns: 250,
        };
        let mut means = Means::default();
        means.add(looks, &compared, &|course| {
            course.resets.first().map(|_| "it began anew".to_string())
        });
        means
    }

    const AT: [(i64, Option<f64>); 4] = [
        (0, Some(1.0)),
        (100, Some(1.0)),
        (200, Some(1.0)),
        (300, Some(1.0)),
    ];

    #[test]
    fn gauges_are_compared_at_the_looks_at_which_both_are_there() {
        let own = [(0, 8.0), (1, 8.0), (2, f64::NAN), (3, 6.0)];
        let other = [(0, 10.0), (2, 500.0), (3, 10.0)];
        let looks = target(&AT, "own", &own).with("other", &[], &other);
        let means = means(&looks, &pattern("own", &[]), &pattern("other", &[]));
        let pair = &means.pairs[&Labels::new()];
        assert_eq!(pair.own.count.at_least, 2.0);
        let better = pair.improvement().unwrap();
        assert!((better.at_least - 0.3).abs() < 1e-12, "{better:?}");
        assert_eq!(better.at_least, better.at_most);
        let why = means.doubt.expect("from 10 to 300 nothing was seen");
        assert!(why.contains("both own and other"), "{why}");
    }

    #[test]
    fn labels_that_tell_the_two_apart_do_not_keep_them_apart() {
        let value = |value: f64| [(0, value), (1, value), (2, value), (3, value)];
        let looks = target(&AT, "unused", &[])
            .with("spread", &[("of", "us"), ("symbol", "A")], &value(9.0))
            .with("spread", &[("of", "us"), ("symbol", "B")], &value(5.0))
            .with("spread", &[("of", "all"), ("symbol", "A")], &value(10.0))
            .with("spread", &[("of", "all"), ("symbol", "B")], &value(20.0));
        let (us, all) = (
            pattern("spread", &[("of", "us")]),
            pattern("spread", &[("of", "all")]),
        );
        let means = means(&looks, &us, &all);
        let better: Vec<f64> = means
            .pairs
            .values()
            .map(|pair| pair.improvement().unwrap().at_least)
            .collect();
        assert!((better[0] - 0.1).abs() < 1e-12 && (better[1] - 0.75).abs() < 1e-12);
        assert_eq!(means.doubt, None);
    }

    #[test]
    fn one_without_the_other_is_told_apart_from_nothing() {
        let value = [(0, 1.0), (1, 1.0), (2, 1.0), (3, 1.0)];
        let looks = target(&AT, "unused", &[])
            .with("own", &[("symbol", "A")], &value)
            .with("other", &[("symbol", "B")], &value);
        let means = means(&looks, &pattern("own", &[]), &pattern("other", &[]));
        assert_eq!(means.pairs.len(), 2);
        assert!(
            means
                .pairs
                .values()
                .all(|pair| pair.improvement().is_none())
        );
    }

    #[test]
    fn histograms_are_compared_by_all_that_they_counted() {
        let looks = target(&AT, "own_sum", &[(0, 100.0), (3, 190.0)])
            .with("own_count", &[], &[(0, 10.0), (3, 20.0)])
            .with("other_sum", &[], &[(0, 0.0), (3, 200.0)])
            .with("other_count", &[], &[(0, 0.0), (3, 20.0)]);
        let means = means(&looks, &pattern("own", &[]), &pattern("other", &[]));
        let better = means.pairs[&Labels::new()].improvement().unwrap();
        assert!((better.at_least - 0.1).abs() < 1e-12, "{better:?}");
        assert_eq!(means.doubt, None);
    }

    #[test]
    fn a_mean_of_nothing_and_a_baseline_of_nothing_are_not_known() {
        let same = [(0, 3.0), (1, 3.0), (2, 3.0), (3, 3.0)];
        let nothing = [(0, 0.0), (1, 0.0), (2, 0.0), (3, 0.0)];
        let looks = target(&AT, "own", &same).with("other", &[], &nothing);
        let means = means(&looks, &pattern("own", &[]), &pattern("other", &[]));
        assert_eq!(means.pairs[&Labels::new()].improvement(), None);
        assert_eq!(Total::default().mean(), None);
    }
}
