//! What is wanted of an object, and the change that comes to when the object is looked at.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{ControllerRevision, ReplicaSet};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use serde_json::{Value, json};

use super::super::client::Cluster;
use super::super::error::{Ask, ClusterError};
use super::super::look::{Taint, Workload, WorkloadKind};
use super::change::Change;
use super::place::Place;

/// Which replica set a pod is of: the controller's own mark in the template of a replica set.
const HASH: &str = "pod-template-hash";
/// What kubectl writes to have all pods renewed.
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// No new pods on a node.
    Cordon {
        node: String,
    },
    Taint {
        node: String,
        taint: Taint,
    },
    Scale {
        workload: Workload,
        replicas: u32,
    },
    /// Another selector for a service, whole.
    Select {
        namespace: String,
        service: String,
        selector: BTreeMap<String, String>,
    },
    SetImage {
        workload: Workload,
        container: String,
        image: String,
    },
    /// Renews all pods. Taking it back renews them once more.
    Restart {
        workload: Workload,
        /// Another for each restart, such as a time.
        mark: String,
    },
    /// The template of the revision before.
    RollBack {
        workload: Workload,
    },
}

impl Cluster {
    /// Looks at the object and says what would change; `None` when it is so already. Changes nothing.
    ///
    /// # Errors
    /// When the object, its container or its revision before does not exist, or the API server does not give it.
    pub async fn prepare(&self, edit: Edit) -> Result<Option<Change>, ClusterError> {
        match edit {
            Edit::Cordon { node } => {
                let cordoned = self.node(&node).await?.unschedulable;
                Ok((!cordoned).then_some(Change::Cordon { node }))
            }
            Edit::Taint { node, taint } => {
                let known = self.node(&node).await?.taints;
                Ok((!known.contains(&taint)).then_some(Change::Taint { node, taint }))
            }
            Edit::Scale { workload, replicas } => {
                let place = Place {
                    part: Some("scale"),
                    ..Place::workload(&workload)
                };
                let scale = self.value(&place).await?;
                // A scale without a number is a scale of none.
                let before = scale.pointer("/spec/replicas").and_then(Value::as_u64);
                let before = u32::try_from(before.unwrap_or(0)).unwrap_or(u32::MAX);
                Ok((before != replicas).then_some(Change::Scale {
                    workload,
                    before,
                    ours: replicas,
                }))
            }
            Edit::Select {
                namespace,
                service,
                selector,
            } => {
                let before = self.service(&namespace, &service).await?.selector;
                Ok((before != selector).then_some(Change::Select {
                    namespace,
                    service,
                    before,
                    ours: selector,
                }))
            }
            Edit::SetImage {
                workload,
                container,
                image,
            } => {
                let before = self.template(&workload).await?;
                let ours = with_image(&before, &container, &image);
                let ask = Place::workload(&workload).ask("patch");
                let ours = ours.map_err(|why| ClusterError::other(ask, why))?;
                Ok(template_change(workload, before, ours))
            }
            Edit::Restart { workload, mark } => {
                let before = self.template(&workload).await?;
                let ours = with_mark(&before, &mark);
                Ok(template_change(workload, before, ours))
            }
            Edit::RollBack { workload } => {
                let object = self.value(&Place::workload(&workload)).await?;
                let before = template_of(&object).unwrap_or_default();
                let ours = self.template_before(&workload, &object).await?;
                Ok(template_change(workload, before, ours))
            }
        }
    }

    async fn template(&self, workload: &Workload) -> Result<Value, ClusterError> {
        let place = Place::workload(workload);
        let object = self.value(&place).await?;
        template_of(&object)
            .ok_or_else(|| ClusterError::other(place.ask("get"), "it has no template"))
    }

    /// The template of the revision before the newest one.
    async fn template_before(
        &self,
        workload: &Workload,
        object: &Value,
    ) -> Result<Value, ClusterError> {
        let (resource, plural) = match workload.kind {
            WorkloadKind::Deployment => (ApiResource::erase::<ReplicaSet>(&()), "replicasets"),
            WorkloadKind::StatefulSet => {
                let resource = ApiResource::erase::<ControllerRevision>(&());
                (resource, "controllerrevisions")
            }
            WorkloadKind::ReplicaSet => {
                let ask = Place::workload(workload).ask("patch");
                return Err(ClusterError::other(ask, "replica sets have no revisions"));
            }
        };
        let ask = Ask::many("list", plural, Some(&workload.namespace));
        let list = |client| {
            let api: Api<DynamicObject> =
                Api::namespaced_with(client, &workload.namespace, &resource);
            async move { api.list(&ListParams::default()).await }
        };
        let found = self.call(ask.clone(), list).await?.items;
        let all: Result<Vec<Value>, _> = found.into_iter().map(serde_json::to_value).collect();
        let all = all.map_err(|error| ClusterError::other(ask, error.to_string()))?;
        let uid = object.pointer("/metadata/uid").and_then(Value::as_str);
        previous(&all, uid.unwrap_or_default()).ok_or_else(|| {
            let ask = Place::workload(workload).ask("patch");
            ClusterError::other(ask, "there is no revision before this one to go back to")
        })
    }
}

