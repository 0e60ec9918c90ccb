//! Pods of a Kubernetes cluster, as planned. Which ones they are is found out when a run begins.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::system::ProofOfTarget;

/// A system that runs in a cluster already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KubernetesPlan {
    /// Of the kubeconfig; `None`: the current one, or the cluster in which Shakedown itself runs.
    pub context: Option<String>,
    pub namespace: String,
    /// By part.
    pub parts: BTreeMap<String, KubernetesPart>,
    pub entry: KubernetesEntry,
    /// Commands that act on nodes, where the platform has any.
    pub nodes: NodeCommands,
    /// Commands that take the API server away and give it back.
    pub api_server: Option<OnOff>,
    /// What does the faults that need a node; `None`: none of them can be done.
    pub agent: Option<AgentPlan>,
    /// The namespace in which a run keeps its Lease and a copy of its journal.
    pub drills: String,
    /// UIDs of the `kube-system` namespace of clusters that are not production.
    pub cluster_uids: Vec<String>,
    /// What else proves that this is not production; all are asked before the first order.
    pub not_production: Vec<ProofOfTarget>,
}

/// The pods of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KubernetesPart {
    /// Pods that carry all of these labels are its replicas.
    pub labels: BTreeMap<String, String>,
    /// The container that is meant; `None`: a pod has only one.
    pub container: Option<String>,
    /// The port at which each of them serves orders.
    pub port: u16,
}

/// Where orders go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KubernetesEntry {
    /// A service of the namespace, by its cluster address.
    Service { name: String, port: u16 },
    /// Base URLs, such as those of a load balancer.
    Urls(Vec<String>),
}

/// Commands with `{{node}}` in their arguments, run without a shell in the folder where Shakedown was started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NodeCommands {
    /// Takes the power from a node, and gives it back.
    pub power: Option<OnOff>,
    /// Lets a node start anew; it comes back by itself.
    pub reboot: Option<Vec<String>>,
}

/// What stands for the name of a node in a command.
pub const NODE_PLACEHOLDER: &str = "{{node}}";

/// A command for one node.
pub fn for_node(words: &[String], node: &str) -> Vec<String> {
    let word = |word: &String| word.replace(NODE_PLACEHOLDER, node);
    words.iter().map(word).collect()
}

/// A command that takes something away, and the one that gives it back and does no harm twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OnOff {
    pub stop: Vec<String>,
    pub start: Vec<String>,
}

/// How Shakedown gets onto a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentPlan {
    /// An image with the Shakedown binary as its entry point.
    pub image: String,
    /// Where its pods are made; it must allow privileged pods.
    pub namespace: String,
    /// The account of its pods.
    pub service_account: String,
}

/// What is done by the API of a cluster, or to its nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterKind {
    /// The pods are deleted; `None`: with the grace that they ask for.
    Delete { grace_ns: Option<u64> },
    /// The pods are evicted, if their disruption budget lets them go.
    Evict,
    /// No new pod comes to the nodes.
    Cordon,
    /// No new pod comes to the nodes, and those that are there are evicted.
    Drain,
    /// The nodes get a taint.
    Taint {
        key: String,
        value: String,
        effect: TaintEffect,
    },
    /// The nodes lose their power.
    NodeStop,
    /// The nodes start anew.
    NodeReboot,
    /// The kubelets of the nodes stand still.
    KubeletStop,
    /// The container runtimes of the nodes stand still.
    RuntimeStop,
    /// Nobody answers for the cluster.
    ApiServerStop,
    /// The workload's pods are replaced one by one: by another image, or (`None`) by their like.
    RollingUpdate { image: Option<String> },
    /// The workload goes back to what it was before its latest change.
    Rollback,
    /// The workload has so many pods.
    Scale { replicas: u32 },
    /// A service means other pods.
    Switch {
        service: String,
        selector: BTreeMap<String, String>,
    },
}

/// What a taint does to pods that do not tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TaintEffect {
    /// They do not come to the node.
    NoSchedule,
    /// Better not.
    PreferNoSchedule,
    /// They have to leave it.
    NoExecute,
}

impl TaintEffect {
    /// The name that the API gives it.
    pub fn name(self) -> &'static str {
        match self {
            TaintEffect::NoSchedule => "NoSchedule",
            TaintEffect::PreferNoSchedule => "PreferNoSchedule",
            TaintEffect::NoExecute => "NoExecute",
        }
    }
}

