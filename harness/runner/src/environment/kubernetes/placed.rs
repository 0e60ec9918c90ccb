//! Replicas by where they are, or by what owns them.

use shakedown_scenarios::plan::Placed;

use super::seen::carries;
use super::target::KubernetesTarget;
use crate::mechanisms::kubernetes::look::{Workload, WorkloadKind};

impl KubernetesTarget {
    /// Names of the replicas that are in a place, or have this owner.
    ///
    /// # Errors
    /// In words, when the API server does not tell, or nothing is there.
    pub async fn placed(&self, placed: &Placed) -> Result<Vec<String>, String> {
        let service = match placed {
            Placed::Service(name) => {
                let found = self.cluster().service(&self.plan().namespace, name).await;
                Some(found.map_err(|error| error.to_string())?.selector)
            }
            Placed::Label(_)
            | Placed::Node(_)
            | Placed::Zone(_)
            | Placed::Deployment(_)
            | Placed::StatefulSet(_) => None,
        };
        let nodes = self.state().nodes;
        let mut names = Vec::new();
        for place in self.places() {
            let pod = &place.pod;
            let node = pod.node.as_ref().and_then(|name| nodes.get(name));
            let is_there = match placed {
                Placed::Label(labels) => carries(pod, labels),
                Placed::Node(name) => pod.node.as_ref() == Some(name),
                Placed::Zone(name) => node.is_some_and(|node| node.zone.as_ref() == Some(name)),
                Placed::Service(_) => service.as_ref().is_some_and(|it| carries(pod, it)),
                Placed::Deployment(name) | Placed::StatefulSet(name) => {
                    let workload = self.cluster().workload_of(pod).await;
                    let workload = workload.map_err(|error| error.to_string())?;
                    workload.is_some_and(|it| it.name == *name && is_kind(&it, placed))
                }
            };
            if is_there {
                names.push(place.replica);
            }
        }
        Ok(names)
    }
}

fn is_kind(workload: &Workload, placed: &Placed) -> bool {
    match workload.kind {
        WorkloadKind::Deployment => matches!(placed, Placed::Deployment(_)),
        WorkloadKind::StatefulSet => matches!(placed, Placed::StatefulSet(_)),
        WorkloadKind::ReplicaSet => false,
    }
}
