//! Limits on series that the system exposes itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shakedown_record::phase::Phase;

use super::{Metrics, Plan, RuleKind};

/// How often each replica is scraped where the profile does not say.
pub const SCRAPE_EVERY_NS: u64 = 1_000_000_000;

/// The series by which Prometheus' client libraries say when their process began.
pub const PROCESS_START: &str = "process_start_time_seconds";

/// What the name of a histogram is followed by in the series of its sum, and in that of its count.
pub const MEAN_SUM: &str = "_sum";
pub const MEAN_COUNT: &str = "_count";

/// A limit on one or several series of every replica that orders enter through.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricRule {
    pub of: SeriesPattern,
    pub limit: MetricLimit,
    pub phase: Phase,
}

/// Which series are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeriesPattern {
    /// Of a histogram, the name without `_bucket`.
    pub name: String,
    /// Labels that a series must have, with these values; others may be there.
    pub labels: BTreeMap<String, String>,
}

impl SeriesPattern {
    /// True when a series with these labels is meant, if its name is the right one.
    pub fn fits(&self, labels: &BTreeMap<String, String>) -> bool {
        let mut wanted = self.labels.iter();
        wanted.all(|(name, value)| labels.get(name) == Some(value))
    }

    /// It as Prometheus writes it: `orders_total{result="unknown"}`.
    pub fn words(&self) -> String {
        let labels = self.labels.iter();
        let labels: Vec<String> = labels
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        match labels.is_empty() {
            true => self.name.clone(),
            false => format!("{}{{{}}}", self.name, labels.join(",")),
        }
    }
}

/// What is limited of them. Limits are in the unit of the series.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetricLimit {
    /// A quantile (0 to 1) of a histogram, over all replicas.
    Quantile { quantile: f64, at_most: f64 },
    /// The value at every replica; broken once it was beyond the limit for `for_ns` without a break.
    Value {
        end: LimitEnd,
        limit: f64,
        for_ns: u64,
    },
    /// By how much a counter may grow, over all replicas, in any stretch of the phase that is no longer than `over_ns`.
    Increase { at_most: f64, over_ns: u64 },
    /// By how much a counter grows per second, over all replicas, on average over the phase.
    Rate { end: LimitEnd, limit_per_s: f64 },
    /// The growth of a counter as a share (of 1) of that of another, over all replicas.
    Ratio {
        to: SeriesPattern,
        end: LimitEnd,
        limit: f64,
    },
    /// By which share (of 1) the mean is below that of another gauge or histogram, for each set of labels.
    Improvement { over: SeriesPattern, at_least: f64 },
}

impl MetricLimit {
    /// The field under which it is written.
    pub fn name(&self) -> &'static str {
        match self {
            MetricLimit::Quantile { .. } => "metric-quantile",
            MetricLimit::Value { .. } => "metric-value",
            MetricLimit::Increase { .. } => "metric-increase",
            MetricLimit::Rate { .. } => "metric-rate",
            MetricLimit::Ratio { .. } => "metric-ratio",
            MetricLimit::Improvement { .. } => "spread-improvement",
        }
    }
}

/// Which way a limit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitEnd {
    AtMost,
    AtLeast,
}

/// The series by which the mean of a gauge or a histogram is known.
fn mean_of(name: &str) -> [String; 3] {
    ["", MEAN_SUM, MEAN_COUNT].map(|part| format!("{name}{part}"))
}

impl Metrics {
    /// Time between two scrapes of one replica, in nanoseconds.
    pub fn scrape_every_ns(&self) -> u64 {
        self.every_ns.unwrap_or(SCRAPE_EVERY_NS)
    }
}

impl Plan {
    /// True when a rule asks what the system uses of its machine.
    pub fn watches_resources(&self) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| matches!(rule.kind, RuleKind::Resource(_)))
    }

    /// True when a rule asks for a quantile of a histogram, which may be a native one.
    pub fn asks_for_quantiles(&self) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| {
            let RuleKind::Metric(rule) = &rule.kind else {
                return false;
            };
            matches!(rule.limit, MetricLimit::Quantile { .. })
        })
    }

    /// Names of the series that are kept while the run goes on; empty when nothing is scraped on a schedule, because no
    /// rule asks for a series and the profile states no interval.
    pub fn series_kept(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let Some(metrics) = &self.system.metrics else {
            return names;
        };
        let histogram = |name: &str| ["_bucket", "_count"].map(|part| format!("{name}{part}"));
        for rule in &self.rules {
            let RuleKind::Metric(rule) = &rule.kind else {
                continue;
            };
            let of = &rule.of.name;
            match &rule.limit {
                MetricLimit::Quantile { .. } => names.extend(histogram(of)),
                MetricLimit::Value { .. }
                | MetricLimit::Increase { .. }
                | MetricLimit::Rate { .. } => names.extend([of.clone()]),
                MetricLimit::Ratio { to, .. } => names.extend([of.clone(), to.name.clone()]),
                MetricLimit::Improvement { over, .. } => {
                    names.extend([of, &over.name].into_iter().flat_map(|name| mean_of(name)));
                }
            }
        }
        if names.is_empty() && metrics.every_ns.is_none() {
            return names;
        }
        names.extend(metrics.latency.iter().flat_map(|name| histogram(name)));
        names.insert(PROCESS_START.to_string());
        names
    }
}
