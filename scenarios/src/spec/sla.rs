//! SLA rules, which a scenario and a profile write alike.

use schemars::JsonSchema;
use serde::Deserialize;
use shakedown_record::phase::Phase;
use shakedown_record::run_record::Severity;

use super::alert::AlertLimit;
use super::canary::CanaryLimit;
use super::isolation::IsolationLimit;
use super::metric::{
    MetricIncrease, MetricQuantile, MetricRate, MetricRatio, MetricValue, ResourceLimit,
    SpreadLimit,
};
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
    /// Orders that are open though their cancel was acknowledged.
    pub(crate) resurrected_orders: Option<CountLimit>,
    /// Orders that are there twice.
    pub(crate) duplicate_orders: Option<CountLimit>,
    /// Orders that are there with other values than were sent.
    pub(crate) corrupt_orders: Option<CountLimit>,
    /// Orders that the engine numbered before others that had been acknowledged when they were sent.
    pub(crate) reordered_orders: Option<CountLimit>,
    /// Orders of which nobody can say whether they were executed.
    pub(crate) unresolved_orders: Option<CountLimit>,
    /// Orders whose connection has ended end as the profile's contract says, and no others do.
    pub(crate) cancel_on_disconnect: Option<Unlimited>,
    /// Nobody has more open and filled than the profile's `risk-limits` say, at any place of the engine's own order.
    pub(crate) exposure: Option<Unlimited>,
    /// From the kill switch of an account on nothing of it is let in, replaced, filled or open, whoever leads.
    pub(crate) kill_switch: Option<Unlimited>,
    /// Once a leader has acknowledged, no earlier one does: by the term in acknowledgements.
    pub(crate) terms: Option<Unlimited>,
    /// One order of all requests explains every answer, and the books that were read in the end: the engine's own; where
    /// acknowledgements carry no sequence number, one that is searched for, which takes a low rate.
    pub(crate) linearizable: Option<Unlimited>,
    /// What must hold of the books and trades that were read: fills on both sides, quantities that add up, no crossed book.
    pub(crate) invariants: Option<Unlimited>,
    /// Each planted stop order whose price was reached was triggered once, and no other was.
    pub(crate) stops: Option<Unlimited>,
    /// Each planted order that is good until a time ended once, not before it and not much later.
    pub(crate) expiry: Option<WithinLimit>,
    /// The drop copy tells everything that clients were told, once, with the same values, and nothing else.
    pub(crate) drop_copy: Option<Unlimited>,
    /// Orders that a copy did not show while a fault was on, though they were acknowledged before.
    pub(crate) stale_orders: Option<CountLimit>,
    /// Age of the oldest lost order when the fault struck.
    pub(crate) rpo: Option<DurationLimit>,
    /// From the moment as of which data was brought back to the last acknowledgement of an order that is gone since. Everything
    /// that was acknowledged before that moment must be there.
    pub(crate) restore_rpo: Option<DurationLimit>,
    /// A quantile of a histogram that the system exposes itself.
    pub(crate) metric_quantile: Option<MetricQuantile>,
    /// The value of a series that the system exposes itself.
    pub(crate) metric_value: Option<MetricValue>,
    /// The growth of a counter that the system exposes itself.
    pub(crate) metric_increase: Option<MetricIncrease>,
    /// How fast a counter grows that the system exposes itself.
    pub(crate) metric_rate: Option<MetricRate>,
    /// The growth of a counter as a share of that of another, both exposed by the system itself.
    pub(crate) metric_ratio: Option<MetricRatio>,
    /// How much smaller the system's spread is than the one without it, by series that it exposes itself.
    pub(crate) spread_improvement: Option<SpreadLimit>,
    /// CPU, memory or disk in use at any replica.
    pub(crate) resource: Option<ResourceLimit>,
    /// An alert of the system's own that must fire when a fault strikes.
    pub(crate) alert: Option<AlertLimit>,
    /// A door between pods that stays shut while the run goes on. In the environment kubernetes.
    pub(crate) isolation: Option<IsolationLimit>,
    /// How much worse the answers of a new version may be than those of the present one, in the same phase.
    pub(crate) canary: Option<CanaryLimit>,
    /// From what caused it (the intended time of a message of the load) to the order's arrival at the venue.
    pub(crate) response: Option<LatencyLimit>,
    /// Fills of the venue that are not among the system's trades.
    pub(crate) missing_trades: Option<CountLimit>,
    /// Trades of the system that the venue never made.
    pub(crate) phantom_trades: Option<CountLimit>,
    /// Fills of the venue that are twice among the system's trades.
    pub(crate) duplicate_trades: Option<CountLimit>,
    /// Trades of the system with another price or quantity than the venue's fill.
    pub(crate) wrong_trades: Option<CountLimit>,
    /// Share of the quantity of orders at the venue that was filled.
    pub(crate) fill_rate: Option<FillLimit>,
    /// Orders that came to the venue, or fills that it made, per second.
    pub(crate) venue_rate: Option<VenueRateLimit>,
    /// Orders that stood at the venue for too long after the market had moved away from what caused them.
    pub(crate) stale_quotes: Option<StaleLimit>,
    /// Market data that the engine acknowledged per second.
    pub(crate) points_rate: Option<ThroughputLimit>,
    /// Points of market data that were offered and not acknowledged.
    pub(crate) lost_points: Option<CountLimit>,
    /// Numbers of the market-data feed that never came.
    pub(crate) feed_gaps: Option<CountLimit>,
    /// Numbers of the market-data feed that came again.
    pub(crate) feed_duplicates: Option<CountLimit>,
    /// Acknowledged orders of which the market-data feed never told.
    pub(crate) feed_untold: Option<CountLimit>,
    /// Orders that the market-data feed told of, and that no copy has in the end.
    pub(crate) feed_phantom: Option<CountLimit>,
    /// The books that are rebuilt from the market-data feed are those that were read of every copy, also for a subscriber that
    /// came late.
    pub(crate) feed_book: Option<Unlimited>,
    /// Age of the feed's messages when they came.
    pub(crate) freshness: Option<LatencyLimit>,
    /// Time between an acknowledgement and the feed's message on that order, whichever came first.
    pub(crate) feed_skew: Option<LatencyLimit>,
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

/// How late something may be.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WithinLimit {
    /// After its time, or after service was good again where that was during an outage.
    pub(crate) within: Duration,
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

/// Limit of the share that is filled.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FillLimit {
    pub(crate) at_least: Percent,
    /// The phase in which the orders came.
    #[serde(rename = "in")]
    pub(crate) phase: Phase,
}

/// Limit of what goes on at the venue.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct VenueRateLimit {
    pub(crate) of: VenueCountSpec,
    pub(crate) at_least: Rate,
    /// The phase in which it is measured.
    #[serde(rename = "in")]
    pub(crate) phase: Phase,
}

/// What is counted at the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum VenueCountSpec {
    /// Orders that came.
    Orders,
    /// Fills that it made, in part or in full.
    Fills,
}

/// Limit of orders that stand too long.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct StaleLimit {
    /// How long an order may stand after the next message of its symbol with another price was due.
    pub(crate) older_than: Duration,
    pub(crate) at_most: u64,
    /// The phase in which they became too old.
    #[serde(rename = "in")]
    pub(crate) phase: Phase,
}

/// Limit of a number of orders, messages or points.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CountLimit {
    pub(crate) at_most: u64,
}

/// A rule without a number: it holds or not.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unlimited {}

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
