//! The order flow as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::scalar::{Duration, Number, Percent, Symbol};

use super::arrival::ArrivalSpec;

/// The order flow.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LoadSpec {
    /// When messages are due.
    pub(crate) arrival: ArrivalSpec,
    /// Weights of the kinds of messages. Default: new orders only.
    pub(crate) mix: Option<MixSpec>,
    /// Which symbols are traded. Default: all of the profile, evenly.
    pub(crate) symbols: Option<SymbolsSpec>,
    /// How the orders are spread over the profile's accounts. Default: evenly.
    pub(crate) accounts: Option<AccountsSpec>,
    /// Where orders are priced. Default: band.
    pub(crate) prices: Option<PricesSpec>,
    /// How long orders live before they are cancelled or replaced. Default: a cancel or replace addresses any of the recent
    /// orders of its session.
    pub(crate) lifetimes: Option<LifetimesSpec>,
    /// Client connections.
    pub(crate) sessions: u32,
    /// Load threads of each worker. Default: 1.
    pub(crate) threads: Option<u32>,
    /// Processes that make the load together, each with its own part of the sessions; in Kubernetes pods of a Job. Default: 1,
    /// Shakedown itself.
    pub(crate) workers: Option<u32>,
    /// After this time a message counts as failed.
    pub(crate) timeout: Duration,
}

/// Weights of the kinds of messages; they need not sum to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MixSpec {
    /// New orders.
    pub(crate) new: u32,
    /// Cancels of orders sent before.
    #[serde(default)]
    pub(crate) cancel: u32,
    /// Replaces (changes of price and quantity) of orders sent before.
    #[serde(default)]
    pub(crate) replace: u32,
    /// New orders above the instrument's `max`, which the engine must reject.
    #[serde(default)]
    pub(crate) oversized: u32,
}

/// Which symbols are traded.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SymbolsSpec {
    /// Instruments of the profile; the first is the busiest.
    pub(crate) names: Vec<Symbol>,
    /// How the flow is spread over them. Default: even.
    pub(crate) skew: Option<SkewSpec>,
}

/// How the orders are spread over the profile's accounts.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AccountsSpec {
    /// The first account of the profile is the busiest.
    pub(crate) skew: SkewSpec,
}

/// How the flow is spread.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SkewSpec {
    /// The same share for each.
    Even,
    /// The n-th has a share in proportion to 1 / n^exponent.
    Zipf(Number),
}

/// Where orders are priced, around the middle of an instrument's band: buys below it, sells above.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PricesSpec {
    /// Densest near the middle, all over the band.
    Band,
    /// Most are near the middle, few are far away, as in markets.
    PowerLaw(PowerLawSpec),
}

/// The share of orders more than d ticks from the middle is (1 + d / scale)^-exponent, cut off at the end of the band.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PowerLawSpec {
    /// Default: 1.5, as in markets.
    pub(crate) exponent: Option<Number>,
    /// In ticks: how far from the middle the tail begins. Default: 10.
    pub(crate) scale: Option<Number>,
    /// Share of orders that are priced across the middle, so that there are trades. Default: 2%.
    pub(crate) crossing: Option<Percent>,
}

/// How long orders live before they are cancelled or replaced.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LifetimesSpec {
    /// As the SEC found for cancelled orders in US stocks in 2013: 38.7% within 500ms, a third longer than 5s.
    UsEquities,
    /// Cancelled at a constant rate.
    Exponential(ExponentialSpec),
    /// Shares of orders whose lives are over by a time; between two lines the logarithm of the time is even.
    Table(Vec<LifetimeSpec>),
}

/// Lives that end at a constant rate.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ExponentialSpec {
    pub(crate) mean: Duration,
}

/// A line of a table of lifetimes: the first has 0%, the last 100%.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LifetimeSpec {
    pub(crate) within: Duration,
    /// Share of lives that are over by then.
    pub(crate) share: Percent,
}
