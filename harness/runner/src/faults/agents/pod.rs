//! What an agent's pod is. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, Container, EmptyDirVolumeSource, EnvVar, HostPathVolumeSource, Pod, PodSpec,
    ResourceRequirements, SeccompProfile, SecurityContext, Toleration, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use shakedown_scenarios::plan::AgentPlan;

use crate::agent::Order;
use crate::drill::RUN_LABEL;

/// To enter namespaces, to open those of others, to change rules in them, to signal processes of others, to reach files of others.
const CAPABILITIES: [&str; 5] = [
    "NET_ADMIN",
    "SYS_ADMIN",
    "SYS_PTRACE",
    "KILL",
    "DAC_OVERRIDE",
];
const CONTAINER: &str = "agent";
const STATE: &str = "/state";
const CGROUPS: &str = "/sys/fs/cgroup";
/// It heals on SIGTERM: so long it may take.
const GRACE_S: i64 = 20;

/// The name of the nth agent's pod.
pub(super) fn name(of: &str, number: usize) -> String {
    format!("{of}-{number}")
}

/// The pod, on the node of its targets whatever taints that has. It is started again when its process is killed, to
/// take back what that process had done.
pub(super) fn pod(plan: &AgentPlan, name: &str, order: &Order, run_id: &str) -> Pod {
    let labels = [
        (
            "app.kubernetes.io/name".to_string(),
            "shakedown-agent".to_string(),
        ),
        (RUN_LABEL.to_string(), run_id.to_string()),
    ];
    Pod {
        metadata: ObjectMeta {
            name: Some(name.to_string()),
            labels: Some(BTreeMap::from(labels)),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            node_name: Some(order.node.clone()),
            host_network: Some(true),
            host_pid: Some(true),
            restart_policy: Some("OnFailure".to_string()),
            service_account_name: Some(plan.service_account.clone()),
            termination_grace_period_seconds: Some(GRACE_S),
            // Whatever happens to the control plane, the kubelet ends it some time.
            active_deadline_seconds: i64::try_from(
                order.deadline.at_most_ns.div_ceil(1_000_000_000) + 60,
            )
            .ok(),
            tolerations: Some(vec![Toleration {
                operator: Some("Exists".to_string()),
                ..Toleration::default()
            }]),
            containers: vec![container(plan, order)],
            volumes: Some(vec![
                Volume {
                    name: "state".to_string(),
                    empty_dir: Some(EmptyDirVolumeSource::default()),
                    ..Volume::default()
                },
                Volume {
                    name: "cgroups".to_string(),
                    host_path: Some(HostPathVolumeSource {
                        path: CGROUPS.to_string(),
                        type_: Some("Directory".to_string()),
                    }),
                    ..Volume::default()
                },
            ]),
            ..PodSpec::default()
        }),
        ..Pod::default()
    }
}

fn container(plan: &AgentPlan, order: &Order) -> Container {
    let env = |name: &str, value: String| EnvVar {
        name: name.to_string(),
        value: Some(value),
        ..EnvVar::default()
    };
    let mount = |name: &str, path: &str| VolumeMount {
        name: name.to_string(),
        mount_path: path.to_string(),
        ..VolumeMount::default()
    };
    let room = |cpu: &str, memory: &str| {
        BTreeMap::from([
            ("cpu".to_string(), Quantity(cpu.to_string())),
            ("memory".to_string(), Quantity(memory.to_string())),
        ])
    };
    let all = CAPABILITIES.map(str::to_string).to_vec();
    Container {
        name: CONTAINER.to_string(),
        image: Some(plan.image.clone()),
        image_pull_policy: Some("IfNotPresent".to_string()),
        args: Some(vec!["agent".to_string()]),
        env: Some(vec![
            env("SHAKEDOWN_AGENT_ORDER", order.to_json()),
            env("SHAKEDOWN_AGENT_STATE", STATE.to_string()),
        ]),
        volume_mounts: Some(vec![mount("state", STATE), mount("cgroups", CGROUPS)]),
        resources: Some(ResourceRequirements {
            requests: Some(room("20m", "32Mi")),
            limits: Some(BTreeMap::from([(
                "memory".to_string(),
                Quantity("256Mi".to_string()),
            )])),
            ..ResourceRequirements::default()
        }),
        security_context: Some(SecurityContext {
            run_as_user: Some(0),
            read_only_root_filesystem: Some(true),
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities {
                add: Some(all),
                drop: Some(vec!["ALL".to_string()]),
            }),
            seccomp_profile: Some(SeccompProfile {
                type_: "Unconfined".to_string(),
                ..SeccompProfile::default()
            }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}
