//! Asks whether somebody who keeps objects as a repository says would undo a change now.

use kube::Api;
use kube::api::ListParams;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;

use super::client::Cluster;
use super::error::{Ask, ClusterError};
use super::look::{Keeper, Keeping};

impl Cluster {
    /// Whether a keeper undoes what others change. What cannot be asked is unknown, and no error.
    pub async fn keeping(&self, keeper: &Keeper) -> Keeping {
        let Some([group, version, kind, plural]) = keeper.operator.told_by() else {
            return keeper.operator.keeping(&Value::Null);
        };
        let resource =
            ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
        match self.told_to(keeper, &resource).await {
            Ok(Some(spec)) => keeper.operator.keeping(&spec),
            Ok(None) => Keeping::Unknown(format!("there is no {kind} {} here", keeper.name)),
            Err(ClusterError::NotFound(_)) => {
                Keeping::Unknown(format!("there is no {kind} {} here", keeper.name))
            }
            Err(error) => Keeping::Unknown(error.to_string()),
        }
    }

    /// What the keeper was told: the `spec` of its object.
    async fn told_to(
        &self,
        keeper: &Keeper,
        resource: &ApiResource,
    ) -> Result<Option<Value>, ClusterError> {
        let name = keeper.name.as_str();
        let full = format!("{}.{}", resource.plural, resource.group);
        let spec = |found: &DynamicObject| found.data.get("spec").cloned();
        if let Some(namespace) = &keeper.namespace {
            let ask = Ask::of("get", full, namespace, name);
            let get = |client| {
                let api = Api::<DynamicObject>::namespaced_with(client, namespace, resource);
                async move { api.get(name).await }
            };
            return Ok(spec(&self.call(ask, get).await?));
        }
        let ask = Ask {
            verb: "list",
            resource: full.into(),
            namespace: None,
            name: None,
        };
        let only = ListParams::default().fields(&format!("metadata.name={name}"));
        let list = |client| {
            let api = Api::<DynamicObject>::all_with(client, resource);
            async move { api.list(&only).await }
        };
        let found = self.call(ask, list).await?;
        Ok(found.items.first().and_then(spec))
    }
}
