//! What happened to a fault, as written into the events: shared words, no mechanisms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A target as it was resolved when the fault fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultTarget {
    /// Name of the replica, node or link, such as `engine-1`.
    pub name: String,
    /// The role it had, such as `leader`; `None` when the profile knows no roles.
    pub role: Option<String>,
    /// The handle that the mechanism acted on, such as `pid 4711`.
    pub handle: String,
}

/// Proof that a fault bit, seen from the target's side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// True when the effect was seen.
    pub confirmed: bool,
    /// What was seen, or what was looked for and not seen, in words.
    pub text: String,
}

/// Identifies one firing of a fault: `repeat` fires the same fault several times.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Firing {
    /// Id of the fault in the scenario.
    pub fault: String,
    /// 0 for the first firing.
    pub occurrence: u32,
}

impl Firing {
    /// The name used in reports: `leader-dies`, and `leader-dies#2` for the second firing.
    pub fn label(&self) -> String {
        match self.occurrence {
            0 => self.fault.clone(),
            n => format!("{}#{}", self.fault, n + 1),
        }
    }
}
