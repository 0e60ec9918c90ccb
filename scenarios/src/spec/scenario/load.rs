//! The order flow as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::Later;
use crate::spec::scalar::{Duration, Number, Rate, Symbol};

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
    /// Client connections.
    pub(crate) sessions: u32,
    /// Load threads. Default: 1.
    pub(crate) threads: Option<u32>,
    /// After this time a message counts as failed.
    pub(crate) timeout: Duration,
}

/// When messages are due.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ArrivalSpec {
    /// Evenly spaced.
    Constant(RateSpec),
    /// At random, as independent clients send; bursts included.
    Poisson(RateSpec),
    #[schemars(skip)]
    Ramp(Later),
    #[schemars(skip)]
    Steps(Later),
    #[schemars(skip)]
    Spike(Later),
    #[schemars(skip)]
    Hawkes(Later),
    #[schemars(skip)]
    Replay(Later),
}

/// A rate of messages.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RateSpec {
    /// Messages in a time, over all sessions.
    pub(crate) rate: Rate,
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

/// How the flow is spread over the symbols.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SkewSpec {
    /// The same share for each.
    Even,
    /// The n-th symbol has a share in proportion to 1 / n^exponent.
    Zipf(Number),
}
