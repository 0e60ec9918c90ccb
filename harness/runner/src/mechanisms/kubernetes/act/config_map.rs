//! Config maps, which keep the journal of a run in a cluster.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use super::super::client::Cluster;
use super::super::error::{Ask, ClusterError};
use super::place::MANAGER;

/// A config map at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigMapLook {
    pub name: String,
    pub namespace: String,
    pub uid: String,
    pub labels: BTreeMap<String, String>,
    pub data: BTreeMap<String, String>,
}

impl ConfigMapLook {
    fn of(it: ConfigMap) -> Option<ConfigMapLook> {
        Some(ConfigMapLook {
            name: it.metadata.name?,
            namespace: it.metadata.namespace.unwrap_or_default(),
            uid: it.metadata.uid?,
            labels: it.metadata.labels.unwrap_or_default(),
            data: it.data.unwrap_or_default(),
        })
    }
}

impl Cluster {
    /// # Errors
    /// When there is none, or the API server does not give it.
    pub async fn config_map(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<ConfigMapLook, ClusterError> {
        let ask = Ask::of("get", "configmaps", namespace, name);
        let api = |client| Api::<ConfigMap>::namespaced(client, namespace);
        let look = |it: &ConfigMap| ConfigMapLook::of(it.clone());
        self.one(ask, name, api, look).await
    }

    /// Those that a selector matches.
    ///
    /// # Errors
    /// When the API server does not give them.
    pub async fn config_maps(
        &self,
        namespace: &str,
        selector: &str,
    ) -> Result<Vec<ConfigMapLook>, ClusterError> {
        let list = |client: Client| {
            let api = Api::<ConfigMap>::namespaced(client, namespace);
            let params = ListParams::default().labels(selector);
            async move { api.list(&params).await }
        };
        let ask = Ask::many("list", "configmaps", Some(namespace));
        let found = self.call(ask, list).await?.items;
        Ok(found.into_iter().filter_map(ConfigMapLook::of).collect())
    }

    /// # Errors
    /// [`ClusterError::Exists`] when there is one; when the API server does not make it.
    pub async fn create_config_map(
        &self,
        namespace: &str,
        name: &str,
        labels: BTreeMap<String, String>,
        data: BTreeMap<String, String>,
    ) -> Result<(), ClusterError> {
        let object = ConfigMap {
            metadata: ObjectMeta {
                name: Some(name.to_string()),
                labels: Some(labels),
                ..ObjectMeta::default()
            },
            data: Some(data),
            ..ConfigMap::default()
        };
        self.create(namespace, &object).await.map(drop)
    }

    /// Writes these keys, removes those without a value, and leaves all others. One request: all of it is done, or
    /// nothing.
    ///
    /// # Errors
    /// When there is none, or the API server does not write it.
    pub async fn patch_config_map(
        &self,
        namespace: &str,
        name: &str,
        data: &BTreeMap<String, Option<String>>,
    ) -> Result<(), ClusterError> {
        let patch = json!({ "data": data });
        let send = |client: Client| {
            let api = Api::<ConfigMap>::namespaced(client, namespace);
            async move {
                let params = PatchParams {
                    field_manager: Some(MANAGER.to_string()),
                    ..PatchParams::default()
                };
                api.patch(name, &params, &Patch::Merge(patch)).await
            }
        };
        let ask = Ask::of("patch", "configmaps", namespace, name);
        self.call(ask, send).await.map(drop)
    }
}
