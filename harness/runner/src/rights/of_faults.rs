//! What each fault needs. Whom it hits shows only when it fires: a right is for one name where the scenario names it, and
//! otherwise for every name of a namespace, or every node.

use shakedown_scenarios::plan::{
    ClusterKind, FaultKind, FaultPlan, KubernetesPlan, LinkEnd, Placed, Selector,
};

use crate::faults::cluster_rights;
use crate::mechanisms::kubernetes::Right;
use crate::mechanisms::kubernetes::act::Edit;
use crate::mechanisms::kubernetes::look::{Taint, Workload, WorkloadKind};
use crate::mechanisms::kubernetes::rights;

/// To do it, to see that it is so, and to take it back.
pub(super) fn of_kind(fault: &FaultPlan, cluster: &KubernetesPlan) -> Vec<Right> {
    match &fault.kind {
        FaultKind::Cluster(kind) if kind.needs_agent() => of_agents(cluster, true),
        FaultKind::Cluster(kind) => {
            let mut all = cluster_rights(kind, &cluster.namespace);
            all.extend(of_changes(kind, &fault.to, &cluster.namespace));
            all
        }
        FaultKind::Kill { .. }
        | FaultKind::Freeze { .. }
        | FaultKind::Cpu { .. }
        | FaultKind::CpuStress { .. }
        | FaultKind::Memory { .. }
        | FaultKind::OutOfMemory
        | FaultKind::Partition { .. }
        | FaultKind::Loss { .. }
        | FaultKind::Reset { .. }
        | FaultKind::Delay { .. }
        | FaultKind::Bandwidth { .. }
        | FaultKind::Dns => of_agents(cluster, false),
        // Commands of somebody else's, with rights of their own.
        FaultKind::Hook(_) => Vec::new(),
        // A request to the system, as orders are.
        FaultKind::KillSwitch { .. } | FaultKind::Operation(_) => Vec::new(),
        // Not done to pods: refused when the scenario is compiled.
        FaultKind::Restart { .. }
        | FaultKind::Stop { .. }
        | FaultKind::Disconnect
        | FaultKind::ClockSkew { .. }
        | FaultKind::SlowDisk { .. }
        | FaultKind::FailingDisk { .. }
        | FaultKind::DiskFull { .. }
        | FaultKind::PowerCut
        | FaultKind::HalfOpen => Vec::new(),
    }
}

/// To make agents, to hear them, to hold their Lease, and to remove all of it. Their names are those of the run.
fn of_agents(cluster: &KubernetesPlan, by_board: bool) -> Vec<Right> {
    let Some(agent) = &cluster.agent else {
        return Vec::new();
    };
    let namespace = &agent.namespace;
    let of = |group: &str, resource: &str, verbs: &[&str]| -> Vec<Right> {
        let right = |verb: &&str| Right::namespaced(group, resource, verb, namespace);
        verbs.iter().map(right).collect()
    };
    let mut all = of("", "pods", &["create", "get", "delete"]);
    let leases = ["create", "get", "update", "delete"];
    all.extend(of("coordination.k8s.io", "leases", &leases));
    match by_board {
        // A kubelet that stands still hands out no logs.
        true => all.extend(of("", "configmaps", &["create", "get", "delete"])),
        false => all.extend(rights::of_log(namespace)),
    }
    all
}

