//! Deployments, stateful sets and replica sets.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::pod::Owner;
use super::values::selector;

/// The number of a deployment's rollout, and of the replica set that belongs to it.
pub(in super::super) const REVISION: &str = "deployment.kubernetes.io/revision";
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadKind {
    Deployment,
    StatefulSet,
    ReplicaSet,
}

impl WorkloadKind {
    /// As an owner reference names it.
    pub fn of_owner(kind: &str) -> Option<WorkloadKind> {
        match kind {
            "Deployment" => Some(WorkloadKind::Deployment),
            "StatefulSet" => Some(WorkloadKind::StatefulSet),
            "ReplicaSet" => Some(WorkloadKind::ReplicaSet),
            _ => None,
        }
    }

    /// As a Role names it.
    pub fn resource(self) -> &'static str {
        match self {
            WorkloadKind::Deployment => "deployments",
            WorkloadKind::StatefulSet => "statefulsets",
            WorkloadKind::ReplicaSet => "replicasets",
        }
    }

    /// As a Role names the part that holds the number of replicas.
    pub fn scale_resource(self) -> &'static str {
        match self {
            WorkloadKind::Deployment => "deployments/scale",
            WorkloadKind::StatefulSet => "statefulsets/scale",
            WorkloadKind::ReplicaSet => "replicasets/scale",
        }
    }
}

/// The name of a workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Workload {
    pub kind: WorkloadKind,
    pub namespace: String,
    pub name: String,
}

impl fmt::Display for Workload {
    /// As kubectl names it, and where: `deployment/engine in stg`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.kubectl(), self.namespace)
    }
}

impl Workload {
    /// As kubectl names it: `deployment/engine`.
    pub fn kubectl(&self) -> String {
        let kind = match self.kind {
            WorkloadKind::Deployment => "deployment",
            WorkloadKind::StatefulSet => "statefulset",
            WorkloadKind::ReplicaSet => "replicaset",
        };
        format!("{kind}/{}", self.name)
    }
}

/// A workload at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WorkloadLook {
    pub workload: Workload,
    pub uid: String,
    pub owner: Option<Owner>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// Which pods are its own, as a query.
    pub selector: String,
    /// How many there are to be.
    pub replicas: u32,
    /// How many there are, of all revisions.
    pub current: u32,
    pub ready: u32,
    pub updated: u32,
    pub available: u32,
    pub generation: i64,
    /// The generation that its controller has acted upon.
    pub observed_generation: i64,
    /// A deployment's or replica set's number, or a stateful set's update revision.
    pub revision: Option<String>,
    /// A stateful set's revision before the rollout that goes on.
    pub current_revision: Option<String>,
    /// Of its template, by container.
    pub images: BTreeMap<String, String>,
    pub paused: bool,
    /// A stateful set that waits for somebody to delete its pods.
    pub on_delete: bool,
    /// Why a rollout makes no progress, when its controller has given up.
    pub stuck: Option<String>,
}

/// How far a rollout is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rollout {
    Done,
    /// For people.
    Going(String),
    /// It will not end by itself; for people.
    Stuck(String),
}

impl WorkloadLook {
    pub fn of_deployment(it: &Deployment) -> Option<WorkloadLook> {
        let (spec, status) = (it.spec.clone()?, it.status.clone().unwrap_or_default());
        let conditions = status.conditions.iter().flatten();
        let mut given_up =
            conditions.filter(|it| it.type_ == "Progressing" && it.status == "False");
        let mut look = common(WorkloadKind::Deployment, &it.metadata, Some(&spec.template))?;
        look.selector = selector(&spec.selector);
        look.replicas = count(spec.replicas.or(Some(1)));
        look.current = count(status.replicas);
        look.ready = count(status.ready_replicas);
        look.updated = count(status.updated_replicas);
        look.available = count(status.available_replicas);
        look.observed_generation = status.observed_generation.unwrap_or_default();
        look.revision = look.annotations.get(REVISION).cloned();
        look.paused = spec.paused.unwrap_or(false);
        look.stuck = given_up
            .next()
            .map(|it| it.message.clone().unwrap_or_default());
        Some(look)
    }

