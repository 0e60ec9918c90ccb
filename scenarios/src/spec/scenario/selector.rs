//! Whom a fault means, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::plan::Direction;
use crate::spec::Entries;
use crate::spec::scalar::{Id, Percent, Symbol};

use super::fault::FreezeSpec;

/// To whom.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SelectorSpec {
    /// The replica that has this role when the fault fires.
    Role(Id),
    /// One replica by name, such as engine-1.
    Name(Id),
    /// Every replica of a part.
    Part(Id),
    /// Some replicas of a part, chosen by the seed.
    Random(RandomSpec),
    /// A share of the replicas of a part, chosen by the seed; at least one.
    Percent(PercentSpec),
    /// Every replica whose pod carries these labels. In the environment kubernetes, as all that follow but `link`.
    Label(Entries<Symbol, Symbol>),
    /// Every replica on this node.
    Node(Symbol),
    /// Every replica on the nodes of this zone.
    Zone(Symbol),
    /// Every replica that this service means.
    Service(Id),
    /// Every replica of this deployment.
    Deployment(Id),
    /// Every replica of this stateful set.
    StatefulSet(Id),
    /// What lies between two ends.
    Link(LinkSpec),
}

/// Two ends and a direction.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkSpec {
    /// The first end.
    pub(crate) from: EndSpec,
    /// The second end.
    pub(crate) to: EndSpec,
    /// Which packets: `there` are those from the first end to the second. Default: both.
    pub(crate) direction: Option<Direction>,
}

/// One end of a link.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EndSpec {
    /// The replica that has this role when the fault fires.
    Role(Id),
    /// One replica by name, such as engine-1.
    Name(Id),
    /// Every replica of a part.
    Part(Id),
    /// Some replicas of a part, chosen by the seed.
    Random(RandomSpec),
    /// Every replica whose pod carries these labels.
    Label(Entries<Symbol, Symbol>),
    /// Every replica on this node.
    Node(Symbol),
    /// Every replica on the nodes of this zone.
    Zone(Symbol),
    /// This service, its addresses and all behind it; only as the second end, in the environment kubernetes.
    Service(Id),
    /// Every other replica of the same part; only as the second end.
    Peers(FreezeSpec),
    /// Order entry: Shakedown's own sessions; only as the second end.
    Clients(FreezeSpec),
}

/// A share of the replicas of a part.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PercentSpec {
    pub(crate) part: Id,
    pub(crate) share: Percent,
}

/// Some replicas of a part.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RandomSpec {
    pub(crate) part: Id,
    /// How many. Default: 1.
    pub(crate) count: Option<u32>,
    /// Replicas that have this role are left out.
    pub(crate) without_role: Option<Id>,
}
