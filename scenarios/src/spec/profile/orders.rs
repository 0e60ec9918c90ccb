//! How orders get in, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::exchange::{ExtractSpec, RequestSpec, WhereSpec};

/// How orders get in, and how answers are read. Templates know `id session account symbol side price quantity now`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct OrdersSpec {
    /// Who makes the id by which an order is found again.
    pub(crate) identity: IdentitySpec,
    /// How sides are written. Default: buy and sell.
    pub(crate) sides: Option<SidesSpec>,
    pub(crate) new: NewOrderSpec,
    /// Needed for cancels in the mix, and for clean-up.
    pub(crate) cancel: Option<ActionSpec>,
    /// Needed for replaces in the mix.
    pub(crate) replace: Option<ActionSpec>,
}

/// Who makes the id of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum IdentitySpec {
    /// The client, and the engine keeps it.
    Client,
    /// The engine, and the acknowledgement tells it.
    Server,
}

/// How sides are written.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SidesSpec {
    pub(crate) buy: String,
    pub(crate) sell: String,
}

/// A new order. An answer that matches nothing is indeterminate.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct NewOrderSpec {
    pub(crate) send: RequestSpec,
    /// The engine has the order.
    pub(crate) acked: AnswerSpec,
    /// The engine definitely did not execute it, by its rules.
    pub(crate) rejected: Option<AnswerSpec>,
    /// The engine definitely did not execute it, for load.
    pub(crate) throttled: Option<AnswerSpec>,
    /// What an acknowledgement promises.
    pub(crate) level: LevelSpec,
    /// What is taken from an acknowledgement.
    #[serde(default)]
    pub(crate) take: TakeSpec,
}

/// What an acknowledgement promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LevelSpec {
    /// It arrived.
    Received,
    /// It passed the checks.
    Accepted,
    /// It survives the loss of a replica.
    Durable,
}

/// What is taken from an acknowledgement.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TakeSpec {
    /// The engine's id of the order; needed with `identity: server`.
    pub(crate) server_id: Option<ExtractSpec>,
    /// The engine's sequence number.
    pub(crate) sequence: Option<ExtractSpec>,
    /// The replica that answered.
    pub(crate) served_by: Option<ExtractSpec>,
    /// The term, epoch or view of the leader that acknowledged: a number that grows with every new leader. Taken from every
    /// acknowledgement that tells it.
    pub(crate) term: Option<ExtractSpec>,
}

/// A cancel or replace. An answer that matches nothing is indeterminate.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ActionSpec {
    pub(crate) send: RequestSpec,
    /// The engine did it.
    pub(crate) acked: AnswerSpec,
    /// The engine definitely did not do it, by its rules.
    pub(crate) rejected: Option<AnswerSpec>,
    /// The engine definitely did not do it, for load.
    pub(crate) throttled: Option<AnswerSpec>,
    /// The order was already done.
    pub(crate) too_late: Option<AnswerSpec>,
}

/// A class of answers: one of the statuses, and every condition. Of a store, one of the SQLSTATEs or errors in place of a
/// status.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AnswerSpec {
    /// HTTP statuses.
    #[serde(default)]
    pub(crate) status: Vec<u16>,
    /// SQLSTATEs; 00000 is success.
    #[serde(default)]
    pub(crate) sqlstate: Vec<String>,
    /// First words of errors of Redis, such as WRONGTYPE.
    #[serde(default)]
    pub(crate) error: Vec<String>,
    /// Conditions on the body, by JSON Pointer.
    #[serde(rename = "where", default)]
    pub(crate) conditions: WhereSpec,
}
