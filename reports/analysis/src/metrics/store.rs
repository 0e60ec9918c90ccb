//! The samples of a run by target and series, in run time.

use std::collections::{BTreeMap, BTreeSet};

use shakedown_record::series::{NativeHistogram, Origin, SeriesRecord};
use shakedown_record::{RunZero, Window};
use shakedown_scenarios::plan::SeriesPattern;

/// Labels of a series.
pub(crate) type Labels = BTreeMap<String, String>;

/// A moment at which a target was looked at; nanoseconds since zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LookAt {
    /// No value of the look is older.
    pub asked_ns: i64,
    /// No value of the look is newer.
    pub answered_ns: i64,
    /// When the process began, by its own clock in seconds.
    pub started_s: Option<f64>,
}

impl LookAt {
    /// True when another process answers in the later of two looks; `None` when nobody says.
    pub fn is_other(&self, later: &LookAt) -> Option<bool> {
        let (before, after) = (self.started_s?, later.started_s?);
        Some((before - after).abs() > 1e-3)
    }
}

/// A look that failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failed {
    pub at_ns: i64,
    pub reason: String,
    /// There was no such process then.
    pub absent: bool,
}

/// A value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// Which of the target's looks it was seen in.
    pub look: usize,
    pub value: f64,
}

/// The looks of one target that bound a window of a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    first: usize,
    last: usize,
}

impl Frame {
    /// The look that it begins with and the one that it ends with; beyond the last look where there is none.
    pub fn ends(self) -> (usize, usize) {
        (self.first, self.last)
    }

    /// True when something that lies between two looks lies in the frame, in part at least.
    pub fn touches(self, before: usize, after: usize) -> bool {
        after > self.first && before < self.last
    }
}

/// How far within a window its first and last look may lie for the window to be taken from the one to the other. Phases begin
/// and end with a look, but that look takes a moment.
pub(crate) const SNAP_NS: i64 = 500_000_000;

/// Everything that was read of one target.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Looks {
    /// In order of time.
    pub looks: Vec<LookAt>,
    pub failed: Vec<Failed>,
    series: BTreeMap<String, BTreeMap<Labels, Vec<Point>>>,
    natives: BTreeMap<String, BTreeMap<Labels, Vec<(usize, NativeHistogram)>>>,
}

impl Looks {
    /// The series with a name, by their labels.
    pub fn named(&self, name: &str) -> impl Iterator<Item = (&Labels, &[Point])> {
        let found = self.series.get(name).into_iter().flatten();
        found.map(|(labels, points)| (labels, points.as_slice()))
    }

    /// The native histograms with a name, by their labels, each with the look that it was seen in.
    pub fn natives(
        &self,
        name: &str,
    ) -> impl Iterator<Item = (&Labels, &[(usize, NativeHistogram)])> {
        let found = self.natives.get(name).into_iter().flatten();
        found.map(|(labels, seen)| (labels, seen.as_slice()))
    }

    /// The looks that bound each window: the first and the last within it where they lie at its edges, else those around it.
    pub fn frames(&self, windows: &[Window]) -> Vec<Frame> {
        let looks = &self.looks;
        let frame = |window: &Window| {
            let starts = looks
                .iter()
                .position(|look| look.asked_ns >= window.from_ns)
                .filter(|look| looks[*look].asked_ns - window.from_ns <= SNAP_NS);
            let around = looks
                .iter()
                .rposition(|look| look.answered_ns <= window.from_ns);
            let ends = looks
                .iter()
                .rposition(|look| look.answered_ns <= window.to_ns)
                .filter(|look| window.to_ns - looks[*look].answered_ns <= SNAP_NS);
            let behind = looks.iter().position(|look| look.asked_ns >= window.to_ns);
            Frame {
                first: starts.or(around).unwrap_or(0),
                last: ends.or(behind).unwrap_or(looks.len()),
            }
        };
        windows.iter().map(frame).collect()
    }

