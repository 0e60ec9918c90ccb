//! How the kill switch of an account is pulled, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::exchange::{ExtractSpec, RequestSpec};
use super::orders::AnswerSpec;

/// How the kill switch of an account is pulled. It is sent until it is acknowledged: to pull it twice must do no more than
/// once. Templates know `account now`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct KillSwitchSpec {
    pub(crate) send: RequestSpec,
    /// From this answer on nothing of the account is let in.
    pub(crate) acked: AnswerSpec,
    /// What is taken from that answer.
    #[serde(default)]
    pub(crate) take: KillTakeSpec,
}

/// What is taken from the acknowledgement of a kill switch.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct KillTakeSpec {
    /// The engine's sequence number above which nothing of the account may be.
    pub(crate) sequence: Option<ExtractSpec>,
}
