//! Containers of a Docker Engine, as planned. Which ones they are is found out when a run begins.

use std::collections::BTreeMap;

use serde::Serialize;

use super::system::ProofOfTarget;

/// Containers that run already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DockerPlan {
    /// The Compose project to which all of them belong.
    pub project: Option<String>,
    /// The network in which they are reached; `None`: the only one that they are in.
    pub network: Option<String>,
    /// Reached by published ports of this machine, not by their addresses in the network.
    pub published: bool,
    /// By part.
    pub parts: BTreeMap<String, DockerPart>,
    /// Base URLs for orders; empty: every replica of the first part.
    pub entry: Vec<String>,
    /// What proves that this is not production; all are asked before the first order.
    pub not_production: Vec<ProofOfTarget>,
}

/// The containers of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DockerPart {
    pub pick: Pick,
    /// Inside the container.
    pub port: u16,
}

/// Which containers are the replicas of a part, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pick {
    /// One Compose service for each replica.
    Services(Vec<String>),
    /// One Compose service, by container number.
    Service(String),
    /// All that carry these labels, by name.
    Labels(BTreeMap<String, String>),
    /// All of the project, by name.
    Project,
}

impl DockerPlan {
    /// Where it is, in words.
    pub fn words(&self) -> String {
        match &self.project {
            Some(project) => format!("containers of project {project}"),
            None => "containers of this machine's Docker Engine".to_string(),
        }
    }
}