    /// True when a look bounds the beginning of the windows, and the end of them: beyond them, or no further within than
    /// `slack_ns`.
    pub fn bounds(&self, windows: &[Window], slack_ns: i64) -> (bool, bool) {
        let (Some(first), Some(last)) = (windows.first(), windows.last()) else {
            return (false, false);
        };
        let begins = self.looks.iter().any(|look| {
            look.answered_ns <= first.from_ns
                || (0..=slack_ns).contains(&(look.asked_ns - first.from_ns))
        });
        let ends = self.looks.iter().any(|look| {
            look.asked_ns >= last.to_ns || (0..=slack_ns).contains(&(last.to_ns - look.answered_ns))
        });
        (begins, ends)
    }

    /// The last reason why a look between two moments failed.
    pub fn why_between(&self, from_ns: i64, to_ns: i64) -> Option<&str> {
        let mut failed = self.failed.iter().rev();
        let failed = failed.find(|failed| (from_ns..=to_ns).contains(&failed.at_ns));
        failed.map(|failed| failed.reason.as_str())
    }
}

/// The looks in which a series that fits was there.
pub(crate) fn fires_at(target: &Looks, pattern: &SeriesPattern) -> BTreeSet<usize> {
    let named = target.named(&pattern.name);
    let fitting = named.filter(|(labels, _)| pattern.fits(labels));
    fitting
        .flat_map(|(_, points)| points.iter().map(|point| point.look))
        .collect()
}

/// All that was read in a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Store {
    targets: BTreeMap<(Origin, String), Looks>,
    /// What came late was not kept: the file was full.
    pub full: bool,
}

impl Store {
    /// What a file says, in run time.
    pub fn of(record: &SeriesRecord, zero: RunZero) -> Self {
        let mut store = Self {
            targets: BTreeMap::new(),
            full: record.full,
        };
        let mut looks: Vec<_> = record.looks.iter().collect();
        looks.sort_by_key(|look| look.asked_ns);
        for look in looks {
            let known = store
                .targets
                .entry((look.origin, look.target.clone()))
                .or_default();
            let number = known.looks.len();
            known.looks.push(LookAt {
                asked_ns: zero.since_ns(look.asked_ns),
                answered_ns: zero.since_ns(look.answered_ns),
                started_s: look.started_s,
            });
            for (id, value) in &look.values {
                let series = &record.series[*id as usize];
                let points = known
                    .series
                    .entry(series.name.clone())
                    .or_default()
                    .entry(series.labels.clone())
                    .or_default();
                points.push(Point {
                    look: number,
                    value: value.0,
                });
            }
            for (id, histogram) in &look.histograms {
                let series = &record.series[*id as usize];
                let named = known.natives.entry(series.name.clone()).or_default();
                let seen = named.entry(series.labels.clone()).or_default();
                seen.push((number, histogram.clone()));
            }
        }
        for gap in &record.gaps {
            let known = store
                .targets
                .entry((gap.origin, gap.target.clone()))
                .or_default();
            known.failed.push(Failed {
                at_ns: zero.since_ns(gap.asked_ns),
                reason: gap.reason.clone(),
                absent: gap.absent,
            });
        }
        store
    }

