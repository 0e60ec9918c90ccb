//! Orders that are planted beside the load, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::scalar::{Duration, Symbol};

/// Orders that are planted before the load begins, each kind on a symbol of its own that the load leaves alone.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PlantedSpec {
    /// A third is set off at once, a third after the load, and a third never.
    pub(crate) stops: Option<PlantedStopsSpec>,
    /// Their times end one after the other.
    pub(crate) expiring: Option<PlantedExpiringSpec>,
}

/// Stop orders.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PlantedStopsSpec {
    pub(crate) symbol: Symbol,
    pub(crate) count: u32,
}

/// Orders that are good until a time.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PlantedExpiringSpec {
    pub(crate) symbol: Symbol,
    pub(crate) count: u32,
    /// From the first end to the last.
    pub(crate) spread: Duration,
}
