//! Orders that wait for a price or for the end of their time, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::exchange::{GetSpec, RequestSpec};
use crate::spec::scalar::Pointer;

/// Orders that wait, and how one is looked up at each replica.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TimedOrdersSpec {
    /// Orders that enter the book when their symbol trades at or through a price: `{{stop}}`.
    pub(crate) stop: Option<StopSpec>,
    /// Orders that are good until a time: `{{expires}}`, in milliseconds since 1970.
    pub(crate) expiring: Option<ExpiringSpec>,
    /// One order by its `{{id}}`: 2xx with its row, or 404 where there is none.
    pub(crate) get: GetSpec,
    /// What of it was traded.
    pub(crate) filled: Pointer,
}

/// A stop order. Answers are those of `orders.new`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct StopSpec {
    pub(crate) send: RequestSpec,
    /// Where its row tells whether it waits.
    pub(crate) state: Pointer,
    /// Names of the states in which it waits.
    pub(crate) waiting: Vec<String>,
    /// Names of the states in which it was triggered, whatever came of it then.
    pub(crate) triggered: Vec<String>,
    /// Where its row tells how often it was triggered.
    pub(crate) count: Option<Pointer>,
}

/// An order that is good until a time. Answers are those of `orders.new`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ExpiringSpec {
    pub(crate) send: RequestSpec,
    /// Where its row tells whether its time is over.
    pub(crate) state: Pointer,
    /// Names of the states in which it is not.
    pub(crate) waiting: Vec<String>,
    /// Names of the states in which it has expired.
    pub(crate) expired: Vec<String>,
    /// Where its row tells how often it expired.
    pub(crate) count: Option<Pointer>,
    /// Where its row tells the engine's time of that, in milliseconds since 1970.
    pub(crate) expired_at: Pointer,
}
