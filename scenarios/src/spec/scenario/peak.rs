//! A recorded peak that a standard wants doubled, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::scalar::{Date, Rate};

/// The highest load that was recorded, and where that is known from: what a standard wants to be tested twice over.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PeakSpec {
    pub(crate) standard: StandardSpec,
    /// Messages in the busiest second.
    pub(crate) messages: PeakMessagesSpec,
    /// Trades in the busiest second. Needed for rts-6.
    pub(crate) trades: Option<Rate>,
    /// The window in which the busiest second was looked for.
    pub(crate) measured: MeasuredSpec,
    /// Where the figures are from, such as the logs of which gateways.
    pub(crate) source: String,
    /// When they were put together.
    pub(crate) date: Date,
    /// In service since then: there is nothing older to be measured.
    pub(crate) since: Option<Date>,
    /// The figures are invented, to show how it goes: their age does not matter, and every report says so.
    #[serde(default)]
    pub(crate) example: bool,
}

/// The standard that asks for the double.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum StandardSpec {
    /// Of firms (EU 2017/589, article 10): twice the peak of the previous six months, of messages and of trades.
    #[serde(rename = "rts-6")]
    Rts6,
    /// Of trading venues (EU 2017/584, article 11): twice the peak of messages of the previous five years.
    #[serde(rename = "rts-7")]
    Rts7,
}

/// Messages in the busiest second.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PeakMessagesSpec {
    /// Received by the system.
    #[serde(rename = "in")]
    pub(crate) incoming: Rate,
    /// Sent by the system.
    #[serde(rename = "out")]
    pub(crate) outgoing: Rate,
}

/// Days, the first and the last included.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MeasuredSpec {
    pub(crate) from: Date,
    pub(crate) to: Date,
}
