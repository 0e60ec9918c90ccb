//! The Job of a submission and the ConfigMap of its files. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, ConfigMap, ConfigMapVolumeSource, Container, EmptyDirVolumeSource,
    EnvFromSource, EnvVar, EnvVarSource, KeyToPath, ObjectFieldSelector, PodAffinityTerm,
    PodAntiAffinity, PodSecurityContext, PodSpec, PodTemplateSpec, ResourceRequirements,
    SeccompProfile, SecretEnvSource, SecurityContext, Volume, VolumeMount, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};

use super::error::SubmitError;
use super::parcel::KEEP_S;
use super::submission::{Apart, COURIER, INPUTS, PARCEL, RUN, SUBMITTED, Submission};

/// What the API server takes for one ConfigMap.
const LARGEST_BYTES: usize = 1 << 20;
/// For starting, finding the system, proving that nothing is in the way; and for the read-back and the judgement.
const AROUND_S: u64 = 600;
/// A run that is asked to end heals, reads back and judges first; then it is fetched.
pub(super) const GRACE_S: i64 = 240;
/// So long the Job is still to be seen when nobody has taken it away.
const SEEN_AFTER_S: i32 = 3600;
/// The user of the image.
const USER: i64 = 65532;
/// The home of the run's own state.
const STATE: &str = "/state";

/// The Job: one pod, tried once, that keeps the rules of Pod Security `restricted`.
pub fn job(of: &Submission) -> Job {
    let deadline_s = of.longest_s.saturating_add(AROUND_S).saturating_add(KEEP_S);
    Job {
        metadata: ObjectMeta {
            name: Some(of.name.clone()),
            labels: Some(labels(of)),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            backoff_limit: Some(0),
            active_deadline_seconds: Some(i64::try_from(deadline_s).unwrap_or(i64::MAX)),
            ttl_seconds_after_finished: Some(SEEN_AFTER_S),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels(of)),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(of)),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}

/// The files of the run, as an object that goes with its Job.
///
/// # Errors
/// When they are too large for one.
pub fn config_map(of: &Submission, job_uid: &str) -> Result<ConfigMap, SubmitError> {
    let bytes: usize = of.files.values().map(String::len).sum();
    if bytes > LARGEST_BYTES {
        let largest = of.files.iter().max_by_key(|(_, text)| text.len());
        let (path, text) = largest.map_or(("", 0), |(path, text)| (path.as_str(), text.len()));
        return Err(SubmitError::Usage(format!(
            "--in-cluster: scenario, profile and calendars have {bytes} bytes together, and a ConfigMap holds \
             {LARGEST_BYTES}; the largest is {path} with {text}: make it smaller, or start the run in the cluster yourself"
        )));
    }
    let data = keys(of)
        .into_iter()
        .zip(of.files.values())
        .map(|((key, _), text)| (key, text.clone()));
    Ok(ConfigMap {
        metadata: ObjectMeta {
            name: Some(of.name.clone()),
            labels: Some(labels(of)),
            owner_references: Some(vec![OwnerReference {
                api_version: "batch/v1".to_string(),
                kind: "Job".to_string(),
                name: of.name.clone(),
                uid: job_uid.to_string(),
                ..OwnerReference::default()
            }]),
            ..ObjectMeta::default()
        },
        immutable: Some(true),
        data: Some(data.collect()),
        ..ConfigMap::default()
    })
}

/// Keys have no `/`: each file has a number, and its path where it is mounted.
fn keys(of: &Submission) -> Vec<(String, String)> {
    let paths = of.files.keys().enumerate();
    paths
        .map(|(number, path)| (format!("file-{number}"), path.clone()))
        .collect()
}

fn labels(of: &Submission) -> BTreeMap<String, String> {
    let pairs = [
        ("app.kubernetes.io/name", "shakedown-runner"),
        (SUBMITTED, of.name.as_str()),
    ];
    pairs
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .into()
}

