//! Which rights a kind needs of the account, apart from the change itself, whose object may not be known before.

use shakedown_scenarios::plan::{ClusterKind, TaintEffect};

use crate::mechanisms::kubernetes::Right;
use crate::mechanisms::kubernetes::rights;

/// To look at what a fault acts on, and to act on pods of this namespace. What it needs for nodes, workloads and
/// services by their names is in [`rights::of_edit`] and [`rights::of_drain`]; whoever gives a stateful set another image
/// has to be able to delete its pods besides ([`rights::of_delete_pod`]).
pub fn needs(kind: &ClusterKind, namespace: &str) -> Vec<Right> {
    let namespaced = |group: &str, resource: &str, verb: &str| {
        Right::namespaced(group, resource, verb, namespace)
    };
    // Who makes a pod anew, and whether all of it is there again.
    let mut all: Vec<Right> = ["deployments", "replicasets", "statefulsets"]
        .map(|resource| namespaced("apps", resource, "get"))
        .to_vec();
    let pods = namespaced("", "pods", "list");
    let budgets = namespaced("policy", "poddisruptionbudgets", "list");
    match kind {
        ClusterKind::Delete { .. } => all.extend(rights::of_delete_pod(namespace)),
        ClusterKind::Evict => {
            all.extend(rights::of_evict(namespace));
            all.extend([pods, budgets]);
        }
        ClusterKind::Drain => all.extend([pods, budgets]),
        ClusterKind::Taint {
            effect: TaintEffect::NoExecute,
            ..
        } => all.push(namespaced("", "pods", "get")),
        ClusterKind::RollingUpdate { .. } | ClusterKind::Rollback => all.push(pods),
        ClusterKind::Scale { .. } => {
            let scalers = namespaced("autoscaling", "horizontalpodautoscalers", "list");
            all.extend([pods, scalers]);
        }
        ClusterKind::Switch { .. } => {
            let slices = namespaced("discovery.k8s.io", "endpointslices", "list");
            all.extend([pods, namespaced("", "services", "get"), slices]);
        }
        ClusterKind::Cordon
        | ClusterKind::Taint {
            effect: TaintEffect::NoSchedule | TaintEffect::PreferNoSchedule,
            ..
        }
        | ClusterKind::NodeStop
        | ClusterKind::NodeReboot
        | ClusterKind::KubeletStop
        | ClusterKind::RuntimeStop
        | ClusterKind::ApiServerStop => {}
    }
    all
}

/// For people, each right by its name.
pub(super) fn lacking(missing: &[Right]) -> String {
    let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
    format!(
        "this account lacks {}: {}; grant what is missing, or use an account that has it",
        match missing {
            [_] => "a right",
            _ => "rights",
        },
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: &ClusterKind) -> Vec<String> {
        needs(kind, "stg").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_kind_asks_for_what_it_uses_and_no_more() {
        let delete = said(&ClusterKind::Delete { grace_ns: None });
        assert!(
            delete.contains(&"delete pods in stg".to_string()),
            "{delete:?}"
        );
        let others = ["evict", "eviction", "patch", "nodes", "budgets"];
        let foreign = |right: &&String| others.iter().any(|other| right.contains(other));
        assert_eq!(delete.iter().find(foreign), None);
        let evict = said(&ClusterKind::Evict);
        assert!(
            evict.contains(&"create pods/eviction in stg".to_string()),
            "{evict:?}"
        );
        assert!(
            !evict.contains(&"delete pods in stg".to_string()),
            "{evict:?}"
        );
        let scale = said(&ClusterKind::Scale { replicas: 1 });
        let scalers = "list horizontalpodautoscalers.autoscaling in stg".to_string();
        assert!(scale.contains(&scalers), "{scale:?}");
        assert!(
            said(&ClusterKind::NodeStop)
                .iter()
                .all(|right| right.starts_with("get "))
        );
    }

    #[test]
    fn each_missing_right_is_named() {
        let both = [
            Right::namespaced("", "pods", "delete", "stg"),
            Right::cluster("", "nodes", "patch").named("node-1"),
        ];
        let text = lacking(&both);
        assert!(
            text.contains("rights: delete pods in stg, patch nodes node-1"),
            "{text}"
        );
        assert!(lacking(&both[..1]).contains("a right: delete pods"));
    }
}
