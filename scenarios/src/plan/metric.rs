//! Limits on series that the system exposes itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shakedown_record::phase::Phase;

use super::{Metrics, Plan, RuleKind};

/// How often each replica is scraped where the profile does not say.
pub const SCRAPE_EVERY_NS: u64 = 1_000_000_000;

/// The series by which Prometheus' client libraries say when their process began.
pub const PROCESS_START: &str = "process_start_time_seconds";

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
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
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
}

/// Which way a limit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitEnd {
    AtMost,
    AtLeast,
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
            match rule.limit {
                MetricLimit::Quantile { .. } => names.extend(histogram(&rule.of.name)),
                MetricLimit::Value { .. } | MetricLimit::Increase { .. } => {
                    names.insert(rule.of.name.clone());
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
