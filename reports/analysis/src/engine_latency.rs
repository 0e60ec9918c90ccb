//! The engine's own latency histogram, from scrapes of its cumulative buckets.
//!
//! Method: what was counted between two scrapes of a replica belongs to the phase in which the middle of that
//! interval lies; a count that falls is a restart, after which the counters began at zero (as `increase` of
//! Prometheus). Replicas are merged bucket by bucket. A quantile is interpolated linearly within its bucket (as
//! `histogram_quantile`): it is only known to lie between the bounds of that bucket.

use std::collections::BTreeMap;

use shakedown_record::event::Bucket;
use shakedown_record::histogram::LatencySummary;
use shakedown_record::{Phase, PhaseWindows};

use crate::facts::{Facts, Scrape};

/// Observations by upper bound, not cumulative; merged over replicas.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct EngineHistogram {
    /// Upper bound in seconds (infinity last) and observations in the bucket.
    buckets: Vec<(f64, u64)>,
}

/// A quantile and the bounds of the bucket in which it lies, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct EngineQuantile {
    pub lower_s: f64,
    /// `None`: above the highest bound of the histogram.
    pub bounded: Option<Bounded>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounded {
    pub value_s: f64,
    pub upper_s: f64,
}

impl EngineHistogram {
    /// Adds what was counted between two cumulative histograms; without an earlier one it began at zero.
    pub fn add_difference(&mut self, before: Option<&[Bucket]>, after: &[Bucket]) {
        let mut below = 0;
        for bucket in sorted(after) {
            let at_before = before.map_or(0, |buckets| count_at(buckets, bucket.le_s));
            let cumulative = bucket.count.saturating_sub(at_before);
            self.add(
                bucket.le_s.unwrap_or(f64::INFINITY),
                cumulative.saturating_sub(below),
            );
            below = below.max(cumulative);
        }
    }

    fn add(&mut self, upper_s: f64, n: u64) {
        match self
            .buckets
            .binary_search_by(|(bound, _)| bound.total_cmp(&upper_s))
        {
            Ok(index) => self.buckets[index].1 += n,
            Err(index) => self.buckets.insert(index, (upper_s, n)),
        }
    }

    /// Adds another histogram, bucket by bucket.
    pub fn merge(&mut self, other: &EngineHistogram) {
        other
            .buckets
            .iter()
            .for_each(|(upper_s, n)| self.add(*upper_s, *n));
    }

    /// Observations.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, n)| n).sum()
    }

    /// A quantile (0 to 1); `None` without observations.
    pub fn quantile(&self, quantile: f64) -> Option<EngineQuantile> {
        let rank = quantile * self.count() as f64;
        let (mut below, mut lower_s) = (0, 0.0);
        for (upper_s, n) in &self.buckets {
            if *n > 0 && (below + n) as f64 >= rank {
                let part = (rank - below as f64).max(0.0) / *n as f64;
                let bounded = upper_s.is_finite().then(|| Bounded {
                    value_s: lower_s + (upper_s - lower_s) * part,
                    upper_s: *upper_s,
                });
                return Some(EngineQuantile { lower_s, bounded });
            }
            below += n;
            lower_s = *upper_s;
        }
        None
    }

    /// The figures of the record; a quantile above the highest bound is null, and the maximum is not known.
    pub fn summary(&self) -> LatencySummary {
        let at =
            |quantile: f64| Some((self.quantile(quantile)?.bounded?.value_s * 1e9).round() as u64);
        LatencySummary {
            count: self.count(),
            p50_ns: at(0.50),
            p95_ns: at(0.95),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            max_ns: None,
        }
    }
}

fn sorted(buckets: &[Bucket]) -> Vec<Bucket> {
    let mut sorted = buckets.to_vec();
    let bound = |bucket: &Bucket| bucket.le_s.unwrap_or(f64::INFINITY);
    sorted.sort_by(|a, b| bound(a).total_cmp(&bound(b)));
    sorted
}