fn pod(of: &Submission) -> PodSpec {
    let run = Container {
        name: RUN.to_string(),
        args: Some(arguments(of)),
        env: Some(variables(of)),
        env_from: Some(of.env_from.iter().map(|name| secret(name)).collect()),
        resources: Some(room("250m", "256Mi")),
        volume_mounts: Some(vec![
            VolumeMount {
                read_only: Some(true),
                ..mount("inputs", INPUTS)
            },
            mount("parcel", PARCEL),
            mount("state", STATE),
        ]),
        ..container(of)
    };
    let courier = Container {
        name: COURIER.to_string(),
        args: Some(vec!["__parcel".to_string(), "keep".to_string()]),
        resources: Some(room("10m", "32Mi")),
        volume_mounts: Some(vec![mount("parcel", PARCEL)]),
        ..container(of)
    };
    PodSpec {
        service_account_name: Some(of.account.clone()),
        automount_service_account_token: Some(true),
        enable_service_links: Some(false),
        restart_policy: Some("Never".to_string()),
        termination_grace_period_seconds: Some(GRACE_S),
        affinity: affinity(of),
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
        containers: vec![run, courier],
        volumes: Some(vec![files(of), folder("parcel"), folder("state")]),
        ..PodSpec::default()
    }
}

fn arguments(of: &Submission) -> Vec<String> {
    let always = ["__submitted", "--run-id", &of.run_id];
    let always = always.into_iter().map(str::to_string);
    always.chain(of.arguments.iter().cloned()).collect()
}

/// The guards ask for the node; the record names the operator.
fn variables(of: &Submission) -> Vec<EnvVar> {
    let plain = |name: &str, value: &str| EnvVar {
        name: name.to_string(),
        value: Some(value.to_string()),
        ..EnvVar::default()
    };
    let field = |name: &str, path: &str| EnvVar {
        name: name.to_string(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                field_path: path.to_string(),
                ..ObjectFieldSelector::default()
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    };
    let mut all = vec![
        field("POD_NAME", "metadata.name"),
        field("POD_NAMESPACE", "metadata.namespace"),
        field("NODE_NAME", "spec.nodeName"),
        plain("XDG_STATE_HOME", STATE),
        plain("NO_COLOR", "1"),
    ];
    let operator = of.operator.as_ref();
    all.extend(operator.map(|name| plain("SHAKEDOWN_OPERATOR", name)));
    all
}

fn secret(name: &str) -> EnvFromSource {
    EnvFromSource {
        secret_ref: Some(SecretEnvSource {
            name: name.to_string(),
            optional: Some(false),
        }),
        ..EnvFromSource::default()
    }
}

/// What both containers have in common.
fn container(of: &Submission) -> Container {
    Container {
        image: Some(of.image.clone()),
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
fn room(cpu: &str, memory: &str) -> ResourceRequirements {
    let quantities = [("cpu", cpu), ("memory", memory)];
    let quantities = quantities.map(|(name, it)| (name.to_string(), Quantity(it.to_string())));
    ResourceRequirements {
        requests: Some(quantities.into()),
        ..ResourceRequirements::default()
    }
}

fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: name.to_string(),
        mount_path: path.to_string(),
        ..VolumeMount::default()
    }
}

fn folder(name: &str) -> Volume {
    Volume {
        name: name.to_string(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    }
}

fn files(of: &Submission) -> Volume {
    let item = |(key, path): (String, String)| KeyToPath {
        key,
        path,
        mode: None,
    };
    Volume {
        name: "inputs".to_string(),
        config_map: Some(ConfigMapVolumeSource {
            name: of.name.clone(),
            items: Some(keys(of).into_iter().map(item).collect()),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// Away from the nodes of the system: always better, and necessary where nodes are broken.
fn affinity(of: &Submission) -> Option<Affinity> {
    if of.apart.is_empty() {
        return None;
    }
    let terms: Vec<PodAffinityTerm> = of.apart.iter().map(term).collect();
    let weighted = |pod_affinity_term| WeightedPodAffinityTerm {
        pod_affinity_term,
        weight: 100,
    };
    let away = match of.must_be_apart {
        true => PodAntiAffinity {
            required_during_scheduling_ignored_during_execution: Some(terms),
            ..PodAntiAffinity::default()
        },
        false => PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(
                terms.into_iter().map(weighted).collect(),
            ),
            ..PodAntiAffinity::default()
        },
    };
    Some(Affinity {
        pod_anti_affinity: Some(away),
        ..Affinity::default()
    })
}

fn term(apart: &Apart) -> PodAffinityTerm {
    PodAffinityTerm {
        label_selector: Some(LabelSelector {
            match_labels: Some(apart.labels.clone()),
            ..LabelSelector::default()
        }),
        namespaces: Some(vec![apart.namespace.clone()]),
        topology_key: "kubernetes.io/hostname".to_string(),
        ..PodAffinityTerm::default()
    }
}

#[cfg(test)]
mod tests;
