//! The places in which a system may run.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a system runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EnvironmentKind {
    /// Child processes of Shakedown on this machine.
    Local,
    /// Containers of a Docker Engine.
    Docker,
    /// Pods of a Kubernetes cluster.
    Kubernetes,
    /// Somebody else runs it; only endpoints are known.
    External,
}

impl EnvironmentKind {
    /// Every environment, in the order of the documentation.
    pub const ALL: [EnvironmentKind; 4] = [
        EnvironmentKind::Local,
        EnvironmentKind::Docker,
        EnvironmentKind::Kubernetes,
        EnvironmentKind::External,
    ];

    /// The name used in files and options.
    pub fn name(self) -> &'static str {
        match self {
            EnvironmentKind::Local => "local",
            EnvironmentKind::Docker => "docker",
            EnvironmentKind::Kubernetes => "kubernetes",
            EnvironmentKind::External => "external",
        }
    }
}

impl fmt::Display for EnvironmentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is of no environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no environment '{name}' (local, docker, kubernetes or external)")]
pub struct UnknownEnvironment {
    /// What was written.
    pub name: String,
}

impl FromStr for EnvironmentKind {
    type Err = UnknownEnvironment;

    fn from_str(name: &str) -> Result<Self, UnknownEnvironment> {
        EnvironmentKind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownEnvironment {
                name: name.to_string(),
            })
    }
}
