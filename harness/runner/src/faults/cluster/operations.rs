//! Rollouts, scales and switches: what would hinder them, what was seen, and what it means. Pure.

use std::collections::{BTreeMap, BTreeSet};

use shakedown_scenarios::plan::ClusterKind;

use crate::mechanisms::kubernetes::look::{
    ContainerState, EndpointLook, PodLook, Rollout, ServiceLook, Workload, WorkloadKind,
    WorkloadLook,
};

/// The label by which a stateful set's controller says of which revision a pod is.
const REVISION: &str = "controller-revision-hash";

/// Why an operation would not begin, or could not be shown.
pub(super) fn hindrance(kind: &ClusterKind, look: &WorkloadLook) -> Option<String> {
    let name = &look.workload;
    if let ClusterKind::Scale { .. } = kind {
        return None;
    }
    match (look.workload.kind, look.replicas) {
        (WorkloadKind::ReplicaSet, _) => {
            return Some(format!(
                "{name} does not renew its pods when its template changes"
            ));
        }
        (WorkloadKind::Deployment | WorkloadKind::StatefulSet, 0) => {
            return Some(format!("{name} has no pods"));
        }
        (WorkloadKind::Deployment | WorkloadKind::StatefulSet, _) => {}
    }
    if look.paused {
        return Some(format!("{name} is paused: a rollout would not begin"));
    }
    if look.on_delete {
        return Some(format!(
            "{name} renews only pods that somebody deletes: a rollout would not begin"
        ));
    }
    match (kind, look.rollout()) {
        // Going back from a rollout that hangs is what it is for.
        (ClusterKind::Rollback, _) | (_, Rollout::Done) => None,
        (_, Rollout::Going(how) | Rollout::Stuck(how)) => {
            Some(format!("a rollout of {name} is under way already: {how}"))
        }
    }
}

/// For the events: `stateful-set stg/engine`.
pub(super) fn handle(workload: &Workload) -> String {
    let kind = match workload.kind {
        WorkloadKind::Deployment => "deployment",
        WorkloadKind::StatefulSet => "stateful-set",
        WorkloadKind::ReplicaSet => "replica-set",
    };
    format!("{kind} {}/{}", workload.namespace, workload.name)
}

/// Labels as a query.
pub(super) fn query(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join(",")
}

/// Why another selector would mean nobody, or nobody else.
pub(super) fn no_switch(
    service: &ServiceLook,
    selector: &BTreeMap<String, String>,
    now: &[PodLook],
    then: &[PodLook],
) -> Option<String> {
    let name = &service.name;
    if service.selector.is_empty() {
        return Some(format!("service {name} has no selector"));
    }
    let uids = |pods: &[PodLook]| {
        pods.iter()
            .map(|pod| pod.uid.clone())
            .collect::<BTreeSet<_>>()
    };
    match (then.is_empty(), uids(now) == uids(then)) {
        (true, _) => Some(format!(
            "no pod carries {}: service {name} would mean nobody",
            query(selector)
        )),
        (false, true) => Some(format!("service {name} would mean the same pods as now")),
        (false, false) => None,
    }
}

/// Whether a rollout has made a pod of the revision that is wanted.
pub(super) fn rolled(
    kind: &ClusterKind,
    before: &WorkloadLook,
    known: &[PodLook],
    now: &WorkloadLook,
    pods: &[PodLook],
) -> Result<Rolled, String> {
    let name = &now.workload;
    if now.generation <= before.generation {
        return Err(format!("the pod template of {name} is as it was"));
    }
    if now.observed_generation < now.generation {
        return Err(format!(
            "the controller of {name} has not seen the change yet"
        ));
    }
    if now.updated == 0 {
        return Err(format!("{name} has no pod of the new revision yet"));
    }
    let so_far = format!(
        "{} of {} pods are of the new revision",
        now.updated, now.replicas
    );
    let is_new = |pod: &&PodLook| known.iter().all(|known| known.uid != pod.uid);
    let is_of_it = |pod: &&PodLook| match (pod.labels.get(REVISION), &now.revision) {
        (Some(of), Some(wanted)) if name.kind == WorkloadKind::StatefulSet => of == wanted,
        _ => true,
    };
    let has_image = |pod: &&PodLook| match kind {
        ClusterKind::RollingUpdate { image: Some(image) } => pod
            .containers
            .iter()
            .any(|container| container.image == *image),
        _ => true,
    };
    let mut fitting = pods.iter().filter(is_of_it).filter(has_image);
    // Whoever goes back finds pods that were never renewed.
    let found = match kind {
        ClusterKind::Rollback => fitting.next(),
        _ => fitting.find(is_new),
    };
    let pod = found.ok_or_else(|| format!("{name}: {so_far}, but none is to be seen"))?;
    let (state, settled) = state_of(pod);
    let on = pod
        .node
        .as_ref()
        .map_or("on no node yet".to_string(), |node| format!("on {node}"));
    Ok(Rolled {
        text: format!("{name}: {so_far}; pod {} {on} {state}", pod.name),
        settled,
    })
}