fn count_at(buckets: &[Bucket], le_s: Option<f64>) -> u64 {
    buckets
        .iter()
        .find(|bucket| bucket.le_s == le_s)
        .map_or(0, |bucket| bucket.count)
}

/// The engine's histogram in each phase; empty when there were not two scrapes of any replica.
pub(crate) fn by_phase(facts: &Facts, windows: &PhaseWindows) -> BTreeMap<Phase, EngineHistogram> {
    let mut phases: BTreeMap<Phase, EngineHistogram> = BTreeMap::new();
    let mut last: BTreeMap<&str, &Scrape> = BTreeMap::new();
    for scrape in &facts.scrapes {
        let Some(before) = last.insert(&scrape.replica, scrape) else {
            continue;
        };
        let middle = before.mono_ns + (scrape.mono_ns - before.mono_ns.min(scrape.mono_ns)) / 2;
        let Some(at_ns) = facts
            .since_zero(middle)
            .filter(|at| (0..windows.end_ns).contains(at))
        else {
            continue;
        };
        let restarted = scrape.count < before.count
            || before
                .buckets
                .iter()
                .any(|old| count_at(&scrape.buckets, old.le_s) < old.count);
        phases
            .entry(windows.phase_at(at_ns))
            .or_default()
            .add_difference((!restarted).then_some(&before.buckets), &scrape.buckets);
    }
    let mut run = EngineHistogram::default();
    for (phase, histogram) in &phases {
        if *phase != Phase::WarmUp {
            run.merge(histogram);
        }
    }
    phases.insert(Phase::Run, run);
    phases
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_record::RunZero;

    fn scrape(mono_ns: u64, counts: [u64; 3]) -> Scrape {
        let bounds = [Some(0.001), Some(0.01), None];
        let buckets = bounds
            .iter()
            .zip(counts)
            .map(|(le_s, count)| Bucket { le_s: *le_s, count });
        Scrape {
            mono_ns,
            replica: "engine-1".to_string(),
            buckets: buckets.collect(),
            count: counts[2],
        }
    }

    fn facts(scrapes: Vec<Scrape>) -> Facts {
        Facts {
            zero: Some(RunZero { mono_ns: 0 }),
            scrapes,
            ..Facts::default()
        }
    }

    fn steady(end_ns: i64) -> PhaseWindows {
        PhaseWindows {
            steady_from_ns: Some(100),
            impacts: Vec::new(),
            end_ns,
        }
    }

    #[test]
    fn a_phase_gets_what_was_counted_in_it_and_a_restart_counts_from_zero() {
        let scrapes = vec![
            scrape(0, [50, 50, 50]),
            scrape(90, [90, 90, 90]),
            scrape(200, [180, 190, 190]),
            scrape(300, [5, 10, 10]),
        ];
        let phases = by_phase(&facts(scrapes), &steady(1_000));
        assert_eq!(phases[&Phase::WarmUp].count(), 40);
        assert_eq!(phases[&Phase::Steady].count(), 110);
        assert_eq!(phases[&Phase::Run], phases[&Phase::Steady]);
        let median = phases[&Phase::Steady].quantile(0.5).unwrap();
        let value_s = median.bounded.unwrap().value_s;
        assert!((value_s - 0.001 * 55.0 / 95.0).abs() < 1e-9, "{value_s}");
    }

    #[test]
    fn above_the_highest_bound_is_not_a_number() {
        let phases = by_phase(
            &facts(vec![scrape(100, [0, 0, 0]), scrape(200, [1, 2, 100])]),
            &steady(1_000),
        );
        let p99 = phases[&Phase::Steady].quantile(0.99).unwrap();
        assert_eq!(
            p99,
            EngineQuantile {
                lower_s: 0.01,
                bounded: None
            }
        );
        assert_eq!(phases[&Phase::Steady].summary().p99_ns, None);
    }

    #[test]
    fn one_scrape_counts_nothing() {
        let phases = by_phase(&facts(vec![scrape(100, [9, 9, 9])]), &steady(1_000));
        assert_eq!(phases[&Phase::Run].count(), 0);
        assert_eq!(phases[&Phase::Run].quantile(0.5), None);
    }
}
