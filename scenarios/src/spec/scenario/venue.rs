//! How the venue behaves, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::scalar::{Duration, Percent};

/// How the venue behaves that Shakedown plays for a trading system. What becomes of an order is decided by the seed and the
/// order's id.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct VenueSpec {
    /// From an order to its acknowledgement or reject. Default: constant 1ms.
    pub(crate) latency: Option<VenueDelaySpec>,
    /// Share of orders that are rejected. Default: none.
    pub(crate) rejects: Option<Percent>,
    pub(crate) fills: Option<FillsSpec>,
}

/// Which orders are filled. Default: all of those that are not rejected, 1 ms after the acknowledgement.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FillsSpec {
    /// Share of the accepted orders that are filled.
    pub(crate) share: Percent,
    /// Share of those that are filled in two parts. Default: none.
    pub(crate) partial: Option<Percent>,
    /// From the acknowledgement to the fill, and from a first fill to the second. Default: constant 1ms.
    pub(crate) after: Option<VenueDelaySpec>,
}

/// A distribution of times.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum VenueDelaySpec {
    /// Always the same.
    Constant(ConstantDelay),
    /// Any time between the two is as likely.
    Uniform(UniformDelay),
    /// Mostly short, seldom long.
    Exponential(ExponentialDelay),
}

/// Always the same.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ConstantDelay {
    pub(crate) time: Duration,
}

/// Any time between the two is as likely.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct UniformDelay {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

/// Mostly short, seldom long.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ExponentialDelay {
    pub(crate) mean: Duration,
    /// What would be longer takes so long.
    pub(crate) at_most: Duration,
}
