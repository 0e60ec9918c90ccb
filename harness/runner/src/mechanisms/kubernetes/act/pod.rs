//! Deleting and evicting a pod.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::core::Status;
use kube::{Api, Client};
use serde_json::{Value, json};

use super::super::client::Cluster;
use super::super::error::{Ask, ClusterError};

/// What came of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The API server has taken it down; its kubelet ends it.
    Asked,
    /// It, or the pod of that UID, was gone.
    Gone,
}

/// What came of an eviction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evicted {
    Done,
    /// A disruption budget forbids it; the API server's own words.
    Refused {
        message: String,
    },
    /// It, or the pod of that UID, was gone.
    Gone,
}

impl Cluster {
    /// Has a pod deleted: exactly the one of that UID, never its successor. Without a grace it has its own; with one
    /// of 0 it is forgotten at once, while its processes may still run.
    ///
    /// # Errors
    /// When the API server does not do it.
    pub async fn delete_pod(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        grace_s: Option<u32>,
    ) -> Result<Deleted, ClusterError> {
        let params = DeleteParams {
            grace_period_seconds: grace_s,
            preconditions: Some(Preconditions {
                uid: Some(uid.to_string()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let delete = |client: Client| {
            let api = Api::<Pod>::namespaced(client, namespace);
            async move { api.delete(name, &params).await }
        };
        let ask = Ask::of("delete", "pods", namespace, name);
        match self.call(ask, delete).await {
            Ok(_) => Ok(Deleted::Asked),
            Err(ClusterError::NotFound(_)) => Ok(Deleted::Gone),
            Err(error) => match self.is_another(namespace, name, uid, &error).await? {
                true => Ok(Deleted::Gone),
                false => Err(error),
            },
        }
    }

    /// Has a pod evicted, if its disruption budgets allow that now: exactly the one of that UID. Asked once.
    ///
    /// # Errors
    /// When the API server does not do it for another reason than a budget.
    pub async fn evict(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        grace_s: Option<u32>,
    ) -> Result<Evicted, ClusterError> {
        let body = eviction(namespace, name, uid, grace_s);
        let evict = |client: Client| {
            let api = Api::<Pod>::namespaced(client, namespace);
            let params = PostParams::default();
            async move {
                let done: Status = api
                    .create_subresource("eviction", name, &params, &body)
                    .await?;
                Ok(done)
            }
        };
        let ask = Ask::of("create", "pods/eviction", namespace, name);
        match self.call(ask, evict).await {
            Ok(_) => Ok(Evicted::Done),
            Err(ClusterError::NotFound(_)) => Ok(Evicted::Gone),
            Err(ClusterError::TooManyRequests {
                message,
                budget: true,
                ..
            }) => Ok(Evicted::Refused { message }),
            Err(error) => match self.is_another(namespace, name, uid, &error).await? {
                true => Ok(Evicted::Gone),
                false => Err(error),
            },
        }
    }

    /// Whether a conflict came of the UID: a pod of that name is there, and it is another, or none is.
    async fn is_another(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        error: &ClusterError,
    ) -> Result<bool, ClusterError> {
        match error {
            ClusterError::Conflict { .. } => match self.pod(namespace, name).await {
                Ok(pod) => Ok(pod.uid != uid),
                Err(error) if error.is_gone() => Ok(true),
                Err(error) => Err(error),
            },
            _ => Ok(false),
        }
    }
}

/// kube's own request writes `delete_options`, which the API server does not know, and so passes over.
fn eviction(namespace: &str, name: &str, uid: &str, grace_s: Option<u32>) -> Value {
    let mut options = json!({"preconditions": {"uid": uid}});
    if let Some(grace_s) = grace_s {
        options["gracePeriodSeconds"] = json!(grace_s);
    }
    json!({
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"namespace": namespace, "name": name},
        "deleteOptions": options,
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::policy::v1::Eviction;

    use super::*;

    #[test]
    fn an_eviction_is_one_of_this_very_pod() {
        let read = |grace_s| {
            let value = eviction("stg", "engine-0", "u1", grace_s);
            let options = serde_json::from_value::<Eviction>(value)
                .unwrap()
                .delete_options;
            options.unwrap()
        };
        let uid = read(None).preconditions.unwrap().uid;
        assert_eq!(uid.as_deref(), Some("u1"));
        assert_eq!(read(None).grace_period_seconds, None);
        assert_eq!(read(Some(0)).grace_period_seconds, Some(0));
    }
}