    pub fn of_stateful_set(it: &StatefulSet) -> Option<WorkloadLook> {
        let (spec, status) = (it.spec.clone()?, it.status.clone().unwrap_or_default());
        let mut look = common(
            WorkloadKind::StatefulSet,
            &it.metadata,
            Some(&spec.template),
        )?;
        look.selector = selector(&spec.selector);
        look.replicas = count(spec.replicas.or(Some(1)));
        look.current = count(Some(status.replicas));
        look.ready = count(status.ready_replicas);
        look.updated = count(status.updated_replicas);
        look.available = count(status.available_replicas);
        look.observed_generation = status.observed_generation.unwrap_or_default();
        look.revision = status.update_revision;
        look.current_revision = status.current_revision;
        let strategy = spec.update_strategy.and_then(|it| it.type_);
        look.on_delete = strategy.as_deref() == Some("OnDelete");
        Some(look)
    }

    pub fn of_replica_set(it: &ReplicaSet) -> Option<WorkloadLook> {
        let (spec, status) = (it.spec.clone()?, it.status.clone().unwrap_or_default());
        let mut look = common(
            WorkloadKind::ReplicaSet,
            &it.metadata,
            spec.template.as_ref(),
        )?;
        look.selector = selector(&spec.selector);
        look.replicas = count(spec.replicas.or(Some(1)));
        look.current = count(Some(status.replicas));
        look.ready = count(status.ready_replicas);
        // All pods of a replica set are of one revision.
        look.updated = look.current;
        look.available = count(status.available_replicas);
        look.observed_generation = status.observed_generation.unwrap_or_default();
        look.revision = look.annotations.get(REVISION).cloned();
        Some(look)
    }

    /// How far its rollout is.
    pub fn rollout(&self) -> Rollout {
        if let Some(why) = &self.stuck {
            return Rollout::Stuck(why.clone());
        }
        if self.observed_generation < self.generation {
            return match self.paused {
                true => Rollout::Stuck("it is paused".to_string()),
                false => Rollout::Going("its controller has not seen the change yet".to_string()),
            };
        }
        let wanted = self.replicas;
        if self.updated < wanted {
            let so_far = format!("{} of {wanted} pods are of the new revision", self.updated);
            return match (self.paused, self.on_delete) {
                (true, _) => Rollout::Stuck(format!("{so_far}, and it is paused")),
                (false, true) => {
                    Rollout::Stuck(format!("{so_far}, and only deleted pods are renewed"))
                }
                (false, false) => Rollout::Going(so_far),
            };
        }
        if self.current > wanted {
            return Rollout::Going(format!("{} pods are to go", self.current - wanted));
        }
        let other = self.current_revision.as_ref() != self.revision.as_ref();
        match self.ready.min(self.available) {
            usable if usable < wanted => {
                Rollout::Going(format!("{usable} of {wanted} pods are available"))
            }
            _ if self.current_revision.is_some() && other && wanted > 0 => {
                Rollout::Going("its controller has not closed the rollout yet".to_string())
            }
            _ => Rollout::Done,
        }
    }
}

fn count(number: Option<i32>) -> u32 {
    number.map_or(0, |it| u32::try_from(it).unwrap_or(0))
}

