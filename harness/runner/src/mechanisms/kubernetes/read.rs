//! Reading a cluster: one call each, but for long lists.

use std::collections::BTreeMap;
use std::fmt::Debug;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ListParams;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use super::client::Cluster;
use super::error::{Ask, ClusterError};
use super::look::{
    BudgetLook, EndpointLook, NodeLook, PodLook, ScalerLook, ServiceLook, TemplateLook, Workload,
    WorkloadKind, WorkloadLook,
};

/// Objects of one answer.
const PAGE: u32 = 500;
/// Where kubelets renew their Leases.
const NODE_LEASES: &str = "kube-node-lease";
/// The label by which slices are a service's.
const SERVICE_OF_SLICE: &str = "kubernetes.io/service-name";

impl Cluster {
    /// Pods of a namespace that a selector such as `app=engine` matches; an empty one matches all.
    ///
    /// # Errors
    /// When the API server does not give them.
    pub async fn pods(
        &self,
        namespace: &str,
        selector: &str,
    ) -> Result<Vec<PodLook>, ClusterError> {
        let ask = Ask::many("list", "pods", Some(namespace));
        let params = ListParams::default().labels(selector);
        let namespace = namespace.to_string();
        let api = move |client| Api::<Pod>::namespaced(client, &namespace);
        self.all(ask, params, api, PodLook::of).await
    }

    /// Pods on a node, of all namespaces.
    ///
    /// # Errors
    /// When the API server does not give them.
    pub async fn pods_on(&self, node: &str) -> Result<Vec<PodLook>, ClusterError> {
        let ask = Ask::many("list", "pods", None);
        let params = ListParams::default().fields(&format!("spec.nodeName={node}"));
        self.all(ask, params, Api::<Pod>::all, PodLook::of).await
    }

    /// # Errors
    /// When there is none, or the API server does not give it.
    pub async fn pod(&self, namespace: &str, name: &str) -> Result<PodLook, ClusterError> {
        let ask = Ask::of("get", "pods", namespace, name);
        let api = |client| Api::<Pod>::namespaced(client, namespace);
        self.one(ask, name, api, PodLook::of).await
    }

