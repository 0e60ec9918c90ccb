//! The Job of a submission and the ConfigMap of its files. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Affinity, ConfigMap, ConfigMapVolumeSource, Container, EnvFromSource, EnvVar, EnvVarSource,
    KeyToPath, ObjectFieldSelector, PodSpec, SecretEnvSource, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::error::SubmitError;
use super::parcel::KEEP_S;
use super::submission::{COURIER, INPUTS, PARCEL, RUN, SUBMITTED, Submission};
use crate::mechanisms::kubernetes::shape::{self, Lasting, container, folder, mount, room};

/// What the API server takes for one ConfigMap.
const LARGEST_BYTES: usize = 1 << 20;
/// For starting, finding the system, proving that nothing is in the way; and for the read-back and the judgement.
const AROUND_S: u64 = 600;
/// A run that is asked to end heals, reads back and judges first; then it is fetched.
pub(super) const GRACE_S: i64 = 240;
/// So long the Job is still to be seen when nobody has taken it away.
const SEEN_AFTER_S: i32 = 3600;
/// The home of the run's own state.
const STATE: &str = "/state";

/// The Job: one pod, tried once, that keeps the rules of Pod Security `restricted`.
pub fn job(of: &Submission) -> Job {
    let lasting = Lasting {
        at_most_s: of.longest_s.saturating_add(AROUND_S).saturating_add(KEEP_S),
        seen_after_s: SEEN_AFTER_S,
    };
    let rules = JobSpec {
        backoff_limit: Some(0),
        ..JobSpec::default()
    };
    shape::job(&of.name, &labels(of), lasting, pod(of), rules)
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
    shape::labels("shakedown-runner", (SUBMITTED, of.name.as_str()))
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
        ..container(&of.image)
    };
    let courier = Container {
        name: COURIER.to_string(),
        args: Some(vec!["__parcel".to_string(), "keep".to_string()]),
        resources: Some(room("10m", "32Mi")),
        volume_mounts: Some(vec![mount("parcel", PARCEL)]),
        ..container(&of.image)
    };
    let volumes = vec![files(of), folder("parcel"), folder("state")];
    PodSpec {
        service_account_name: Some(of.account.clone()),
        automount_service_account_token: Some(true),
        affinity: affinity(of),
        ..shape::pod(GRACE_S, vec![run, courier], volumes)
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
    let system = of.apart.iter();
    let system = system.map(|apart| (&apart.labels, apart.namespace.as_str()));
    (!of.apart.is_empty()).then(|| shape::away_from(system, of.must_be_apart))
}

#[cfg(test)]
mod tests;
