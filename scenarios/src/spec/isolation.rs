//! Doors between pods that must stay shut, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Entries;
use super::scalar::{Duration, Id, Symbol};

/// A door that one pod must never get through, and another must.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct IsolationLimit {
    /// What must not be reached.
    pub(crate) to: DoorSpec,
    /// A pod like one that must not reach it. Shakedown makes it, and it knocks all the time.
    pub(crate) intruder: GuestSpec,
    /// A pod like one that may reach it: where it cannot, nothing is known, for what is dead is shut for everybody.
    pub(crate) friend: GuestSpec,
    /// A door that the intruder may go through: where it cannot, it may be unable to go anywhere.
    pub(crate) control: DoorSpec,
    /// Time between two knocks, from 100ms to 1s. Default: 500ms.
    pub(crate) every: Option<Duration>,
}

/// Where it is knocked.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DoorSpec {
    /// Every pod of a part, each by its own address.
    Part(PartDoorSpec),
    /// A service, by its cluster address.
    Service(ServiceDoorSpec),
}

/// The pods of a part.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PartDoorSpec {
    pub(crate) name: Id,
    /// Default: that of the orders.
    pub(crate) port: Option<u16>,
    /// A path that is asked for over HTTP: then an answer counts, unless it is 401 or 403, and a connection alone does not.
    pub(crate) http: Option<String>,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ServiceDoorSpec {
    pub(crate) name: Id,
    /// Default: that of the system.
    pub(crate) namespace: Option<Symbol>,
    /// The port of the service.
    pub(crate) port: u16,
    /// A path that is asked for over HTTP: then an answer counts, unless it is 401 or 403, and a connection alone does not.
    pub(crate) http: Option<String>,
}

/// A pod that Shakedown makes, and takes away again.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct GuestSpec {
    /// Its labels, by which network policies know it.
    #[serde(default)]
    pub(crate) labels: Entries<Symbol, String>,
    /// Default: that of the system.
    pub(crate) namespace: Option<Symbol>,
}