    /// Whether there is such a namespace.
    ///
    /// # Errors
    /// When the API server does not tell.
    pub async fn has_namespace(&self, name: &str) -> Result<bool, ClusterError> {
        let ask = Ask::cluster("get", "namespaces", name);
        let found = self.one(ask, name, Api::<Namespace>::all, |_| Some(()));
        match found.await {
            Ok(()) => Ok(true),
            Err(error) if error.is_gone() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Nodes that a selector matches; an empty one matches all.
    ///
    /// # Errors
    /// When the API server does not give them.
    pub async fn nodes(&self, selector: &str) -> Result<Vec<NodeLook>, ClusterError> {
        let ask = Ask::many("list", "nodes", None);
        let params = ListParams::default().labels(selector);
        self.all(ask, params, Api::<Node>::all, NodeLook::of).await
    }

    /// # Errors
    /// When there is none, or the API server does not give it.
    pub async fn node(&self, name: &str) -> Result<NodeLook, ClusterError> {
        let ask = Ask::cluster("get", "nodes", name);
        self.one(ask, name, Api::<Node>::all, NodeLook::of).await
    }

    /// When a node's kubelet renewed its Lease last: each 10 s while it lives.
    ///
    /// # Errors
    /// When there is none, or the API server does not give it.
    pub async fn node_lease(&self, name: &str) -> Result<Option<Timestamp>, ClusterError> {
        let ask = Ask::of("get", "leases", NODE_LEASES, name);
        let api = |client| Api::<Lease>::namespaced(client, NODE_LEASES);
        let renewed = |lease: &Lease| Some(lease.spec.as_ref()?.renew_time.as_ref().map(|it| it.0));
        self.one(ask, name, api, renewed).await
    }

    /// # Errors
    /// When the API server does not give them.
    pub async fn services(
        &self,
        namespace: &str,
        selector: &str,
    ) -> Result<Vec<ServiceLook>, ClusterError> {
        let ask = Ask::many("list", "services", Some(namespace));
        let params = ListParams::default().labels(selector);
        let namespace = namespace.to_string();
        let api = move |client| Api::<Service>::namespaced(client, &namespace);
        self.all(ask, params, api, ServiceLook::of).await
    }

    /// # Errors
    /// When there is none, or the API server does not give it.
    pub async fn service(&self, namespace: &str, name: &str) -> Result<ServiceLook, ClusterError> {
        let ask = Ask::of("get", "services", namespace, name);
        let api = |client| Api::<Service>::namespaced(client, namespace);
        self.one(ask, name, api, ServiceLook::of).await
    }

    /// The addresses behind a service, in their order. None for a service that does not exist.
    ///
    /// # Errors
    /// When the API server does not give them.
    pub async fn endpoints(
        &self,
        namespace: &str,
        service: &str,
    ) -> Result<Vec<EndpointLook>, ClusterError> {
        let ask = Ask::many("list", "endpointslices", Some(namespace));
        let params = ListParams::default().labels(&format!("{SERVICE_OF_SLICE}={service}"));
        let namespace = namespace.to_string();
        let api = move |client| Api::<EndpointSlice>::namespaced(client, &namespace);
        let slices = self
            .all(ask, params, api, |slice| Some(slice.clone()))
            .await?;
        Ok(EndpointLook::of(&slices))
    }

    /// The addresses behind every service of a namespace, by the service's name.
    ///
    /// # Errors
    /// When the API server does not give them.
    pub async fn all_endpoints(
        &self,
        namespace: &str,
    ) -> Result<BTreeMap<String, Vec<EndpointLook>>, ClusterError> {
        let ask = Ask::many("list", "endpointslices", Some(namespace));
        let namespace = namespace.to_string();
        let api = move |client| Api::<EndpointSlice>::namespaced(client, &namespace);
        let of_service = |slice: &EndpointSlice| {
            let labels = slice.metadata.labels.as_ref()?;
            Some((labels.get(SERVICE_OF_SLICE)?.clone(), slice.clone()))
        };
        let slices = self
            .all(ask, ListParams::default(), api, of_service)
            .await?;
        let mut by_service: BTreeMap<String, Vec<EndpointSlice>> = BTreeMap::new();
        for (service, slice) in slices {
            by_service.entry(service).or_default().push(slice);
        }
        let look =
            |(service, slices): (String, Vec<EndpointSlice>)| (service, EndpointLook::of(&slices));
        Ok(by_service.into_iter().map(look).collect())
    }

    /// # Errors
    /// When there is none, or the API server does not give it.
    pub async fn workload(&self, workload: &Workload) -> Result<WorkloadLook, ClusterError> {
        let (namespace, name) = (workload.namespace.as_str(), workload.name.as_str());
        let ask = Ask::of("get", workload.kind.resource(), namespace, name);
        match workload.kind {
            WorkloadKind::Deployment => {
                let api = |client| Api::<Deployment>::namespaced(client, namespace);
                self.one(ask, name, api, WorkloadLook::of_deployment).await
            }
            WorkloadKind::StatefulSet => {
                let api = |client| Api::<StatefulSet>::namespaced(client, namespace);
                self.one(ask, name, api, WorkloadLook::of_stateful_set)
                    .await
            }
            WorkloadKind::ReplicaSet => {
                let api = |client| Api::<ReplicaSet>::namespaced(client, namespace);
                self.one(ask, name, api, WorkloadLook::of_replica_set).await
            }
        }
    }

    /// How many pods of which kind a deployment is to have.
    ///
    /// # Errors
    /// When there is none, or the API server does not give it.
    pub async fn deployed(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<(WorkloadLook, TemplateLook), ClusterError> {
        let ask = Ask::of("get", "deployments", namespace, name);
        let api = |client| Api::<Deployment>::namespaced(client, namespace);
        let look = |it: &Deployment| {
            let template = TemplateLook::of(&it.spec.as_ref()?.template)?;
            Some((WorkloadLook::of_deployment(it)?, template))
        };
        self.one(ask, name, api, look).await
    }

    /// Workloads of one kind that a selector matches; an empty one matches all.
    ///
    /// # Errors
    /// When the API server does not give them.
    pub async fn workloads(
        &self,
        kind: WorkloadKind,
        namespace: &str,
        selector: &str,
    ) -> Result<Vec<WorkloadLook>, ClusterError> {
        let ask = Ask::many("list", kind.resource(), Some(namespace));
        let params = ListParams::default().labels(selector);
        let namespace = namespace.to_string();
        match kind {
            WorkloadKind::Deployment => {
                let api = move |client| Api::<Deployment>::namespaced(client, &namespace);
                self.all(ask, params, api, WorkloadLook::of_deployment)
                    .await
            }
            WorkloadKind::StatefulSet => {
                let api = move |client| Api::<StatefulSet>::namespaced(client, &namespace);
                self.all(ask, params, api, WorkloadLook::of_stateful_set)
                    .await
            }
            WorkloadKind::ReplicaSet => {
                let api = move |client| Api::<ReplicaSet>::namespaced(client, &namespace);
                self.all(ask, params, api, WorkloadLook::of_replica_set)
                    .await
            }
        }
    }

    /// The workload that a pod comes from: its stateful set, or the deployment of its replica set; `None` for others.
    ///
    /// # Errors
    /// When the API server does not give its owner.
    pub async fn workload_of(&self, pod: &PodLook) -> Result<Option<Workload>, ClusterError> {
        let mut owner = pod.owner.clone();
        let mut found = None;
        while let Some(it) = owner {
            let Some(kind) = WorkloadKind::of_owner(&it.kind) else {
                break;
            };
            let workload = Workload {
                kind,
                namespace: pod.namespace.clone(),
                name: it.name,
            };
            owner = match kind {
                WorkloadKind::ReplicaSet => self.workload(&workload).await?.owner,
                WorkloadKind::Deployment | WorkloadKind::StatefulSet => None,
            };
            found = Some(workload);
        }
        Ok(found)
    }

    /// # Errors
    /// When the API server does not give them.
    pub async fn scalers(&self, namespace: &str) -> Result<Vec<ScalerLook>, ClusterError> {
        let ask = Ask::many("list", "horizontalpodautoscalers", Some(namespace));
        let namespace = namespace.to_string();
        let api = move |client| Api::<HorizontalPodAutoscaler>::namespaced(client, &namespace);
        self.all(ask, ListParams::default(), api, ScalerLook::of)
            .await
    }

    /// # Errors
    /// When the API server does not give them.
    pub async fn budgets(&self, namespace: &str) -> Result<Vec<BudgetLook>, ClusterError> {
        let ask = Ask::many("list", "poddisruptionbudgets", Some(namespace));
        let namespace = namespace.to_string();
        let api = move |client| Api::<PodDisruptionBudget>::namespaced(client, &namespace);
        self.all(ask, ListParams::default(), api, BudgetLook::of)
            .await
    }

    /// One object as `look` sees it.
    pub(super) async fn one<K, L>(
        &self,
        ask: Ask,
        name: &str,
        api: impl FnOnce(Client) -> Api<K>,
        look: impl FnOnce(&K) -> Option<L>,
    ) -> Result<L, ClusterError>
    where
        K: Resource + Clone + DeserializeOwned + Debug,
    {
        let get = |client| {
            let api = api(client);
            async move { api.get(name).await }
        };
        let found = self.call(ask.clone(), get).await?;
        look(&found).ok_or_else(|| ClusterError::other(ask, "the answer is not whole"))
    }

    /// All objects as `look` sees them; those that are not whole are passed over.
    async fn all<K, L>(
        &self,
        ask: Ask,
        mut params: ListParams,
        api: impl Fn(Client) -> Api<K>,
        look: impl Fn(&K) -> Option<L>,
    ) -> Result<Vec<L>, ClusterError>
    where
        K: Resource + Clone + DeserializeOwned + Debug,
    {
        params.limit = Some(PAGE);
        let mut found = Vec::new();
        loop {
            let page = |client| {
                let (api, params) = (api(client), params.clone());
                async move { api.list(&params).await }
            };
            let page = self.call(ask.clone(), page).await?;
            found.extend(page.items.iter().filter_map(&look));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(found),
            }
        }
    }
}
