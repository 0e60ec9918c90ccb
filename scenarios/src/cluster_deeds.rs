//! What is done by the API of a cluster or to its nodes, and what its healing does, in words.

use crate::compile::{counted, time_text};
use crate::plan::{ClusterKind, Selector};
use crate::whom;

/// What it does, and to whom.
pub(crate) fn cluster_deed(kind: &ClusterKind, to: &Selector, system: &str) -> String {
    let replicas = || whom::replicas(to, system);
    let nodes = || whom::nodes(to, system);
    let workload = || whom::workload(to, system);
    match kind {
        ClusterKind::Delete { grace_ns: None } => format!("delete {}", replicas()),
        ClusterKind::Delete { grace_ns: Some(0) } => format!("delete (no grace) {}", replicas()),
        ClusterKind::Delete { grace_ns: Some(ns) } => {
            format!("delete ({} of grace) {}", time_text(*ns), replicas())
        }
        ClusterKind::Evict => format!("evict (as disruption budgets allow) {}", replicas()),
        ClusterKind::Cordon => format!("cordon {}", nodes()),
        ClusterKind::Drain => format!("drain (as disruption budgets allow) {}", nodes()),
        ClusterKind::Taint { key, value, effect } => {
            format!("taint ({key}={value}:{}) {}", effect.name(), nodes())
        }
        ClusterKind::NodeStop => format!("take the power from {}", nodes()),
        ClusterKind::NodeReboot => format!("reboot {}", nodes()),
        ClusterKind::KubeletStop => format!("stop the kubelet on {}", nodes()),
        ClusterKind::RuntimeStop => format!("stop the container runtime on {}", nodes()),
        ClusterKind::ApiServerStop => "stop the API server".to_string(),
        ClusterKind::RollingUpdate { image: None } => {
            format!("replace, as its strategy says, the pods of {}", workload())
        }
        ClusterKind::RollingUpdate { image: Some(image) } => {
            format!("update {} to image {image}", workload())
        }
        ClusterKind::Rollback => format!("roll back {}", workload()),
        ClusterKind::Scale { replicas } => {
            format!(
                "scale {} to {}",
                workload(),
                counted(u64::from(*replicas), "pod")
            )
        }
        ClusterKind::Switch { service, selector } => {
            let pair = |(key, value): (&String, &String)| format!("{key}={value}");
            let pairs: Vec<String> = selector.iter().map(pair).collect();
            format!("switch service {service} to {}", pairs.join(","))
        }
    }
}

/// What comes after it.
pub(crate) fn cluster_healing(kind: &ClusterKind) -> &'static str {
    match kind {
        ClusterKind::Delete { .. } | ClusterKind::Evict => "then replaced by the cluster",
        ClusterKind::Cordon | ClusterKind::Drain => "then uncordoned",
        ClusterKind::Taint { .. } => "then without the taint",
        ClusterKind::NodeStop | ClusterKind::ApiServerStop => "then started again",
        ClusterKind::NodeReboot => "then back by itself",
        ClusterKind::KubeletStop | ClusterKind::RuntimeStop => "then let run on",
        ClusterKind::RollingUpdate { image: None } => "then left as they are",
        ClusterKind::RollingUpdate { image: Some(_) } => "then back to the revision before",
        ClusterKind::Rollback => "then forward again",
        ClusterKind::Scale { .. } => "then as many as before",
        ClusterKind::Switch { .. } => "then back again",
    }
}
