//! A failover taken apart: what the platform did of it, and what the engine did.
//!
//! All times are seconds after the injection, as Shakedown heard of it: the platform dates its own changes in whole
//! seconds only, by clocks of its own. Only what happened before the next injection counts. `null` is "not seen".

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The two shares of a failover, of a run in which the platform told of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailoverSplit {
    pub platform: PlatformShare,
    pub engine: EngineShare,
}

/// What the platform did about the targets of a fault: their pods, and the nodes on which these were.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformShare {
    /// The first that the platform told of a target: a container ended, a pod terminating, not ready or gone, its
    /// node not ready or gone. It may be the fault's own doing, as with a deletion.
    pub detected_s: Option<f64>,
    /// The first target's pod, or its node, was not ready.
    pub not_ready_s: Option<f64>,
    /// A pod that is a target's replica was put on a node, or its container started again in place.
    pub rescheduled_s: Option<f64>,
    /// Which of the two `rescheduled_s` is, in words.
    pub rescheduled_how: Option<String>,
    /// That pod was ready after it; without `rescheduled_s`, a target's pod was ready again after it had not been.
    pub ready_s: Option<f64>,
    /// At some time in between nothing was heard of the platform: its times may be late, or missing.
    pub blind: bool,
}

/// What the engine did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EngineShare {
    /// The role that a target alone had was seen at another replica, or at the same one after it had lost it (or in
    /// a later term). `None` also where no target had a role for itself. Roles are asked for several times a second.
    pub elected_s: Option<f64>,
    /// As `first_ack_s` of the failover.
    pub first_ack_s: Option<f64>,
}
