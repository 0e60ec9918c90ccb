//! What pods and Jobs of ours have in common. Pure.
//!
//! Every pod keeps the rules of Pod Security `restricted`, is tried once, and asks for what it needs without a limit.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, Container, EmptyDirVolumeSource, PodAffinityTerm, PodAntiAffinity,
    PodSecurityContext, PodSpec, PodTemplateSpec, ResourceRequirements, SeccompProfile,
    SecurityContext, Volume, VolumeMount, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

/// The user of the image.
const USER: i64 = 65532;

/// By which all that belongs together is found: what it is, and whose.
pub(crate) fn labels(what: &str, (key, whose): (&str, &str)) -> BTreeMap<String, String> {
    let pairs = [("app.kubernetes.io/name", what), (key, whose)];
    pairs
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .into()
}

/// How long a Job may last, and how long it is still to be seen when nobody has taken it away, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lasting {
    pub at_most_s: u64,
    pub seen_after_s: i32,
}

/// A Job of such pods; `rules` says how many there are, and what follows when one fails.
pub(crate) fn job(
    name: &str,
    labels: &BTreeMap<String, String>,
    lasting: Lasting,
    pod: PodSpec,
    rules: JobSpec,
) -> Job {
    let labelled = |name: Option<&str>| ObjectMeta {
        name: name.map(str::to_string),
        labels: Some(labels.clone()),
        ..ObjectMeta::default()
    };
    Job {
        metadata: labelled(Some(name)),
        spec: Some(JobSpec {
            active_deadline_seconds: Some(i64::try_from(lasting.at_most_s).unwrap_or(i64::MAX)),
            ttl_seconds_after_finished: Some(lasting.seen_after_s),
            template: PodTemplateSpec {
                metadata: Some(labelled(None)),
                spec: Some(pod),
            },
            ..rules
        }),
        ..Job::default()
    }
}

/// A pod that has this long to end in when it is asked to.
pub(crate) fn pod(grace_s: i64, containers: Vec<Container>, volumes: Vec<Volume>) -> PodSpec {
    PodSpec {
        enable_service_links: Some(false),
        restart_policy: Some("Never".to_string()),
        termination_grace_period_seconds: Some(grace_s),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            fs_group: Some(USER),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_string(),
                ..SeccompProfile::default()
            }),
            ..PodSecurityContext::default()
        }),
        containers,
        volumes: Some(volumes),
        ..PodSpec::default()
    }
}

/// A container of this image, which may do nothing.
pub(crate) fn container(image: &str) -> Container {
    Container {
        image: Some(image.to_string()),
        image_pull_policy: Some("IfNotPresent".to_string()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                add: None,
                drop: Some(vec!["ALL".to_string()]),
            }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

/// Requested, and no limit on CPU time: the load would be throttled, and its latencies with it.
pub(crate) fn room(cpu: &str, memory: &str) -> ResourceRequirements {
    let quantities = [("cpu", cpu), ("memory", memory)];
    let quantities = quantities.map(|(name, it)| (name.to_string(), Quantity(it.to_string())));
    ResourceRequirements {
        requests: Some(quantities.into()),
        ..ResourceRequirements::default()
    }
}

pub(crate) fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: name.to_string(),
        mount_path: path.to_string(),
        ..VolumeMount::default()
    }
}

/// An empty folder that goes with its pod.
pub(crate) fn folder(name: &str) -> Volume {
    Volume {
        name: name.to_string(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    }
}

pub(crate) fn selector(labels: &BTreeMap<String, String>) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels.clone()),
        ..LabelSelector::default()
    }
}

/// Away from the nodes of pods with such labels in such namespaces: always better, or necessary.
pub(crate) fn away_from<'a>(
    pods: impl Iterator<Item = (&'a BTreeMap<String, String>, &'a str)>,
    must: bool,
) -> Affinity {
    let terms = pods.map(|(labels, namespace)| PodAffinityTerm {
        label_selector: Some(selector(labels)),
        namespaces: Some(vec![namespace.to_string()]),
        topology_key: "kubernetes.io/hostname".to_string(),
        ..PodAffinityTerm::default()
    });
    let weighted = |pod_affinity_term| WeightedPodAffinityTerm {
        pod_affinity_term,
        weight: 100,
    };
    let away = match must {
        true => PodAntiAffinity {
            required_during_scheduling_ignored_during_execution: Some(terms.collect()),
            ..PodAntiAffinity::default()
        },
        false => PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(
                terms.map(weighted).collect(),
            ),
            ..PodAntiAffinity::default()
        },
    };
    Affinity {
        pod_anti_affinity: Some(away),
        ..Affinity::default()
    }
}
