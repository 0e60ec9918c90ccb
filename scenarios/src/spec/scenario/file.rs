//! The scenario as a whole.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::environment_kind::EnvironmentKind;
use crate::spec::Entries;
use crate::spec::guards::GuardsSpec;
use crate::spec::scalar::{Duration, Id, Percent, Rate};
use crate::spec::sla::RuleSpec;

use super::fault::FaultSpec;
use super::load::LoadSpec;
use super::peak::PeakSpec;
use super::planted::PlantedSpec;
use super::venue::VenueSpec;

/// A scenario: an order flow, faults, and the limits that must hold.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ScenarioSpec {
    /// Name of the scenario; it appears in reports and in the names of run directories.
    pub(crate) scenario: Id,
    /// What it shows, in a sentence.
    #[serde(default)]
    pub(crate) about: String,
    /// The system under test: a name in the library, or the path of a profile relative to this file.
    pub(crate) system: String,
    /// Words by which suites choose scenarios.
    #[serde(default)]
    pub(crate) tags: Vec<Id>,
    /// Where it runs; `--environment` wins. Default: local.
    pub(crate) environment: Option<EnvironmentKind>,
    /// Decides every random choice; `--seed` wins. Default: 1.
    pub(crate) seed: Option<u64>,
    pub(crate) load: LoadSpec,
    /// A recorded peak, of which a standard wants the double; needs `load.arrival.doubled-peak`.
    pub(crate) peak: Option<PeakSpec>,
    /// Market data that is published into the engine beside the orders.
    pub(crate) market_data: Option<PointsSpec>,
    /// How the venue behaves that Shakedown plays, of a system that sends orders.
    pub(crate) venue: Option<VenueSpec>,
    /// Orders that wait for a price or for the end of their time, beside the load.
    pub(crate) planted: Option<PlantedSpec>,
    #[serde(default)]
    pub(crate) phases: PhasesSpec,
    /// Faults by id, in the order in which they are reported.
    #[serde(default)]
    pub(crate) faults: Entries<Id, FaultSpec>,
    /// What must hold before anything is touched, besides the system's own guards.
    #[serde(default)]
    pub(crate) guards: GuardsSpec,
    /// Limits by id; the system's own limits hold besides.
    #[serde(default)]
    pub(crate) sla: Entries<Id, RuleSpec>,
    /// Conditions that end the run early, healed and reported.
    #[serde(default)]
    pub(crate) abort: Entries<Id, AbortSpec>,
    /// How orders are read back; `converged` always is.
    pub(crate) reads: Option<Vec<ReadSpec>>,
}

/// Market data that is published into the engine, by the way that the profile describes.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PointsSpec {
    /// Points per second, evenly spaced, of all symbols of the load together.
    pub(crate) rate: Rate,
}

/// Lengths of the phases.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PhasesSpec {
    /// Before anything is measured, until steady state is proven. Default: at most 20s.
    pub(crate) warm_up: Option<AtMost>,
    /// Measured steady time before the first fault.
    pub(crate) steady: Option<Duration>,
    /// After the last fault is healed; ends early once service is stable. Needed with faults.
    pub(crate) recovery: Option<AtMost>,
}

/// The longest time.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AtMost {
    pub(crate) at_most: Duration,
}

/// A condition that ends the run early.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AbortSpec {
    /// Share of errors above a limit for some time without a break.
    ErrorRate(ErrorRateAbort),
}

/// Share of errors above a limit for some time.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ErrorRateAbort {
    pub(crate) above: Percent,
    #[serde(rename = "for")]
    pub(crate) hold: Duration,
}

/// One way of reading orders back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReadSpec {
    /// After the heal, behind a sentinel order, from every copy.
    Converged,
    /// While each fault is on, from every replica that can be reached, by its own address.
    Degraded,
    /// After all replicas were killed at once and started again: what they keep on disk. Local only.
    Cold,
    /// After power was cut from all replicas at once: what they have synced. Local only; needs root and FUSE.
    PowerCut,
}
