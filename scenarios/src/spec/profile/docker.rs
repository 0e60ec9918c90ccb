//! Containers of a Docker Engine, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::Entries;
use crate::spec::scalar::{Id, Symbol};

/// Containers that run already, of the Docker Engine at DOCKER_HOST (unix://… only) or at the usual socket.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct DockerSpec {
    /// The Compose project to which all of them belong. Default: any container.
    pub(crate) project: Option<Symbol>,
    /// The network in which they are reached, as Compose or Docker names it. Default: the only one that they are in.
    pub(crate) network: Option<Symbol>,
    /// How they are reached. Default: container.
    pub(crate) reach: Option<ReachSpec>,
    /// Which containers are the replicas of each part.
    pub(crate) parts: Entries<Id, DockerPartSpec>,
    /// Base URLs for orders. Default: every replica of the first part.
    #[serde(default)]
    pub(crate) entry: Vec<String>,
}

/// How containers are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReachSpec {
    /// By their addresses in the network.
    Container,
    /// By the ports that they publish on this machine.
    Published,
}

/// Which containers are the replicas of a part: `services`, `service` or `labels`; none of them: all of the project.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct DockerPartSpec {
    /// One Compose service for each replica, in order.
    #[serde(default)]
    pub(crate) services: Vec<Symbol>,
    /// One Compose service, scaled; the replicas are in the order of their container numbers.
    pub(crate) service: Option<Symbol>,
    /// Containers that carry all of these labels; the replicas are in the order of their names.
    #[serde(default)]
    pub(crate) labels: Entries<Symbol, Symbol>,
    /// The port at which each of them serves orders, inside the container.
    pub(crate) port: u16,
}