/// To change nodes, workloads or services, and to change them back.
fn of_changes(kind: &ClusterKind, to: &Selector, namespace: &str) -> Vec<Right> {
    let of_workloads = |edit: fn(Workload) -> Edit| -> Vec<Right> {
        let all = workloads(to, namespace).into_iter();
        all.flat_map(|(workload, named)| of_some(rights::of_edit(&edit(workload)), named))
            .collect()
    };
    let (node, named) = match to {
        Selector::Placed(Placed::Node(name)) => (name.clone(), true),
        _ => (String::new(), false),
    };
    match kind {
        ClusterKind::Cordon => of_some(rights::of_edit(&Edit::Cordon { node }), named),
        ClusterKind::Drain => of_some(rights::of_drain(&node), named),
        ClusterKind::Taint { key, value, effect } => {
            let taint = Taint {
                key: key.clone(),
                value: value.clone(),
                effect: effect.name().to_string(),
            };
            of_some(rights::of_edit(&Edit::Taint { node, taint }), named)
        }
        ClusterKind::RollingUpdate { image: None } => of_workloads(|workload| Edit::Restart {
            workload,
            mark: String::new(),
        }),
        ClusterKind::RollingUpdate { image: Some(_) } => {
            let mut all = of_workloads(|workload| Edit::SetImage {
                workload,
                container: String::new(),
                image: String::new(),
            });
            all.extend(of_unblocking(to, namespace));
            all
        }
        ClusterKind::Rollback => {
            let mut all = of_workloads(|workload| Edit::RollBack { workload });
            all.extend(of_unblocking(to, namespace));
            all
        }
        ClusterKind::Scale { replicas: _ } => of_workloads(|workload| Edit::Scale {
            workload,
            replicas: 0,
        }),
        ClusterKind::Switch { service, selector } => rights::of_edit(&Edit::Select {
            namespace: namespace.to_string(),
            service: service.clone(),
            selector: selector.clone(),
        }),
        // Of pods, which `cluster_rights` knows; and commands, with rights of their own.
        ClusterKind::Delete { .. }
        | ClusterKind::Evict
        | ClusterKind::NodeStop
        | ClusterKind::NodeReboot
        | ClusterKind::KubeletStop
        | ClusterKind::RuntimeStop
        | ClusterKind::ApiServerStop => Vec::new(),
    }
}

/// A pod of a stateful set that hangs with a template that was taken back is not replaced but by hand.
fn of_unblocking(to: &Selector, namespace: &str) -> Vec<Right> {
    let is_stateful = |it: &(Workload, bool)| it.0.kind == WorkloadKind::StatefulSet;
    match workloads(to, namespace).iter().any(is_stateful) {
        true => rights::of_delete_pod(namespace),
        false => Vec::new(),
    }
}

/// The workloads that may own the targets, and whether they are known by their names. Replica sets alone are not acted on.
fn workloads(to: &Selector, namespace: &str) -> Vec<(Workload, bool)> {
    let of = |kind, name: &str| Workload {
        kind,
        namespace: namespace.to_string(),
        name: name.to_string(),
    };
    match to {
        Selector::Placed(Placed::Deployment(name)) => {
            vec![(of(WorkloadKind::Deployment, name), true)]
        }
        Selector::Placed(Placed::StatefulSet(name)) => {
            vec![(of(WorkloadKind::StatefulSet, name), true)]
        }
        _ => [WorkloadKind::Deployment, WorkloadKind::StatefulSet]
            .map(|kind| (of(kind, ""), false))
            .to_vec(),
    }
}

fn of_some(mut rights: Vec<Right>, named: bool) -> Vec<Right> {
    if !named {
        rights.iter_mut().for_each(|right| right.name = None);
    }
    rights
}

/// To find out who is meant.
pub(super) fn of_selector(to: &Selector, namespace: &str) -> Vec<Right> {
    match to {
        Selector::Placed(Placed::Service(name)) => {
            vec![Right::namespaced("", "services", "get", namespace).named(name)]
        }
        // From a pod to its deployment there is only the way by its replica set.
        Selector::Placed(Placed::Deployment(_) | Placed::StatefulSet(_)) => {
            vec![Right::namespaced("apps", "replicasets", "get", namespace)]
        }
        Selector::Link { from, to, .. } => {
            let mut all = of_selector(from, namespace);
            if let LinkEnd::Replicas(far) = to {
                all.extend(of_selector(far, namespace));
            }
            // By which services the far end is spoken to.
            if *to != LinkEnd::Clients {
                all.push(Right::namespaced("", "services", "list", namespace));
                let slices = "endpointslices";
                all.push(Right::namespaced(
                    "discovery.k8s.io",
                    slices,
                    "list",
                    namespace,
                ));
            }
            all
        }
        Selector::Placed(Placed::Label(_) | Placed::Node(_) | Placed::Zone(_))
        | Selector::Role(_)
        | Selector::Name(_)
        | Selector::Part(_)
        | Selector::Random { .. }
        | Selector::System => Vec::new(),
    }
}
