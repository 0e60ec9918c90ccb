//! Objects of our own: made, looked at, and removed without touching somebody else's of the same name.

use std::fmt::{self, Debug};
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{ApiResource, DeleteParams, PostParams, Preconditions};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::super::client::Cluster;
use super::super::error::{Ask, ClusterError};
use super::super::undo::Replayed;
use super::place::{MANAGER, Place};

const GONE_POLL: Duration = Duration::from_millis(100);

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

    /// Has an object of ours deleted, with what belongs to it. One that does not carry the label is left alone. It may be
    /// there for a while yet: [`Cluster::gone`] waits for its end.
    ///
    /// # Errors
    /// When the API server does not do it.
    pub async fn delete_own(&self, own: &OwnObject) -> Result<Replayed, ClusterError> {
        let place = own.place();
        let found = match self.value(&place).await {
            Ok(found) => found,
            Err(error) if error.is_gone() => return Ok(Replayed::NothingToDo),
            Err(error) => return Err(error),
        };
        let meta = &found["metadata"];
        if !own.is_meant(meta) {
            let (key, value) = &own.label;
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

    /// Waits until there is no object of ours of this name any more: a pod that was deleted ends first.
    ///
    /// # Errors
    /// When it is still there after `within`; when it cannot be looked at, and that does not pass.
    pub async fn gone(&self, own: &OwnObject, within: Duration) -> Result<(), ClusterError> {
        let (place, until) = (own.place(), Instant::now() + within);
        loop {
            let trouble = match self.value(&place).await {
                Ok(found) if own.is_meant(&found["metadata"]) => ClusterError::Other {
                    ask: place.ask("delete"),
                    status: None,
                    why: format!("it is still there after {} s", within.as_secs()),
                },
                Ok(_) => return Ok(()),
                Err(error) if error.is_gone() => return Ok(()),
                Err(error) if error.is_passing() => error,
                Err(error) => return Err(error),
            };
            if Instant::now() >= until {
                return Err(trouble);
            }
            tokio::time::sleep(GONE_POLL).await;
        }
    }
}

impl OwnObject {
    fn place(&self) -> Place {
        Place {
            resource: self.kind.resource(),
            namespace: Some(self.namespace.clone()),
            name: self.name.clone(),
            part: None,
        }
    }

    fn is_meant(&self, meta: &Value) -> bool {
        let (key, value) = &self.label;
        meta["labels"][key] == value.as_str()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::http::StatusCode;
    use axum::routing::any;
    use axum::{Json, Router};
    use serde_json::json;

    use super::super::super::access::{Access, Reach};
    use super::*;

    /// A pod of run `run` that can be looked at so many times.
    async fn looked_at(times: u32, run: &'static str) -> (Cluster, OwnObject) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let left = Arc::new(AtomicU32::new(times));
        let app = Router::new().fallback(any(move || {
            let there = left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .is_ok();
            let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {
                "name": "agent", "uid": "u1", "labels": {"run": run}, "deletionTimestamp": "2026-01-02T03:04:05Z"}});
            let gone = json!({"kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound"});
            async move {
                match there {
                    true => (StatusCode::OK, Json(pod)),
                    false => (StatusCode::NOT_FOUND, Json(gone)),
                }
            }
        }));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let reach = Reach {
            access: Access::default(),
            server: server.clone(),
            uid: None,
        };
        let own = OwnObject {
            kind: ObjectKind::Pod,
            namespace: "agents".to_string(),
            name: "agent".to_string(),
            label: ("run".to_string(), "1".to_string()),
        };
        let config = kube::Config::new(server.parse().unwrap());
        (Cluster::unproven(config, reach), own)
    }

    #[tokio::test]
    async fn a_pod_that_ends_is_waited_for() {
        let (cluster, own) = looked_at(3, "1").await;
        assert_eq!(
            cluster.delete_own(&own).await.unwrap(),
            Replayed::NothingToDo
        );
        let begun = Instant::now();
        cluster.gone(&own, Duration::from_secs(20)).await.unwrap();
        assert!(begun.elapsed() >= 2 * GONE_POLL);
    }

    #[tokio::test]
    async fn a_pod_that_does_not_end_is_told_and_another_is_not_waited_for() {
        let (cluster, own) = looked_at(u32::MAX, "1").await;
        let error = cluster.gone(&own, Duration::ZERO).await.unwrap_err();
        assert!(error.to_string().contains("still there"), "{error}");
        let (cluster, own) = looked_at(u32::MAX, "2").await;
        cluster.gone(&own, Duration::ZERO).await.unwrap();
    }
}