fn template_change(workload: Workload, before: Value, ours: Value) -> Option<Change> {
    (before != ours).then_some(Change::Template {
        workload,
        before,
        ours,
    })
}

fn template_of(object: &Value) -> Option<Value> {
    object.pointer("/spec/template").cloned()
}

fn with_image(template: &Value, container: &str, image: &str) -> Result<Value, String> {
    let mut ours = template.clone();
    let all = ours.pointer_mut("/spec/containers");
    let mut names = Vec::new();
    for it in all.and_then(Value::as_array_mut).into_iter().flatten() {
        match it.get("name").and_then(Value::as_str) {
            Some(name) if name == container => {
                it["image"] = json!(image);
                return Ok(ours);
            }
            Some(name) => names.push(name.to_string()),
            None => {}
        }
    }
    let names = names.join(", ");
    Err(format!(
        "it has no container {container}; there are {names}"
    ))
}

fn with_mark(template: &Value, mark: &str) -> Value {
    let mut ours = template.clone();
    ours["metadata"]["annotations"][RESTARTED] = json!(mark);
    ours
}

/// Of replica sets or controller revisions: the template of the one before the newest that this owner has.
fn previous(all: &[Value], owner: &str) -> Option<Value> {
    let controlled = |it: &&Value| {
        let owners = it.pointer("/metadata/ownerReferences");
        let mut owners = owners.and_then(Value::as_array).into_iter().flatten();
        owners.any(|it| it["controller"] == true && it["uid"] == owner)
    };
    let number = |it: &&Value| {
        let own = it.get("revision").and_then(Value::as_i64);
        let annotations = it.pointer("/metadata/annotations");
        let noted = || {
            let noted = annotations?.get("deployment.kubernetes.io/revision")?;
            noted.as_str()?.parse().ok()
        };
        own.or_else(noted).unwrap_or(0)
    };
    let mut own: Vec<&Value> = all.iter().filter(controlled).collect();
    own.sort_by_key(number);
    let before = own.iter().rev().nth(1)?;
    let kept = before.pointer("/data/spec/template");
    let mut template = kept.or(before.pointer("/spec/template"))?.clone();
    if let Some(fields) = template.as_object_mut() {
        // How a controller revision says that it is to replace all.
        fields.remove("$patch");
    }
    let labels = template.pointer_mut("/metadata/labels");
    if let Some(labels) = labels.and_then(Value::as_object_mut) {
        labels.remove(HASH);
    }
    Some(template)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica_set(revision: &str, owner: &str, image: &str) -> Value {
        json!({
            "metadata": {"annotations": {"deployment.kubernetes.io/revision": revision},
                "ownerReferences": [{"uid": owner, "controller": true}]},
            "spec": {"template": {"metadata": {"labels": {"app": "gate", HASH: "5f"}}, "spec": {"image": image}}}
        })
    }

    #[test]
    fn the_revision_before_is_the_owners_second_newest() {
        let all = [
            replica_set("10", "d1", "new"),
            replica_set("9", "d1", "before"),
            replica_set("2", "d1", "old"),
            replica_set("99", "other", "foreign"),
        ];
        let wanted = json!({"metadata": {"labels": {"app": "gate"}}, "spec": {"image": "before"}});
        assert_eq!(previous(&all, "d1"), Some(wanted));
        assert_eq!(previous(&all[..1], "d1"), None);
        let revision = |number: i64, image: &str| {
            json!({"revision": number, "metadata": {"ownerReferences": [{"uid": "s1", "controller": true}]},
                "data": {"spec": {"template": {"$patch": "replace", "spec": {"image": image}}}}})
        };
        let all = [revision(1, "before"), revision(2, "new")];
        assert_eq!(
            previous(&all, "s1"),
            Some(json!({"spec": {"image": "before"}}))
        );
    }

    #[test]
    fn one_container_gets_another_image() {
        let template = json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}});
        let ours = with_image(&template, "b", "2").unwrap();
        let wanted = json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]}});
        assert_eq!(ours, wanted);
        let missing = with_image(&template, "c", "2").unwrap_err();
        assert_eq!(missing, "it has no container c; there are a, b");
    }

    #[test]
    fn a_restart_is_a_mark_also_where_there_was_none() {
        let wanted = json!({"metadata": {"annotations": {RESTARTED: "7"}}, "spec": {}});
        assert_eq!(with_mark(&json!({"spec": {}}), "7"), wanted);
        let null = json!({"metadata": {"annotations": null}, "spec": {}});
        assert_eq!(with_mark(&null, "7"), wanted);
    }
}
