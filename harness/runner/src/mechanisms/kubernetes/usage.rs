//! Asks the metrics API of a cluster what a pod uses.

use kube::Api;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};

use super::client::Cluster;
use super::error::{Ask, ClusterError};
use super::look::UsageLook;
use super::rights::Right;

const GROUP: &str = "metrics.k8s.io";

impl Cluster {
    /// What a pod uses, as it was measured last: as a rule every 15 s, by metrics-server.
    ///
    /// # Errors
    /// When the cluster has no metrics API, or nothing was measured of this pod yet.
    pub async fn usage_of(&self, namespace: &str, pod: &str) -> Result<UsageLook, ClusterError> {
        let kind = GroupVersionKind::gvk(GROUP, "v1beta1", "PodMetrics");
        let resource = ApiResource::from_gvk_with_plural(&kind, "pods");
        let ask = Ask::of("get", "pods.metrics.k8s.io", namespace, pod);
        let get = |client| {
            let api = Api::<DynamicObject>::namespaced_with(client, namespace, &resource);
            async move { api.get(pod).await }
        };
        let found = self.call(ask.clone(), get).await?;
        UsageLook::of(&found).ok_or_else(|| ClusterError::other(ask, "the answer is not whole"))
    }
}

/// What [`Cluster::usage_of`] needs.
pub(crate) fn right(namespace: &str) -> Right {
    Right::namespaced(GROUP, "pods", "get", namespace)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::ApiServer;

    #[tokio::test]
    async fn a_pod_is_asked_for_and_one_that_was_not_measured_is_told() {
        let server = ApiServer::with(&["stg"]).await;
        let path = "/apis/metrics.k8s.io/v1beta1/namespaces/stg/pods/engine-0";
        server.make(
            path,
            json!({
                "kind": "PodMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
                "metadata": { "name": "engine-0", "namespace": "stg" },
                "timestamp": "2026-01-01T00:00:07Z", "window": "30s",
                "containers": [{ "name": "engine", "usage": { "cpu": "250m", "memory": "1Mi" } }],
            }),
        );
        let cluster = server.cluster().await;
        let seen = cluster.usage_of("stg", "engine-0").await.unwrap();
        assert_eq!(seen.containers["engine"].cpus, 0.25);
        let error = cluster.usage_of("stg", "engine-1").await.unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("get pods.metrics.k8s.io engine-1 in stg"),
            "{said}"
        );
        assert_eq!(right("stg").to_string(), "get pods.metrics.k8s.io in stg");
    }
}
