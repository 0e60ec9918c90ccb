//! The system's own alarms: where they are, and what is expected of them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Entries;
use super::scalar::{Duration, Id, Symbol};

/// Where the system's alerts are.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AlertsSpec {
    /// Base URL of an Alertmanager.
    pub(crate) alertmanager: Option<String>,
    /// Base URL of a Prometheus, whose `ALERTS` is asked instead of the Alertmanager.
    pub(crate) prometheus: Option<String>,
    /// Labels that an alert must have to be one of this system.
    #[serde(default)]
    pub(crate) labels: Entries<Symbol, String>,
    /// A silence for the time in which faults are on. Without it nothing is silenced.
    pub(crate) silence: Option<SilenceSpec>,
}

/// What is silenced.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SilenceSpec {
    /// Labels that an alert must have to be silenced; at least one.
    pub(crate) labels: Entries<Symbol, String>,
}

/// An alert that must fire when a fault strikes.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AlertLimit {
    /// Its `alertname`.
    pub(crate) name: Symbol,
    /// Labels that it must have, with these values.
    #[serde(default)]
    pub(crate) labels: Entries<Symbol, String>,
    /// The fault.
    pub(crate) after: Id,
    /// After each injection of the fault.
    pub(crate) within: Duration,
    /// After the heal of the fault. Without it the alert may go on firing.
    pub(crate) resolved_within: Option<Duration>,
}
