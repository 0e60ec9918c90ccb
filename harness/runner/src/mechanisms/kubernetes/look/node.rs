//! Nodes.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Taint as Said};
use serde::{Deserialize, Serialize};

use super::values::{millis, moment, quantity};

const ZONE: &str = "topology.kubernetes.io/zone";

/// A node at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeLook {
    pub name: String,
    pub uid: String,
    pub labels: BTreeMap<String, String>,
    pub zone: Option<String>,
    pub ready: NodeReady,
    /// It is cordoned.
    pub unschedulable: bool,
    pub taints: Vec<Taint>,
    pub internal_ip: Option<IpAddr>,
    /// Another after each boot.
    pub boot_id: String,
    pub kubelet_version: String,
    /// What it has for pods; `None` where it does not say.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// The same of CPUs, in thousandths.
    #[serde(default)]
    pub cpu_millis: Option<u64>,
}

/// What the control plane holds of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeReady {
    pub status: Readiness,
    pub reason: String,
    /// When it became so; whole seconds.
    pub since: Option<Timestamp>,
    /// The kubelet's last word about it. It renews a Lease more often (`Cluster::node_lease`).
    pub heartbeat: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    Ready,
    /// The kubelet says so.
    NotReady,
    /// The kubelet has been silent for too long.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Taint {
    pub key: String,
    /// Empty without one.
    #[serde(default)]
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

impl fmt::Display for Taint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.is_empty() {
            true => write!(f, "{}:{}", self.key, self.effect),
            false => write!(f, "{}={}:{}", self.key, self.value, self.effect),
        }
    }
}

impl Taint {
    fn of(said: &Said) -> Taint {
        Taint {
            key: said.key.clone(),
            value: said.value.clone().unwrap_or_default(),
            effect: said.effect.clone(),
        }
    }
}

impl NodeLook {
    /// `None` for an object that no API server sends: without name or UID.
    pub fn of(node: &Node) -> Option<NodeLook> {
        let (meta, spec) = (&node.metadata, node.spec.clone().unwrap_or_default());
        let status = node.status.clone().unwrap_or_default();
        let labels = meta.labels.clone().unwrap_or_default();
        let mut conditions = status.conditions.iter().flatten();
        let ready = conditions.find(|it| it.type_ == "Ready");
        let mut addresses = status.addresses.iter().flatten();
        let internal = addresses.find(|it| it.type_ == "InternalIP");
        let info = status.node_info;
        let room = status.allocatable.unwrap_or_default();
        Some(NodeLook {
            name: meta.name.clone()?,
            uid: meta.uid.clone()?,
            zone: labels.get(ZONE).cloned(),
            labels,
            ready: NodeReady {
                status: match ready.map(|it| it.status.as_str()) {
                    Some("True") => Readiness::Ready,
                    Some("False") => Readiness::NotReady,
                    Some(_) | None => Readiness::Unknown,
                },
                reason: ready.and_then(|it| it.reason.clone()).unwrap_or_default(),
                since: ready.and_then(|it| moment(it.last_transition_time.as_ref())),
                heartbeat: ready.and_then(|it| moment(it.last_heartbeat_time.as_ref())),
            },
            unschedulable: spec.unschedulable.unwrap_or(false),
            taints: spec.taints.iter().flatten().map(Taint::of).collect(),
            internal_ip: internal.and_then(|it| it.address.parse().ok()),
            boot_id: info
                .as_ref()
                .map(|it| it.boot_id.clone())
                .unwrap_or_default(),
            kubelet_version: info.map(|it| it.kubelet_version).unwrap_or_default(),
            memory_bytes: room.get("memory").and_then(quantity),
            cpu_millis: room.get("cpu").and_then(millis),
        })
    }

    pub fn is_ready(&self) -> bool {
        match self.ready.status {
            Readiness::Ready => true,
            Readiness::NotReady | Readiness::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_read_whole() {
        let text = r#"{"metadata":{"name":"node-a","uid":"n1","labels":{"topology.kubernetes.io/zone":"zone-1"}},
            "spec":{"unschedulable":true,"taints":[{"key":"k","value":"v","effect":"NoExecute"},{"key":"u","effect":"NoSchedule"}]},
            "status":{"conditions":[{"type":"MemoryPressure","status":"False"},
                {"type":"Ready","status":"Unknown","reason":"NodeStatusUnknown","lastTransitionTime":"2026-01-01T00:00:40Z",
                 "lastHeartbeatTime":"2026-01-01T00:00:00Z"}],
              "addresses":[{"type":"Hostname","address":"node-a"},{"type":"InternalIP","address":"10.9.0.2"}],
              "nodeInfo":{"architecture":"","bootID":"b1","containerRuntimeVersion":"","kernelVersion":"",
                "kubeProxyVersion":"","kubeletVersion":"v1.34.4","machineID":"","operatingSystem":"","osImage":"","systemUUID":""}}}"#;
        let seen = NodeLook::of(&serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!(
            (seen.zone.as_deref(), seen.boot_id.as_str()),
            (Some("zone-1"), "b1")
        );
        assert_eq!(seen.ready.status, Readiness::Unknown);
        assert_eq!(seen.ready.since, "2026-01-01T00:00:40Z".parse().ok());
        assert_eq!(seen.ready.heartbeat, "2026-01-01T00:00:00Z".parse().ok());
        assert!(seen.unschedulable && !seen.is_ready());
        assert_eq!(seen.internal_ip, "10.9.0.2".parse().ok());
        let taints: Vec<String> = seen.taints.iter().map(ToString::to_string).collect();
        assert_eq!(taints, ["k=v:NoExecute", "u:NoSchedule"]);
        assert!(NodeLook::of(&Node::default()).is_none());
    }
}