/// On what one of these acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActsOn {
    Pods,
    /// The nodes on which the targets run.
    Nodes,
    /// The workloads that own the targets.
    Workloads,
    /// The cluster as a whole.
    Cluster,
}

impl ClusterKind {
    /// The kind's name in files and reports.
    pub fn name(&self) -> &'static str {
        match self {
            ClusterKind::Delete { .. } => "delete",
            ClusterKind::Evict => "evict",
            ClusterKind::Cordon => "cordon",
            ClusterKind::Drain => "drain",
            ClusterKind::Taint { .. } => "taint",
            ClusterKind::NodeStop => "node-stop",
            ClusterKind::NodeReboot => "reboot",
            ClusterKind::KubeletStop => "kubelet-stop",
            ClusterKind::RuntimeStop => "runtime-stop",
            ClusterKind::ApiServerStop => "api-server-stop",
            ClusterKind::RollingUpdate { .. } => "rolling-update",
            ClusterKind::Rollback => "rollback",
            ClusterKind::Scale { .. } => "scale",
            ClusterKind::Switch { .. } => "switch",
        }
    }

    pub fn acts_on(&self) -> ActsOn {
        match self {
            ClusterKind::Delete { .. } | ClusterKind::Evict => ActsOn::Pods,
            ClusterKind::Cordon
            | ClusterKind::Drain
            | ClusterKind::Taint { .. }
            | ClusterKind::NodeStop
            | ClusterKind::NodeReboot
            | ClusterKind::KubeletStop
            | ClusterKind::RuntimeStop => ActsOn::Nodes,
            ClusterKind::RollingUpdate { .. }
            | ClusterKind::Rollback
            | ClusterKind::Scale { .. } => ActsOn::Workloads,
            ClusterKind::ApiServerStop | ClusterKind::Switch { .. } => ActsOn::Cluster,
        }
    }

    /// True for what ends the pods of a node, or cuts them off from the rest of the cluster.
    pub fn ends_on_nodes(&self) -> bool {
        let harmless = match self {
            ClusterKind::Cordon => true,
            ClusterKind::Taint { effect, .. } => *effect != TaintEffect::NoExecute,
            _ => false,
        };
        self.acts_on() == ActsOn::Nodes && !harmless
    }

    /// True for what is an ordinary operation, and no fault.
    pub fn is_operation(&self) -> bool {
        match self {
            ClusterKind::RollingUpdate { .. }
            | ClusterKind::Rollback
            | ClusterKind::Scale { .. }
            | ClusterKind::Switch { .. } => true,
            ClusterKind::Delete { .. }
            | ClusterKind::Evict
            | ClusterKind::Cordon
            | ClusterKind::Drain
            | ClusterKind::Taint { .. }
            | ClusterKind::NodeStop
            | ClusterKind::NodeReboot
            | ClusterKind::KubeletStop
            | ClusterKind::RuntimeStop
            | ClusterKind::ApiServerStop => false,
        }
    }

    /// True for what is done on the nodes themselves, by an agent.
    pub fn needs_agent(&self) -> bool {
        matches!(self, ClusterKind::KubeletStop | ClusterKind::RuntimeStop)
    }
}

/// Replicas by where they are, or by what owns them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placed {
    /// Those that carry all of these labels.
    Label(BTreeMap<String, String>),
    /// Those on this node.
    Node(String),
    /// Those on the nodes of this zone.
    Zone(String),
    /// Those that this service means.
    Service(String),
    /// Those of this deployment.
    Deployment(String),
    /// Those of this stateful set.
    StatefulSet(String),
}

impl Placed {
    /// For people.
    pub fn words(&self) -> String {
        match self {
            Placed::Label(labels) => {
                let pair = |(key, value): (&String, &String)| format!("{key}={value}");
                let pairs: Vec<String> = labels.iter().map(pair).collect();
                format!("every replica with {}", pairs.join(","))
            }
            Placed::Node(name) => format!("every replica on node {name}"),
            Placed::Zone(name) => format!("every replica in zone {name}"),
            Placed::Service(name) => format!("every replica of service {name}"),
            Placed::Deployment(name) => format!("every replica of deployment {name}"),
            Placed::StatefulSet(name) => format!("every replica of stateful set {name}"),
        }
    }
}

impl KubernetesPlan {
    /// Where it is, in words.
    pub fn words(&self) -> String {
        let context = self.context.as_ref();
        let context = context.map_or("the current context".to_string(), |it| {
            format!("context {it}")
        });
        format!("pods in namespace {} of {context}", self.namespace)
    }
}
