//! Limits on a new version beside the present one, as written.

use schemars::JsonSchema;
use serde::Deserialize;
use shakedown_record::phase::Phase;

use super::scalar::{Number, Percent, Symbol};

/// How much worse the answers of a new version may be than those of the others. Who answered is what `served-by` under `take`
/// says.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CanaryLimit {
    /// Who answers for the new version.
    pub(crate) of: AnsweredBySpec,
    /// Whom it is compared with. Default: everybody else.
    pub(crate) against: Option<AnsweredBySpec>,
    /// From the sending of a message to its answer; failures count as the timeout.
    pub(crate) latency: Option<LatencyRatioSpec>,
    /// Messages that were neither acknowledged nor rejected.
    pub(crate) errors: Option<MoreErrorsSpec>,
    /// The phase in which both are measured.
    #[serde(rename = "in")]
    pub(crate) phase: Phase,
}

/// Those who call themselves so in their answers.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AnsweredBySpec {
    /// By their whole names.
    Names(Vec<Symbol>),
    /// By how their names begin, such as engine-green-.
    Prefix(Symbol),
}

/// How often the latency of the others one's own may be.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LatencyRatioSpec {
    /// Share of messages that are at most this slow.
    pub(crate) quantile: Percent,
    /// Such as 1.2 for a fifth slower.
    pub(crate) ratio_at_most: Number,
}

/// How much larger the share of errors may be.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MoreErrorsSpec {
    /// With 1%, 3% of errors may stand against 2%. Above 0%: that two shares are the same cannot be shown.
    pub(crate) more_at_most: Percent,
}
