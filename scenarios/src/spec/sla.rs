//! SLA rules, which a scenario and a profile write alike.

use schemars::JsonSchema;
use serde::Deserialize;
use shakedown_record::phase::Phase;
use shakedown_record::run_record::Severity;

use super::scalar::{Duration, Percent, Rate};

/// One SLA rule: exactly one kind beside `severity` and `source`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RuleSpec {
    /// `critical` (the default) decides the verdict; `warning` is only reported.
    pub(crate) severity: Option<Severity>,
    /// Where the limit comes from, such as a contract and its section.
    pub(crate) source: Option<String>,
    /// Response time at the client, from the intended send time; failures count as the timeout.
    pub(crate) latency: Option<LatencyLimit>,
    /// Latency by the engine's own histogram.
    pub(crate) engine_latency: Option<LatencyLimit>,
    /// Acknowledged per second.
    pub(crate) throughput: Option<ThroughputLimit>,
    /// Time until service was good again after each fault, as the worst-off client saw it.
    pub(crate) failover: Option<DurationLimit>,
    /// Share of scheduled orders, and of time, that was served; the worse one counts.
    pub(crate) availability: Option<AvailabilityLimit>,
    /// Share of orders that were neither acknowledged nor rejected.
    pub(crate) error_rate: Option<ShareLimit>,
    /// Share of orders that were rejected.
    pub(crate) reject_rate: Option<ShareLimit>,
    /// Acknowledged orders that are on no copy.
    pub(crate) lost_orders: Option<CountLimit>,
    /// Acknowledged orders that are missing on some copies.
    pub(crate) divergent_orders: Option<CountLimit>,
    /// Orders that are there though rejected or never sent.
    pub(crate) phantom_orders: Option<CountLimit>,
    /// Orders that are there twice.
    pub(crate) duplicate_orders: Option<CountLimit>,
    /// Orders that are there with other values than were sent.
    pub(crate) corrupt_orders: Option<CountLimit>,
    /// Orders of which nobody can say whether they were executed.
    pub(crate) unresolved_orders: Option<CountLimit>,
    /// Age of the oldest lost order when the fault struck.
    pub(crate) rpo: Option<DurationLimit>,
}

/// Limit of a latency quantile.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LatencyLimit {
    /// Share of messages that are at most this slow.
    pub(crate) quantile: Percent,
    pub(crate) at_most: Duration,
    /// The phase in which it is measured.
    #[serde(rename = "in")]
    pub(crate) phase: Phase,
}

/// Limit of achieved throughput.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ThroughputLimit {
    pub(crate) at_least: Rate,
    /// The phase in which it is measured.
    #[serde(rename = "in")]
    pub(crate) phase: Phase,
}

/// Limit of a time.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct DurationLimit {
    pub(crate) at_most: Duration,
}

/// Limit of a share.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ShareLimit {
    pub(crate) at_most: Percent,
    /// The phase in which it is measured.
    #[serde(rename = "in")]
    pub(crate) phase: Phase,
}

/// Limit of a number of orders.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CountLimit {
    pub(crate) at_most: u64,
}

/// Limit of availability.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AvailabilityLimit {
    pub(crate) at_least: Percent,
    /// `run`: as measured; `projected`: over 30 days with `failures-per-30d` failures like the one measured.
    pub(crate) over: Span,
    /// Needed with `projected`.
    pub(crate) failures_per_30d: Option<f64>,
}

/// What availability is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Span {
    /// This run.
    Run,
    /// Thirty days with a stated number of failures.
    Projected,
}
