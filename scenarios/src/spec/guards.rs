//! Guards that a profile or a scenario asks for. Those of both hold: a scenario adds, and never takes away.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Entries;
use super::calendar::DaySpec;
use super::scalar::{Duration, Id, Percent, Symbol, TimeOfDay, Zone};

/// What must hold before anything is touched.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct GuardsSpec {
    /// What no fault may ever touch.
    #[serde(default)]
    pub(crate) protected: ProtectedSpec,
    /// How much of a part may be down at once. `quorum` of the part holds besides.
    pub(crate) blast_radius: Option<BlastRadiusSpec>,
    /// When a run may go on, by id. It must hold until the planned end of the run.
    #[serde(default)]
    pub(crate) windows: Entries<Id, WindowSpec>,
}

/// What no fault may ever touch.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ProtectedSpec {
    /// Replicas by name, such as engine-3.
    #[serde(default)]
    pub(crate) names: Vec<Id>,
    /// Whole parts.
    #[serde(default)]
    pub(crate) parts: Vec<Id>,
    /// Containers and pods that carry one of these labels with this value.
    #[serde(default)]
    pub(crate) labels: Entries<Symbol, Symbol>,
}

/// How much of a part may be down at once; where both are given, both hold.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct BlastRadiusSpec {
    /// Replicas.
    pub(crate) count: Option<u32>,
    /// Share of the part's replicas, rounded down.
    pub(crate) percent: Option<Percent>,
}

/// When a run may go on.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WindowSpec {
    /// Only then. Several of these add up: a run must lie in their union.
    Allowed(AllowedSpec),
    /// Never while this market trades.
    OutsideMarketHours(OutsideSpec),
}

/// Hours of the week.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AllowedSpec {
    /// Days on which the hours begin. Default: every day.
    pub(crate) days: Option<Vec<DaySpec>>,
    pub(crate) from: TimeOfDay,
    /// At or before `from`: on the next day.
    pub(crate) to: TimeOfDay,
    pub(crate) zone: Zone,
}

/// A market whose hours are kept clear.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct OutsideSpec {
    /// Path of a calendar relative to the scenario, or the name of a shipped one.
    pub(crate) calendar: String,
    /// Kept clear before each open and after each close. Default: 0s.
    pub(crate) margin: Option<Duration>,
}