/// What a rollout has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rolled {
    pub(super) text: String,
    /// It runs, or waits for what may never come; not just being made.
    pub(super) settled: bool,
}

fn state_of(pod: &PodLook) -> (String, bool) {
    let waits = pod.containers.iter().find_map(|it| match &it.state {
        ContainerState::Waiting { reason } => Some(reason.as_str()),
        ContainerState::Running { .. } | ContainerState::Terminated(_) => None,
    });
    match waits {
        Some("" | "ContainerCreating" | "PodInitializing") => ("is being made".to_string(), false),
        Some(reason) => (format!("waits ({reason})"), true),
        None if pod.ready => ("is ready".to_string(), true),
        None => ("is not ready yet".to_string(), !pod.containers.is_empty()),
    }
}

/// Whether the number of pods is, or is on its way to, what was asked for.
pub(super) fn scaled(
    wanted: u32,
    known: &[PodLook],
    now: &WorkloadLook,
    pods: &[PodLook],
    since_ms: u64,
) -> Result<String, String> {
    let name = &now.workload;
    if now.replicas != wanted {
        return Err(format!(
            "{name} is scaled to {}, not to {wanted}",
            now.replicas
        ));
    }
    if now.observed_generation < now.generation {
        return Err(format!(
            "the controller of {name} has not seen the scale yet"
        ));
    }
    let alive = |pods: &[PodLook]| {
        let stays = |pod: &&PodLook| pod.terminating_since.is_none() && !pod.phase.is_over();
        pods.iter().filter(stays).count()
    };
    let (was, is, wanted) = (alive(known), alive(pods), wanted as usize);
    let moved = match was.cmp(&wanted) {
        std::cmp::Ordering::Less => is > was,
        std::cmp::Ordering::Greater => is < was,
        std::cmp::Ordering::Equal => is == wanted,
    };
    let text = format!(
        "{name}: {wanted} pods are asked for, {was} were there, {is} are or are being made"
    );
    match moved {
        true => Ok(format!("{text}, {since_ms} ms after the injection")),
        false => Err(text),
    }
}

/// Whether a service means the other pods, and only those.
pub(super) fn switched(
    service: &str,
    endpoints: &[EndpointLook],
    meant: &[PodLook],
    since_ms: u64,
) -> Result<String, String> {
    let is_meant = |it: &&EndpointLook| meant.iter().any(|pod| Some(&pod.name) == it.pod.as_ref());
    let names = |all: &[&EndpointLook]| {
        let name = |it: &&EndpointLook| it.pod.clone().unwrap_or_else(|| it.address.to_string());
        all.iter().map(name).collect::<Vec<_>>().join(", ")
    };
    let (own, others): (Vec<_>, Vec<_>) =
        endpoints.iter().filter(|it| it.ready).partition(is_meant);
    match (own.as_slice(), others.as_slice()) {
        (_, [_, ..]) => Err(format!("service {service} still means {}", names(&others))),
        ([], []) => Err(format!(
            "service {service} has nobody behind it who is ready"
        )),
        (own, []) => Ok(format!(
            "service {service} means {} and nobody else, seen {since_ms} ms after the injection",
            names(own)
        )),
    }
}

#[cfg(test)]
mod tests;
