//! Which rights each thing that is done here needs: beside the code that does it, so that both stay true.

use super::super::act::{Edit, OwnObject};
use super::super::look::{Workload, WorkloadKind};
use super::super::watch::Scope;
use super::Right;

/// To look at the pods, services, workloads, budgets and autoscalers of a namespace.
pub fn of_reading(namespace: &str) -> Vec<Right> {
    let both = |group: &str, resource: &str| {
        ["get", "list"].map(|verb| Right::namespaced(group, resource, verb, namespace))
    };
    let mut all = Vec::new();
    for resource in ["pods", "services"] {
        all.extend(both("", resource));
    }
    for resource in ["deployments", "replicasets", "statefulsets"] {
        all.extend(both("apps", resource));
    }
    let list = |group: &str, resource: &str| Right::namespaced(group, resource, "list", namespace);
    all.push(list("discovery.k8s.io", "endpointslices"));
    all.push(list("policy", "poddisruptionbudgets"));
    all.push(list("autoscaling", "horizontalpodautoscalers"));
    all
}

/// To watch.
pub fn of_scope(scope: &Scope) -> Vec<Right> {
    let verbs = ["list", "watch"];
    let mut all = Vec::new();
    if let Some((namespace, _)) = &scope.pods {
        all.extend(verbs.map(|verb| Right::namespaced("", "pods", verb, namespace)));
    }
    if scope.nodes {
        all.extend(verbs.map(|verb| Right::cluster("", "nodes", verb)));
    }
    all
}

/// To make a change and to take it back.
pub fn of_edit(edit: &Edit) -> Vec<Right> {
    match edit {
        Edit::Cordon { node } | Edit::Taint { node, .. } => ["get", "patch"]
            .map(|verb| Right::cluster("", "nodes", verb).named(node))
            .to_vec(),
        Edit::Scale { workload, .. } => {
            let right = |verb| of_workload(workload, verb).part("scale");
            ["get", "patch"].map(right).to_vec()
        }
        Edit::Select {
            namespace, service, ..
        } => ["get", "patch"]
            .map(|verb| Right::namespaced("", "services", verb, namespace).named(service))
            .to_vec(),
        Edit::SetImage { workload, .. } | Edit::Restart { workload, .. } => ["get", "patch"]
            .map(|verb| of_workload(workload, verb))
            .to_vec(),
        Edit::RollBack { workload } => {
            let mut all = ["get", "patch"]
                .map(|verb| of_workload(workload, verb))
                .to_vec();
            let revisions = match workload.kind {
                WorkloadKind::Deployment => Some("replicasets"),
                WorkloadKind::StatefulSet => Some("controllerrevisions"),
                WorkloadKind::ReplicaSet => None,
            };
            let list = |it| Right::namespaced("apps", it, "list", &workload.namespace);
            all.extend(revisions.map(list));
            all
        }
    }
}

fn of_workload(workload: &Workload, verb: &str) -> Right {
    let resource = workload.kind.resource();
    Right::namespaced("apps", resource, verb, &workload.namespace).named(&workload.name)
}

/// To delete pods of a namespace: by their names, which are not known before.
pub fn of_delete_pod(namespace: &str) -> Vec<Right> {
    ["get", "delete"]
        .map(|verb| Right::namespaced("", "pods", verb, namespace))
        .to_vec()
}

/// To evict pods of a namespace.
pub fn of_evict(namespace: &str) -> Vec<Right> {
    vec![
        Right::namespaced("", "pods", "get", namespace),
        Right::namespaced("", "pods", "create", namespace).part("eviction"),
    ]
}

/// To drain a node: its pods are of any namespace.
pub fn of_drain(node: &str) -> Vec<Right> {
    let node = node.to_string();
    let mut all = of_edit(&Edit::Cordon { node });
    all.extend(["get", "list"].map(|verb| Right::cluster("", "pods", verb)));
    all.push(Right::cluster("", "pods", "create").part("eviction"));
    all
}

/// To create an object of ours, to look at it, and to delete it.
pub fn of_own(own: &OwnObject) -> Vec<Right> {
    let (group, resource) = own.kind.names();
    let right = |verb| Right::namespaced(group, resource, verb, &own.namespace).named(&own.name);
    ["create", "get", "delete"].map(right).to_vec()
}

/// To follow logs.
pub fn of_log(namespace: &str) -> Vec<Right> {
    vec![Right::namespaced("", "pods", "get", namespace).part("log")]
}

/// To hold a Lease.
pub fn of_lease(namespace: &str, name: &str) -> Vec<Right> {
    let verbs = ["create", "get", "update", "delete"];
    let right =
        |verb| Right::namespaced("coordination.k8s.io", "leases", verb, namespace).named(name);
    verbs.map(right).to_vec()
}

/// To keep journals in config maps whose names are not known before.
pub fn of_config_maps(namespace: &str) -> Vec<Right> {
    let verbs = ["create", "delete", "get", "list", "patch"];
    verbs
        .map(|verb| Right::namespaced("", "configmaps", verb, namespace))
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(rights: &[Right]) -> Vec<String> {
        rights.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_deed_needs_what_it_asks_for() {
        let workload = Workload {
            kind: WorkloadKind::StatefulSet,
            namespace: "stg".to_string(),
            name: "engine".to_string(),
        };
        let scale = of_edit(&Edit::Scale {
            workload: workload.clone(),
            replicas: 1,
        });
        let wanted = [
            "get statefulsets/scale.apps engine in stg",
            "patch statefulsets/scale.apps engine in stg",
        ];
        assert_eq!(said(&scale), wanted);
        let back = said(&of_edit(&Edit::RollBack { workload }));
        assert!(
            back.contains(&"list controllerrevisions.apps in stg".to_string()),
            "{back:?}"
        );
        let drain = said(&of_drain("a"));
        assert_eq!(
            drain,
            [
                "get nodes a",
                "patch nodes a",
                "get pods",
                "list pods",
                "create pods/eviction"
            ]
        );
        let scope = Scope {
            pods: Some(("stg".to_string(), "app=engine".to_string())),
            nodes: true,
        };
        assert_eq!(
            said(&of_scope(&scope)),
            [
                "list pods in stg",
                "watch pods in stg",
                "list nodes",
                "watch nodes"
            ]
        );
    }
}
