//! Objects of our own: made, looked at, and removed without touching somebody else's of the same name.

use std::fmt::{self, Debug};

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{ApiResource, DeleteParams, PostParams, Preconditions};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::client::Cluster;
use super::super::error::{Ask, ClusterError};
use super::super::undo::Replayed;
use super::place::{MANAGER, Place};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectKind {
    Pod,
    ConfigMap,
    Lease,
    Job,
}

/// An object that is ours as long as it carries the label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OwnObject {
    pub kind: ObjectKind,
    pub namespace: String,
    pub name: String,
    /// Key and value, such as the id of the run.
    pub label: (String, String),
}

impl ObjectKind {
    /// As kubectl names it.
    pub fn kubectl(self) -> &'static str {
        match self {
            ObjectKind::Pod => "pod",
            ObjectKind::ConfigMap => "configmap",
            ObjectKind::Lease => "lease",
            ObjectKind::Job => "job",
        }
    }

    /// Its group and its resource, as a Role names them.
    pub(in super::super) fn names(self) -> (&'static str, &'static str) {
        match self {
            ObjectKind::Pod => ("", "pods"),
            ObjectKind::ConfigMap => ("", "configmaps"),
            ObjectKind::Lease => ("coordination.k8s.io", "leases"),
            ObjectKind::Job => ("batch", "jobs"),
        }
    }

    fn resource(self) -> ApiResource {
        match self {
            ObjectKind::Pod => ApiResource::erase::<Pod>(&()),
            ObjectKind::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
            ObjectKind::Lease => ApiResource::erase::<Lease>(&()),
            ObjectKind::Job => ApiResource::erase::<Job>(&()),
        }
    }
}

impl fmt::Display for OwnObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OwnObject {
            kind,
            namespace,
            name,
            ..
        } = self;
        write!(f, "{} {name} in {namespace}", kind.kubectl())
    }
}

impl Cluster {
    /// Makes an object of a namespace.
    ///
    /// # Errors
    /// [`ClusterError::Exists`] when there is one of its name; when the API server does not make it.
    pub async fn create<K>(&self, namespace: &str, object: &K) -> Result<K, ClusterError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Debug
            + Serialize
            + DeserializeOwned,
    {
        let name = object.meta().name.clone().unwrap_or_default();
        let ask = Ask::of("create", K::plural(&()), namespace, &name);
        let create = |client: Client| {
            let api = Api::<K>::namespaced(client, namespace);
            async move {
                let params = PostParams {
                    field_manager: Some(MANAGER.to_string()),
                    ..PostParams::default()
                };
                api.create(&params, object).await
            }
        };
        self.call(ask, create).await
    }

    /// An object of a namespace, whole.
    ///
    /// # Errors
    /// When there is none, or the API server does not give it.
    pub async fn get<K>(&self, namespace: &str, name: &str) -> Result<K, ClusterError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let ask = Ask::of("get", K::plural(&()), namespace, name);
        let api = |client| Api::<K>::namespaced(client, namespace);
        self.one(ask, name, api, |found| Some(found.clone())).await
    }

    /// Has an object of ours deleted, with what belongs to it. One that does not carry the label is left alone.
    ///
    /// # Errors
    /// When the API server does not do it.
    pub async fn delete_own(&self, own: &OwnObject) -> Result<Replayed, ClusterError> {
        let place = Place {
            resource: own.kind.resource(),
            namespace: Some(own.namespace.clone()),
            name: own.name.clone(),
            part: None,
        };
        let (key, value) = &own.label;
        let found = match self.value(&place).await {
            Ok(found) => found,
            Err(error) if error.is_gone() => return Ok(Replayed::NothingToDo),
            Err(error) => return Err(error),
        };
        let meta = &found["metadata"];
        if meta["labels"][key] != value.as_str() {
            return Ok(Replayed::Foreign(format!(
                "it does not carry the label {key}={value}"
            )));
        }
        if !meta["deletionTimestamp"].is_null() {
            return Ok(Replayed::NothingToDo);
        }
        let params = DeleteParams::background().preconditions(Preconditions {
            uid: meta["uid"].as_str().map(ToString::to_string),
            resource_version: None,
        });
        let delete = |client| {
            let (api, name) = (place.api(client), own.name.clone());
            async move { api.delete(&name, &params).await }
        };
        match self.call(place.ask("delete"), delete).await {
            Ok(_) => Ok(Replayed::Done),
            Err(error) if error.is_gone() => Ok(Replayed::NothingToDo),
            Err(error) => Err(error),
        }
    }
}
