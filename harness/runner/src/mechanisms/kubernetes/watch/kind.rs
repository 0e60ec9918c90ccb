//! The two kinds of objects that are watched.

use std::collections::BTreeMap;
use std::fmt::Debug;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use super::super::look::{NodeLook, PodLook};
use super::super::transition::{Dated, Subject, of_node, of_pod};
use super::WatchState;

/// What is watched by one task.
pub(super) trait Kind: Send + Sync + 'static {
    type Object: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static;
    type Look: Clone + PartialEq + Send + Sync + 'static;
    const RESOURCE: &'static str;

    fn namespace(&self) -> Option<&str>;
    fn selector(&self) -> &str;
    fn api(&self, client: Client) -> Api<Self::Object>;
    fn look(object: &Self::Object) -> Option<Self::Look>;
    fn subject(look: &Self::Look) -> Subject;
    /// What tells two objects of one name apart.
    fn uid(look: &Self::Look) -> &str;
    fn changes(before: Option<&Self::Look>, after: Option<&Self::Look>) -> Vec<Dated>;
    fn looks(state: &mut WatchState) -> &mut BTreeMap<String, Self::Look>;
    fn blind(state: &mut WatchState) -> &mut Option<u64>;
}

pub(super) struct Pods {
    pub namespace: String,
    pub selector: String,
}

impl Kind for Pods {
    type Object = Pod;
    type Look = PodLook;
    const RESOURCE: &'static str = "pods";

    fn namespace(&self) -> Option<&str> {
        Some(&self.namespace)
    }

    fn selector(&self) -> &str {
        &self.selector
    }

    fn api(&self, client: Client) -> Api<Pod> {
        Api::namespaced(client, &self.namespace)
    }

    fn look(object: &Pod) -> Option<PodLook> {
        PodLook::of(object)
    }

    fn subject(look: &PodLook) -> Subject {
        Subject::Pod {
            namespace: look.namespace.clone(),
            name: look.name.clone(),
            uid: look.uid.clone(),
        }
    }

    fn uid(look: &PodLook) -> &str {
        &look.uid
    }

    fn changes(before: Option<&PodLook>, after: Option<&PodLook>) -> Vec<Dated> {
        of_pod(before, after)
    }

    fn looks(state: &mut WatchState) -> &mut BTreeMap<String, PodLook> {
        &mut state.pods
    }

    fn blind(state: &mut WatchState) -> &mut Option<u64> {
        &mut state.pods_blind_since_mono_ns
    }
}

pub(super) struct Nodes;

impl Kind for Nodes {
    type Object = Node;
    type Look = NodeLook;
    const RESOURCE: &'static str = "nodes";

    fn namespace(&self) -> Option<&str> {
        None
    }

    fn selector(&self) -> &str {
        ""
    }

    fn api(&self, client: Client) -> Api<Node> {
        Api::all(client)
    }

    fn look(object: &Node) -> Option<NodeLook> {
        NodeLook::of(object)
    }

    fn subject(look: &NodeLook) -> Subject {
        Subject::Node {
            name: look.name.clone(),
        }
    }

    fn uid(look: &NodeLook) -> &str {
        &look.uid
    }

    fn changes(before: Option<&NodeLook>, after: Option<&NodeLook>) -> Vec<Dated> {
        of_node(before, after)
    }

    fn looks(state: &mut WatchState) -> &mut BTreeMap<String, NodeLook> {
        &mut state.nodes
    }

    fn blind(state: &mut WatchState) -> &mut Option<u64> {
        &mut state.nodes_blind_since_mono_ns
    }
}
