//! Limits on series that the system exposes itself.

use schemars::JsonSchema;
use serde::Deserialize;
use shakedown_record::phase::Phase;

use super::Entries;
use super::scalar::{Duration, Number, Percent, Rate, Symbol};

/// Limit of a quantile of a histogram.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MetricQuantile {
    /// Name of the histogram, without _bucket.
    pub(crate) of: Symbol,
    /// Labels that a series must have, with these values.
    #[serde(default)]
    pub(crate) labels: Entries<Symbol, String>,
    /// Share of observations that are at most this large.
    pub(crate) quantile: Percent,
    /// In the unit of the histogram: seconds, where its name ends with _seconds.
    pub(crate) at_most: Number,
    /// The phase in which it is measured.
    #[serde(rename = "in")]
    pub(crate) phase: Phase,
}

/// Limit of a value: exactly one of at-most and at-least.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MetricValue {
    /// Name of the series.
    pub(crate) of: Symbol,
    /// Labels that a series must have, with these values.
    #[serde(default)]
    pub(crate) labels: Entries<Symbol, String>,
    pub(crate) at_most: Option<Number>,
    pub(crate) at_least: Option<Number>,
    /// How long it must be beyond the limit, without a break, to break it. Default: one value is enough.
    #[serde(rename = "for")]
    pub(crate) for_: Option<Duration>,
    /// The phase in which it is measured.
    #[serde(rename = "in")]
    pub(crate) phase: Phase,
}

/// Limit of what is in use at any replica, as a share of what may be.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ResourceLimit {
    pub(crate) of: ResourceSpec,
    pub(crate) at_most: Percent,
    /// How long it must be above the limit, without a break, to break it. Default: one value is enough.
    #[serde(rename = "for")]
    pub(crate) for_: Option<Duration>,
    /// The phase in which it is measured.
    #[serde(rename = "in")]
    pub(crate) phase: Phase,
}

/// Something that there is only so much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ResourceSpec {
    /// CPU time, of what the limits of the container and the machine allow.
    Cpu,
    /// Memory, of the limit of the container or of the machine.
    Memory,
    /// The file system of the data.
    Disk,
}

/// Limit of the growth of a counter.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MetricIncrease {
    /// Name of the counter.
    pub(crate) of: Symbol,
    /// Labels that a series must have, with these values.
    #[serde(default)]
    pub(crate) labels: Entries<Symbol, String>,
    /// Over all replicas together.
    pub(crate) at_most: Number,
    /// In any stretch of the phase that is no longer than this.
    pub(crate) over: Duration,
    /// The phase in which it is measured.
    #[serde(rename = "in")]
    pub(crate) phase: Phase,
}

/// Limit of how fast a counter grows, over all replicas together: exactly one of at-most and at-least.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MetricRate {
    /// Name of the counter.
    pub(crate) of: Symbol,
    /// Labels that a series must have, with these values.
    #[serde(default)]
    pub(crate) labels: Entries<Symbol, String>,
    pub(crate) at_most: Option<Rate>,
    pub(crate) at_least: Option<Rate>,
    /// The phase over which it is taken on average.
    #[serde(rename = "in")]
    pub(crate) phase: Phase,
}

/// Limit of a share that two counters tell, such as filled of quoted: exactly one of at-most and at-least.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MetricRatio {
    /// Name of the counter of the part.
    pub(crate) of: Symbol,
    /// Labels that a series of the part must have, with these values.
    #[serde(default)]
    pub(crate) labels: Entries<Symbol, String>,
    /// Name of the counter of the whole.
    pub(crate) to: Symbol,
    /// Labels that a series of the whole must have, with these values.
    #[serde(default)]
    pub(crate) to_labels: Entries<Symbol, String>,
    pub(crate) at_most: Option<Percent>,
    pub(crate) at_least: Option<Percent>,
    /// The phase in which both are counted, over all replicas together.
    #[serde(rename = "in")]
    pub(crate) phase: Phase,
}

/// Limit of how much smaller the mean of one series is than that of another: gauges or histograms, for each set of labels.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SpreadLimit {
    /// Name of the gauge or histogram of the system's own spread.
    pub(crate) of: Symbol,
    /// Labels that such a series must have, with these values.
    #[serde(default)]
    pub(crate) labels: Entries<Symbol, String>,
    /// Name of the gauge or histogram of the spread without it.
    pub(crate) over: Symbol,
    /// Labels that such a series must have, with these values.
    #[serde(default)]
    pub(crate) over_labels: Entries<Symbol, String>,
    /// Of the spread without it.
    pub(crate) at_least: Percent,
    /// The phase in which it is measured.
    #[serde(rename = "in")]
    pub(crate) phase: Phase,
}
