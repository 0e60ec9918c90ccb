//! Objects by their kind and name, read and written whole: what this version of Shakedown does not know stays in them.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Node, Service};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::super::client::Cluster;
use super::super::error::{Ask, ClusterError};
use super::super::look::{Workload, WorkloadKind};

/// What a server-side record of changes names as who made them.
pub(super) const MANAGER: &str = "shakedown";

/// An object, or a part of it that is served by itself.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub resource: ApiResource,
    pub namespace: Option<String>,
    pub name: String,
    pub part: Option<&'static str>,
}

impl Place {
    pub fn node(name: &str) -> Place {
        Place {
            resource: ApiResource::erase::<Node>(&()),
            namespace: None,
            name: name.to_string(),
            part: None,
        }
    }

    pub fn service(namespace: &str, name: &str) -> Place {
        Place {
            resource: ApiResource::erase::<Service>(&()),
            namespace: Some(namespace.to_string()),
            name: name.to_string(),
            part: None,
        }
    }

    pub fn workload(workload: &Workload) -> Place {
        Place {
            resource: match workload.kind {
                WorkloadKind::Deployment => ApiResource::erase::<Deployment>(&()),
                WorkloadKind::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
                WorkloadKind::ReplicaSet => ApiResource::erase::<ReplicaSet>(&()),
            },
            namespace: Some(workload.namespace.clone()),
            name: workload.name.clone(),
            part: None,
        }
    }

    pub fn ask(&self, verb: &'static str) -> Ask {
        let plural = &self.resource.plural;
        Ask {
            verb,
            resource: match self.part {
                Some(part) => format!("{plural}/{part}").into(),
                None => plural.clone().into(),
            },
            namespace: self.namespace.as_deref().map(Into::into),
            name: Some(self.name.as_str().into()),
        }
    }

    pub fn api(&self, client: Client) -> Api<DynamicObject> {
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &self.resource),
            None => Api::all_with(client, &self.resource),
        }
    }
}

impl Cluster {
    /// An object whole, with what this version of Shakedown does not know of it.
    pub(super) async fn value(&self, place: &Place) -> Result<Value, ClusterError> {
        let ask = place.ask("get");
        let get = |client| {
            let (api, place) = (place.api(client), place.clone());
            async move {
                match place.part {
                    Some(part) => api.get_subresource(part, &place.name).await,
                    None => api.get(&place.name).await,
                }
            }
        };
        let found = self.call(ask.clone(), get).await?;
        serde_json::to_value(found).map_err(|error| ClusterError::other(ask, error.to_string()))
    }

    pub(super) async fn write(&self, place: &Place, patch: Value) -> Result<(), ClusterError> {
        let send = |client| {
            let (api, place) = (place.api(client), place.clone());
            async move {
                let params = PatchParams {
                    field_manager: Some(MANAGER.to_string()),
                    ..PatchParams::default()
                };
                let patch = Patch::Merge(patch);
                match place.part {
                    Some(part) => {
                        api.patch_subresource(part, &place.name, &params, &patch)
                            .await
                    }
                    None => api.patch(&place.name, &params, &patch).await,
                }
            }
        };
        self.call(place.ask("patch"), send).await.map(drop)
    }
}

/// The patch, refused by the API server when the object is another by then.
pub(super) fn guarded(mut patch: Value, now: &Value) -> Value {
    if let Some(version) = now.pointer("/metadata/resourceVersion") {
        patch["metadata"] = json!({"resourceVersion": version});
    }
    patch
}
