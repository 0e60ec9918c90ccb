//! When messages are due, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::scalar::{Duration, Number, Rate};

/// When messages are due. Times count from the first message.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ArrivalSpec {
    /// Evenly spaced.
    Constant(RateSpec),
    /// At random, as independent clients send; bursts included.
    Poisson(RateSpec),
    /// The rate changes evenly from one value to another, and stays there.
    Ramp(RampSpec),
    /// One rate after another.
    Steps(StepsSpec),
    /// A rate, and a peak for a time.
    Spike(SpikeSpec),
    /// A rate, with the bursts of the open and the close of a trading day.
    Bursts(BurstsSpec),
    /// At random, in clusters: each message makes further ones more likely for a while, as in markets.
    Hawkes(HawkesSpec),
    /// A recorded stream once more: its times, orders, sizes and prices.
    Replay(ReplaySpec),
    /// Evenly spaced, at twice the recorded `peak`.
    DoubledPeak(DoubledPeakSpec),
}

/// Twice the recorded peak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct DoubledPeakSpec {
    /// Which peak. Default: in.
    pub(crate) of: Option<DoubledSpec>,
}

/// Which peak of messages is doubled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DoubledSpec {
    /// Messages in.
    In,
    /// The larger of messages in and messages out: as many answers come back as messages are sent.
    Larger,
}

/// A rate of messages.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RateSpec {
    /// Messages in a time, over all sessions.
    pub(crate) rate: Rate,
}

/// How messages lie within a rate that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SpacingSpec {
    /// As evenly as the rate allows; their number in any time is exact.
    Even,
    /// At random, as a Poisson process of that rate.
    Random,
}

/// A rate that changes evenly.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RampSpec {
    /// Messages in a time before the ramp, over all sessions.
    pub(crate) from: Rate,
    /// Messages in a time after it.
    pub(crate) to: Rate,
    /// How long the ramp takes.
    pub(crate) over: Duration,
    /// When the ramp begins. Default: with the first message.
    pub(crate) at: Option<Duration>,
    /// How messages lie within the rate. Default: even.
    pub(crate) spacing: Option<SpacingSpec>,
}

/// One rate after another.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct StepsSpec {
    /// In order; the last stays.
    pub(crate) rates: Vec<StepSpec>,
    /// How messages lie within the rates. Default: even.
    pub(crate) spacing: Option<SpacingSpec>,
}

/// A rate for a time.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct StepSpec {
    /// Messages in a time, over all sessions; 0/s is a pause.
    pub(crate) rate: Rate,
    /// How long it stays; the last one has none.
    #[serde(rename = "for")]
    pub(crate) hold: Option<Duration>,
}

/// A rate, and a peak for a time.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SpikeSpec {
    /// Messages in a time outside the spike, over all sessions.
    pub(crate) rate: Rate,
    /// Messages in a time within it.
    pub(crate) peak: Rate,
    /// When the rate leaves its usual value.
    pub(crate) at: Duration,
    /// How long the peak lasts.
    #[serde(rename = "for")]
    pub(crate) hold: Duration,
    /// How long the climb to the peak takes, and the fall from it. Default: no time.
    pub(crate) edge: Option<Duration>,
    /// From one spike to the next. Default: there is one.
    pub(crate) every: Option<Duration>,
    /// How messages lie within the rate. Default: even.
    pub(crate) spacing: Option<SpacingSpec>,
}

/// A rate, with the bursts of the open and the close of a trading day.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct BurstsSpec {
    /// Messages in a time between the bursts, over all sessions.
    pub(crate) rate: Rate,
    /// The first message opens the market: the rate falls evenly from the peak.
    pub(crate) open: Option<OpenSpec>,
    /// The rate climbs evenly to the peak, and then is back at once.
    pub(crate) close: Option<CloseSpec>,
    /// From one open to the next. Default: there is one day.
    pub(crate) every: Option<Duration>,
    /// How messages lie within the rate. Default: even.
    pub(crate) spacing: Option<SpacingSpec>,
}

/// The burst of the open.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct OpenSpec {
    /// Messages in a time at its height.
    pub(crate) peak: Rate,
    /// How long it takes.
    pub(crate) over: Duration,
}

/// The burst of the close.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CloseSpec {
    /// Messages in a time at its height.
    pub(crate) peak: Rate,
    /// How long it takes.
    pub(crate) over: Duration,
    /// When the market closes: the end of the burst.
    pub(crate) at: Duration,
}

/// Messages that bring about further messages.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HawkesSpec {
    /// Messages in a time in the mean, over all sessions.
    pub(crate) rate: Rate,
    /// How many messages one message brings about directly, in the mean; below 1. Default: 0.9.
    pub(crate) branching: Option<Number>,
    /// Over which times the influence of a message dies away; several share it evenly. Default: 1ms, 10ms, 100ms, 1s.
    pub(crate) decays: Option<Vec<Duration>>,
}

/// A recorded stream once more. The recording says itself what is sent: such a load has no `mix`, `prices` or `lifetimes`, and
/// one symbol.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ReplaySpec {
    /// A LOBSTER message file, relative to the scenario: time, type, order id, size, price times 10000, direction.
    pub(crate) file: String,
    /// How many times as fast. Default: 1.
    pub(crate) speed: Option<Number>,
    /// Begin again when the recording is over. Default: false; then it must be as long as the run.
    #[serde(default)]
    pub(crate) again: bool,
    /// How recorded prices become prices. Default: as-recorded.
    pub(crate) prices: Option<RecordedPricesSpec>,
    /// The tick of the recorded prices, for `prices: around`. Default: 0.01.
    pub(crate) tick: Option<Number>,
}

/// How recorded prices become prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RecordedPricesSpec {
    /// As they are; they must be whole ticks within the instrument's band.
    AsRecorded,
    /// Their distance in ticks from the first one, around the middle of the instrument's band.
    Around,
}
