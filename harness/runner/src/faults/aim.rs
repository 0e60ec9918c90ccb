//! Whom one firing of a fault means: names, as the selector resolved them just now.

use shakedown_scenarios::plan::Direction;

/// A target as the selector resolved it just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultTargetRef {
    /// Name of the replica.
    pub name: String,
    /// The role it has now, if the profile knows roles.
    pub role: Option<String>,
}

/// The targets, and for a link what lies at its other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aim {
    pub targets: Vec<FaultTargetRef>,
    /// `None`: the replicas themselves are meant, not a link.
    pub far: Option<FarEnd>,
}

/// The other end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FarEnd {
    /// Names of replicas; empty when only clients are meant.
    pub replicas: Vec<String>,
    /// Names of services of the cluster.
    pub services: Vec<String>,
    /// Shakedown's own sessions and probes.
    pub clients: bool,
    pub direction: Direction,
    /// The same is done at the other end, by somebody else: what was dropped there does not come here to be seen.
    pub there_too: bool,
}

impl Aim {
    /// These replicas themselves.
    pub fn at(targets: Vec<FaultTargetRef>) -> Aim {
        Aim { targets, far: None }
    }
}
