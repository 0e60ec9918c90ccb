//! How orders are read back, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::Later;
use crate::spec::scalar::Pointer;

use super::exchange::GetSpec;
use super::orders::AnswerSpec;

/// How orders are read back.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReadBackSpec {
    /// A list of all orders, page by page.
    List(ListSpec),
    /// One request for each order.
    ById(ByIdSpec),
    #[schemars(skip)]
    ByCancel(Later),
    #[schemars(skip)]
    Count(Later),
}

/// A list of all orders.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ListSpec {
    /// `{{cursor}}` is empty on the first page.
    pub(crate) get: GetSpec,
    /// The array of rows.
    pub(crate) rows: Pointer,
    /// The next cursor; missing or null on the last page.
    pub(crate) next: Option<Pointer>,
    /// The copy's watermark: the highest sequence that it has applied.
    pub(crate) mark: Option<Pointer>,
    pub(crate) at: AtSpec,
    /// Where a row keeps its values, relative to the row.
    pub(crate) fields: FieldsSpec,
    /// Values of the field `state` that mean that an order is still open.
    #[serde(default)]
    pub(crate) open: Vec<String>,
    /// Values of the field `state` that mean that all of an order was traded.
    #[serde(default)]
    pub(crate) filled: Vec<String>,
}

/// One request for each order.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ByIdSpec {
    /// With the order as `{{id}}`.
    pub(crate) get: GetSpec,
    /// The order is there.
    pub(crate) found: AnswerSpec,
    /// There is definitely no such order.
    pub(crate) absent: AnswerSpec,
    pub(crate) at: AtSpec,
    /// Where the reply keeps its values.
    #[serde(default)]
    pub(crate) fields: FieldsSpec,
    /// Values of the field `state` that mean that an order is still open.
    #[serde(default)]
    pub(crate) open: Vec<String>,
    /// Values of the field `state` that mean that all of an order was traded.
    #[serde(default)]
    pub(crate) filled: Vec<String>,
}

/// Whom the read asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AtSpec {
    /// Each replica of the first part (or of the store), which answers for its own copy.
    EachReplica,
    /// The entry, so that copies cannot be told apart.
    Entry,
}

/// Where a row keeps its values.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FieldsSpec {
    /// Needed for a list: the id by which an order is found again.
    pub(crate) id: Option<Pointer>,
    pub(crate) price: Option<Pointer>,
    pub(crate) quantity: Option<Pointer>,
    pub(crate) symbol: Option<Pointer>,
    pub(crate) side: Option<Pointer>,
    pub(crate) state: Option<Pointer>,
}