    /// What was read of a target.
    pub fn of_target(&self, origin: Origin, target: &str) -> Option<&Looks> {
        self.targets.get(&(origin, target.to_string()))
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// Looks at these times (asked, in nanoseconds, answered 10 later), with the start of the process.
    pub(crate) fn looks(at: &[(i64, Option<f64>)]) -> Vec<LookAt> {
        let look = |(asked_ns, started_s): &(i64, Option<f64>)| LookAt {
            asked_ns: *asked_ns,
            answered_ns: asked_ns + 10,
            started_s: *started_s,
        };
        at.iter().map(look).collect()
    }

    /// A target with one series without labels.
    pub(crate) fn target(at: &[(i64, Option<f64>)], name: &str, values: &[(usize, f64)]) -> Looks {
        let points = values.iter().map(|(look, value)| Point {
            look: *look,
            value: *value,
        });
        let series = BTreeMap::from([(Labels::new(), points.collect())]);
        Looks {
            looks: looks(at),
            failed: Vec::new(),
            series: BTreeMap::from([(name.to_string(), series)]),
            natives: BTreeMap::new(),
        }
    }

    impl Looks {
        pub(crate) fn with_native(
            mut self,
            name: &str,
            labels: &[(&str, &str)],
            seen: Vec<(usize, NativeHistogram)>,
        ) -> Self {
            let labels = labels.iter();
            let labels = labels.map(|(name, value)| (name.to_string(), value.to_string()));
            let named = self.natives.entry(name.to_string()).or_default();
            named.insert(labels.collect(), seen);
            self
        }

        pub(crate) fn with(
            mut self,
            name: &str,
            labels: &[(&str, &str)],
            values: &[(usize, f64)],
        ) -> Self {
            let labels = labels.iter();
            let labels: Labels = labels
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect();
            let points = values.iter().map(|(look, value)| Point {
                look: *look,
                value: *value,
            });
            let named = self.series.entry(name.to_string()).or_default();
            named.insert(labels, points.collect());
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use shakedown_record::series::{Gap, Look, SampleValue, Series, SeriesKind};

    use super::*;

    #[test]
    fn a_window_is_taken_from_look_to_look_where_they_lie_at_its_edges() {
        let ms = 1_000_000;
        let window = [Window {
            from_ns: 1_000 * ms,
            to_ns: 9_000 * ms,
        }];
        let at = |times: &[i64]| Looks {
            looks: testing::looks(
                &times
                    .iter()
                    .map(|time| (time * ms, None))
                    .collect::<Vec<_>>(),
            ),
            ..Looks::default()
        };
        let near = at(&[0, 1_100, 5_000, 8_900, 12_000]);
        let frame = near.frames(&window)[0];
        assert_eq!(frame, Frame { first: 1, last: 3 });
        assert!(frame.touches(1, 2) && frame.touches(0, 2) && frame.touches(2, 4));
        assert!(!frame.touches(0, 1) && !frame.touches(3, 4));
        assert_eq!(near.bounds(&window, SNAP_NS), (true, true));
        let far = at(&[0, 2_000, 5_000, 8_000, 12_000]);
        assert_eq!(far.frames(&window)[0], Frame { first: 0, last: 4 });
        assert_eq!(far.bounds(&window, SNAP_NS), (true, true));
        let late = at(&[2_000, 5_000, 8_000]);
        assert_eq!(late.bounds(&window, SNAP_NS), (false, false));
        assert!(late.frames(&window)[0].touches(1, 2));
    }

    #[test]
    fn a_file_becomes_points_in_run_time_by_target_and_series() {
        let series = |target: &str, result: &str| Series {
            target: target.into(),
            origin: Origin::Scrape,
            name: "orders_total".into(),
            labels: Labels::from([("result".to_string(), result.to_string())]),
            kind: SeriesKind::Counter,
        };
        let look = |asked_ns, values| Look {
            target: "engine-1".into(),
            origin: Origin::Scrape,
            asked_ns,
            answered_ns: asked_ns + 5,
            started_s: Some(1.0),
            values,
            histograms: Vec::new(),
        };
        let record = SeriesRecord {
            series: vec![series("engine-1", "a"), series("engine-1", "b")],
            looks: vec![
                look(200, vec![(0, SampleValue(3.0)), (1, SampleValue(1.0))]),
                look(100, vec![(0, SampleValue(2.0))]),
            ],
            gaps: vec![Gap {
                target: "engine-1".into(),
                origin: Origin::Scrape,
                asked_ns: 150,
                answered_ns: 160,
                reason: "refused".into(),
                absent: false,
            }],
            full: false,
        };
        let store = Store::of(&record, RunZero { mono_ns: 90 });
        assert!(store.of_target(Origin::Machine, "engine-1").is_none());
        let looks = store.of_target(Origin::Scrape, "engine-1").unwrap();
        assert_eq!(looks.looks[0].asked_ns, 10, "sorted, since zero");
        assert_eq!(looks.failed[0].at_ns, 60);
        assert_eq!(looks.why_between(50, 70), Some("refused"));
        assert_eq!(looks.why_between(61, 70), None);
        let found: Vec<usize> = looks
            .named("orders_total")
            .map(|(_, points)| points.len())
            .collect();
        assert_eq!(found, [2, 1]);
        assert_eq!(looks.named("other").count(), 0);
    }
}
