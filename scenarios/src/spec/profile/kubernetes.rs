//! Pods of a Kubernetes cluster, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::Entries;
use crate::spec::scalar::{Id, Symbol};

/// Pods that run already, in the cluster of the kubeconfig or in that in which Shakedown itself runs.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct KubernetesSpec {
    /// A context of the kubeconfig. Default: the current one; inside a cluster, that cluster.
    pub(crate) context: Option<Symbol>,
    pub(crate) namespace: Symbol,
    /// Which pods are the replicas of each part.
    pub(crate) parts: Entries<Id, KubernetesPartSpec>,
    /// Where orders go.
    pub(crate) entry: KubernetesEntrySpec,
    /// Commands that act on nodes; for the faults node-stop and reboot.
    pub(crate) nodes: Option<NodesSpec>,
    /// Commands that take the API server away and give it back; for the fault api-server-stop.
    pub(crate) api_server: Option<OnOffSpec>,
    /// How Shakedown gets onto a node; for crash, freeze, limits, links, kubelet and runtime.
    pub(crate) agent: Option<AgentSpec>,
    /// Namespace of a run's Lease and of the copy of its journal. Default: shakedown.
    pub(crate) drills: Option<Symbol>,
}

/// The pods of a part, in the order of their names.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct KubernetesPartSpec {
    /// Labels as kubectl takes them: app=engine,tier=core.
    pub(crate) selector: String,
    /// The container that is meant. Default: the only one.
    pub(crate) container: Option<Id>,
    /// The port at which each pod serves orders. Default: that of the entry.
    pub(crate) port: Option<u16>,
}

/// Where orders go: a service with its port, or urls.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct KubernetesEntrySpec {
    /// A service of the namespace, reached at its cluster address.
    pub(crate) service: Option<Id>,
    /// The port of the service.
    pub(crate) port: Option<u16>,
    /// Base URLs, such as that of a load balancer.
    #[serde(default)]
    pub(crate) urls: Vec<String>,
}

/// Commands with {{node}} in them, run without a shell in the folder where Shakedown was started.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct NodesSpec {
    /// Takes the power from a node.
    pub(crate) stop: Option<Vec<String>>,
    /// Gives it back; does no harm to a node that runs.
    pub(crate) start: Option<Vec<String>>,
    /// Lets a node start anew; it comes back by itself.
    pub(crate) reboot: Option<Vec<String>>,
}

/// A command that takes something away, and one that gives it back and does no harm twice.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct OnOffSpec {
    pub(crate) stop: Vec<String>,
    pub(crate) start: Vec<String>,
}

/// The pods that Shakedown makes on the nodes of its targets, for as long as a fault is on.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AgentSpec {
    /// An image whose entry point is the Shakedown binary.
    pub(crate) image: String,
    /// Where they are made; it must allow privileged pods. Default: shakedown-agents.
    pub(crate) namespace: Option<Symbol>,
    /// Their account. Default: shakedown-agent.
    pub(crate) service_account: Option<Symbol>,
}
