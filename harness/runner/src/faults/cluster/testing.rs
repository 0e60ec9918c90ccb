//! Looks for tests of pure functions.

use std::collections::BTreeMap;

use shakedown_scenarios::plan::{KubernetesEntry, KubernetesPlan, NodeCommands};

use crate::environment::Place;
use crate::mechanisms::kubernetes::look::{
    NodeLook, NodeReady, Owner, Phase, PodLook, Readiness, Workload, WorkloadKind, WorkloadLook,
};

pub(super) fn pod(name: &str, uid: &str) -> PodLook {
    PodLook {
        name: name.to_string(),
        namespace: "stg".to_string(),
        uid: uid.to_string(),
        node: Some("node-1".to_string()),
        ip: Some([10, 0, 0, 7].into()),
        labels: BTreeMap::new(),
        owner: Some(Owner {
            kind: "StatefulSet".to_string(),
            name: "engine".to_string(),
            uid: "set".to_string(),
        }),
        ready: true,
        ready_since: None,
        phase: Phase::Running,
        reason: None,
        created_at: None,
        scheduled_at: None,
        terminating_since: None,
        grace_s: None,
        host_network: false,
        mirror: false,
        containers: Vec::new(),
    }
}

pub(super) fn place(replica: &str) -> Place {
    Place {
        replica: replica.to_string(),
        pod: pod(&format!("{replica}-pod"), &format!("uid-of-{replica}")),
        container: "engine".to_string(),
        port: 7000,
    }
}

pub(super) fn node(name: &str) -> NodeLook {
    NodeLook {
        name: name.to_string(),
        uid: format!("uid-of-{name}"),
        labels: BTreeMap::new(),
        zone: None,
        ready: NodeReady {
            status: Readiness::Ready,
            reason: String::new(),
            since: None,
            heartbeat: None,
        },
        unschedulable: false,
        taints: Vec::new(),
        internal_ip: None,
        boot_id: "boot-1".to_string(),
        kubelet_version: String::new(),
        memory_bytes: None,
        cpu_millis: None,
    }
}

/// Three pods, all of one revision, all ready.
pub(super) fn workload() -> WorkloadLook {
    WorkloadLook {
        workload: Workload {
            kind: WorkloadKind::StatefulSet,
            namespace: "stg".to_string(),
            name: "engine".to_string(),
        },
        uid: "set".to_string(),
        owner: None,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        selector: "app=engine".to_string(),
        replicas: 3,
        current: 3,
        ready: 3,
        updated: 3,
        available: 3,
        generation: 1,
        observed_generation: 1,
        revision: Some("engine-1".to_string()),
        current_revision: Some("engine-1".to_string()),
        images: BTreeMap::from([("engine".to_string(), "engine:1".to_string())]),
        paused: false,
        on_delete: false,
        stuck: None,
    }
}

pub(super) fn plan() -> KubernetesPlan {
    KubernetesPlan {
        context: None,
        namespace: "stg".to_string(),
        parts: BTreeMap::new(),
        entry: KubernetesEntry::Urls(Vec::new()),
        nodes: NodeCommands::default(),
        api_server: None,
        agent: None,
        drills: "drills".to_string(),
        cluster_uids: Vec::new(),
        not_production: Vec::new(),
    }
}
