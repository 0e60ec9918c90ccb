//! The pod that holds a stateful set up in a rollout which was taken back.
//!
//! The controller of a stateful set waits for the pod that it renewed last to become ready, also when the template has
//! been put back meanwhile: a pod whose image cannot be had, or whose process does not start, blocks it for good. Only
//! the deletion of that very pod lets it go on.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::super::client::Cluster;
use super::super::error::ClusterError;
use super::super::look::{PodLook, Workload, WorkloadKind, WorkloadLook};
use super::change::Made;

/// The label by which a stateful set's controller says of which revision a pod is.
const REVISION: &str = "controller-revision-hash";
/// A controller sees a change of its workload long before this.
const SEEN_WITHIN: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(250);

/// Deletes the pods of a template of ours that hold their stateful set up now that its template is the one before.
/// Others have no such trap. Done twice it finds nothing to do.
///
/// # Errors
/// When the API server does not show or delete them.
pub(super) async fn unblock(
    workload: &Workload,
    ours: &Value,
    cluster: &Cluster,
) -> Result<Made, ClusterError> {
    match workload.kind {
        WorkloadKind::StatefulSet => {}
        WorkloadKind::Deployment | WorkloadKind::ReplicaSet => return Ok(Made::Already),
    }
    let until = Instant::now() + SEEN_WITHIN;
    let mut set = cluster.workload(workload).await?;
    // Before that its controller may still make one more, and says nothing of the revision that is wanted.
    while set.observed_generation < set.generation && Instant::now() < until {
        tokio::time::sleep(POLL).await;
        set = cluster.workload(workload).await?;
    }
    let images = images_of(ours);
    let pods = cluster.pods(&workload.namespace, &set.selector).await?;
    let mut made = Made::Already;
    for pod in pods.iter().filter(|pod| hangs(pod, &set, &images)) {
        let gone = cluster.delete_pod(&pod.namespace, &pod.name, &pod.uid, None);
        gone.await?;
        made = Made::Done;
        tracing::info!("deleted pod {}, which held {workload} up", pod.full_name());
    }
    Ok(made)
}

/// A pod of this set that has the images of our template, is of another revision than the one that is wanted now, and is
/// not ready.
fn hangs(pod: &PodLook, set: &WorkloadLook, images: &BTreeMap<String, String>) -> bool {
    let is_own = pod.owner.as_ref().is_some_and(|it| it.uid == set.uid);
    let is_other = match (pod.labels.get(REVISION), &set.revision) {
        (Some(of), Some(wanted)) => of != wanted,
        (None, _) | (_, None) => false,
    };
    let mut containers = pod.containers.iter();
    let has_images = containers.all(|it| images.get(&it.name) == Some(&it.image));
    let controller_knows = set.observed_generation >= set.generation;
    is_own
        && is_other
        && has_images
        && controller_knows
        && !pod.ready
        && pod.terminating_since.is_none()
}

/// Of a pod template, by container.
fn images_of(template: &Value) -> BTreeMap<String, String> {
    let all = template
        .pointer("/spec/containers")
        .and_then(Value::as_array);
    let text = |it: &Value, key: &str| it.get(key).and_then(Value::as_str).map(str::to_string);
    let image = |it| Some((text(it, "name")?, text(it, "image")?));
    all.into_iter().flatten().filter_map(image).collect()
}

#[cfg(test)]
mod tests;