fn common(
    kind: WorkloadKind,
    meta: &ObjectMeta,
    template: Option<&PodTemplateSpec>,
) -> Option<WorkloadLook> {
    let spec = template.and_then(|it| it.spec.as_ref());
    let containers = spec.map(|it| it.containers.as_slice()).unwrap_or_default();
    let images = containers.iter();
    let images = images.map(|it| (it.name.clone(), it.image.clone().unwrap_or_default()));
    Some(WorkloadLook {
        workload: Workload {
            kind,
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone()?,
        },
        uid: meta.uid.clone()?,
        owner: Owner::of(meta.owner_references.as_ref()),
        labels: meta.labels.clone().unwrap_or_default(),
        annotations: meta.annotations.clone().unwrap_or_default(),
        selector: String::new(),
        replicas: 0,
        current: 0,
        ready: 0,
        updated: 0,
        available: 0,
        generation: meta.generation.unwrap_or_default(),
        observed_generation: 0,
        revision: None,
        current_revision: None,
        images: images.collect(),
        paused: false,
        on_delete: false,
        stuck: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"{"spec":{"containers":[{"name":"engine","image":"engine:2"}]}}"#;

    fn deployment(status: &str) -> WorkloadLook {
        let text = format!(
            r#"{{"metadata":{{"name":"gate","namespace":"stg","uid":"1","generation":3,
                 "annotations":{{"deployment.kubernetes.io/revision":"4","argocd.argoproj.io/tracking-id":"x"}}}},
               "spec":{{"replicas":3,"selector":{{"matchLabels":{{"app":"gate"}}}},"template":{TEMPLATE}}},"status":{status}}}"#
        );
        WorkloadLook::of_deployment(&serde_json::from_str(&text).unwrap()).unwrap()
    }

    fn stateful_set(strategy: &str, status: &str) -> WorkloadLook {
        let text = format!(
            r#"{{"metadata":{{"name":"engine","uid":"1","generation":1}},"spec":{{"serviceName":"e","selector":{{}},
                "updateStrategy":{{"type":"{strategy}"}},"template":{TEMPLATE}}},"status":{status}}}"#
        );
        WorkloadLook::of_stateful_set(&serde_json::from_str(&text).unwrap()).unwrap()
    }

    #[test]
    fn a_rollout_of_a_deployment_is_done_when_all_is_new_and_available() {
        let done = deployment(
            r#"{"observedGeneration":3,"replicas":3,"readyReplicas":3,"updatedReplicas":3,"availableReplicas":3}"#,
        );
        assert_eq!(done.rollout(), Rollout::Done);
        assert_eq!(
            (done.revision.as_deref(), done.selector.as_str()),
            (Some("4"), "app=gate")
        );
        assert_eq!(done.images["engine"], "engine:2");
        for going in [
            r#"{"observedGeneration":2,"replicas":3,"readyReplicas":3,"updatedReplicas":3,"availableReplicas":3}"#,
            r#"{"observedGeneration":3,"replicas":3,"readyReplicas":3,"updatedReplicas":1,"availableReplicas":3}"#,
            r#"{"observedGeneration":3,"replicas":4,"readyReplicas":4,"updatedReplicas":3,"availableReplicas":4}"#,
            r#"{"observedGeneration":3,"replicas":3,"readyReplicas":3,"updatedReplicas":3,"availableReplicas":2}"#,
        ] {
            let rollout = deployment(going).rollout();
            assert!(matches!(rollout, Rollout::Going(_)), "{going}: {rollout:?}");
        }
        let stuck = deployment(
            r#"{"observedGeneration":3,"conditions":[{"type":"Progressing","status":"False","message":"too slow"}]}"#,
        );
        assert_eq!(stuck.rollout(), Rollout::Stuck("too slow".to_string()));
    }

    #[test]
    fn a_rollout_of_a_stateful_set_needs_its_controller_to_close_it() {
        let status = |current: &str, updated: u32| {
            format!(
                r#"{{"observedGeneration":1,"replicas":1,"readyReplicas":1,"availableReplicas":1,"updatedReplicas":{updated},
                    "currentRevision":"{current}","updateRevision":"e-2"}}"#
            )
        };
        assert_eq!(
            stateful_set("RollingUpdate", &status("e-2", 1)).rollout(),
            Rollout::Done
        );
        let open = stateful_set("RollingUpdate", &status("e-1", 1)).rollout();
        assert!(matches!(open, Rollout::Going(_)), "{open:?}");
        let waits = stateful_set("OnDelete", &status("e-1", 0)).rollout();
        assert!(matches!(waits, Rollout::Stuck(_)), "{waits:?}");
    }

    #[test]
    fn a_replica_set_knows_its_owner() {
        let text = format!(
            r#"{{"metadata":{{"name":"gate-5f","namespace":"stg","uid":"2","annotations":{{"deployment.kubernetes.io/revision":"4"}},
                "ownerReferences":[{{"apiVersion":"apps/v1","kind":"Deployment","name":"gate","uid":"1","controller":true}}]}},
               "spec":{{"replicas":2,"selector":{{}},"template":{TEMPLATE}}},"status":{{"replicas":2,"readyReplicas":1}}}}"#
        );
        let seen = WorkloadLook::of_replica_set(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(seen.owner.as_ref().map(|it| it.name.as_str()), Some("gate"));
        assert_eq!((seen.replicas, seen.ready), (2, 1));
        assert_eq!(seen.workload.to_string(), "replicaset/gate-5f in stg");
    }
}
