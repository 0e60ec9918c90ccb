//! Guards that look at a cluster with the faults of the plan in mind: that none of them hits the node on which we run, and
//! that nobody would undo them. Looking is all that is done.

use std::collections::BTreeSet;

use shakedown_scenarios::guards::Guard;
use shakedown_scenarios::plan::{
    ClusterKind, EnvironmentPlan, FaultKind, FaultPlan, Placed, Plan, Selector,
};

use super::Refusal;
use crate::environment::{EnvironmentError, FoundPod, connect, own_node, pods_of};
use crate::error::RunError;
use crate::faults::{may_be_undone, undone_by};
use crate::mechanisms::kubernetes::look::{NodeLook, Workload, WorkloadKind, WorkloadLook};
use crate::mechanisms::kubernetes::{Cluster, ClusterError};

/// Asks the cluster, where there is one and a fault gives a reason to.
///
/// # Errors
/// [`RunError::Refused`] when a fault may hit the node on which this process runs, or somebody would undo one; when the cluster
/// does not answer.
pub async fn prove_faults_can_stay(
    plan: &Plan,
    overridden: &BTreeSet<Guard>,
) -> Result<(), RunError> {
    let EnvironmentPlan::Kubernetes(of) = &plan.environment else {
        return Ok(());
    };
    let kinds = || plan.faults.iter().filter_map(cluster_kind);
    let (on_nodes, undone) = (
        kinds().any(ClusterKind::ends_on_nodes),
        kinds().any(may_be_undone),
    );
    if !on_nodes && !undone {
        return Ok(());
    }
    let cluster = connect(of).await?;
    let found = pods_of(&cluster, &plan.system, of).await?;
    let nodes = cluster.nodes("").await.map_err(unavailable)?;
    if on_nodes {
        let own = own_node(&cluster, &nodes).await;
        if let Some(why) = on_own_node(plan, own, &found, &nodes) {
            return Err(refused(Guard::OwnNode, why));
        }
    }
    if undone && !overridden.contains(&Guard::Operators) {
        for fault in &plan.faults {
            let by = objection(&cluster, fault, plan, &found, &nodes).await;
            if let Some(why) = by.map_err(unavailable)? {
                let (id, kind) = (&fault.id, fault.kind.name());
                let guard = Guard::Operators;
                return Err(refused(
                    guard,
                    format!(
                        "fault '{id}' ({kind}) would prove nothing: {why}; or overrule it with --override {guard} --because REASON"
                    ),
                ));
            }
        }
    }
    Ok(())
}

fn refused(guard: Guard, why: String) -> RunError {
    RunError::Refused(Refusal::new(guard.name(), why))
}

fn unavailable(error: ClusterError) -> RunError {
    RunError::Environment(EnvironmentError::from(error))
}

fn cluster_kind(fault: &FaultPlan) -> Option<&ClusterKind> {
    match &fault.kind {
        FaultKind::Cluster(kind) => Some(kind),
        _ => None,
    }
}

/// Why a fault may hit the node on which this process runs.
fn on_own_node(
    plan: &Plan,
    own: Result<Option<String>, String>,
    found: &[FoundPod],
    nodes: &[NodeLook],
) -> Option<String> {
    let faults = plan.faults.iter();
    let mut faults =
        faults.filter(|fault| cluster_kind(fault).is_some_and(ClusterKind::ends_on_nodes));
    let own = match own {
        Ok(own) => own?,
        Err(why) => {
            let fault = faults.next()?;
            return Some(format!(
                "fault '{}' ({}) is done to nodes, and on which one Shakedown itself runs cannot be found out: {why}; tell it by \
                 the downward API: env NODE_NAME from spec.nodeName",
                fault.id,
                fault.kind.name()
            ));
        }
    };
    let hit = faults.find(|fault| may_hit(&fault.to, plan, found, nodes).contains(&own))?;
    Some(format!(
        "fault '{}' ({}) may hit {own}, and Shakedown itself runs there: it would not live to heal it; run it on another \
         machine, or keep its pod off such nodes (nodeSelector, anti-affinity to the system's pods)",
        hit.id,
        hit.kind.name()
    ))
}

/// The nodes that a fault may hit: all that hold whoever may be meant.
fn may_hit(to: &Selector, plan: &Plan, found: &[FoundPod], nodes: &[NodeLook]) -> BTreeSet<String> {
    match to {
        Selector::Placed(Placed::Node(name)) => [name.clone()].into(),
        // A pod may move within it before the fault fires.
        Selector::Placed(Placed::Zone(zone)) => {
            let in_zone = nodes.iter().filter(|it| it.zone.as_ref() == Some(zone));
            in_zone.map(|it| it.name.clone()).collect()
        }
        to => {
            let pods = may_mean(to, plan, found, nodes).into_iter();
            pods.filter_map(|pod| pod.look.node.clone()).collect()
        }
    }
}

/// The pods that a selector may mean when a fault fires: who has a role, or is chosen by the seed, may be anybody of the
/// part.
fn may_mean<'a>(
    to: &Selector,
    plan: &Plan,
    found: &'a [FoundPod],
    nodes: &[NodeLook],
) -> Vec<&'a FoundPod> {
    let zone_of = |pod: &FoundPod| {
        let node = nodes
            .iter()
            .find(|it| Some(&it.name) == pod.look.node.as_ref());
        node.and_then(|it| it.zone.clone())
    };
    let is_meant = |pod: &&FoundPod| match to {
        Selector::Role(role) => {
            let part = plan
                .system
                .parts
                .iter()
                .find(|it| it.name == pod.replica.part);
            part.is_some_and(|part| part.roles.iter().any(|it| it.name == *role))
        }
        Selector::Name(name) => pod.replica.name == *name,
        Selector::Part(part) | Selector::Random { part, .. } => pod.replica.part == *part,
        Selector::Placed(Placed::Label(labels)) => {
            let has = |(key, value)| pod.look.labels.get(key) == Some(value);
            labels.iter().all(has)
        }
        Selector::Placed(Placed::Node(name)) => pod.look.node.as_ref() == Some(name),
        Selector::Placed(Placed::Zone(zone)) => zone_of(pod).as_ref() == Some(zone),
        // Whose they are shows only when the fault fires.
        Selector::Placed(Placed::Service(_) | Placed::Deployment(_) | Placed::StatefulSet(_))
        | Selector::Link { .. }
        | Selector::System => true,
    };
    found.iter().filter(is_meant).collect()
}

/// Who would undo a fault.
async fn objection(
    cluster: &Cluster,
    fault: &FaultPlan,
    plan: &Plan,
    found: &[FoundPod],
    nodes: &[NodeLook],
) -> Result<Option<String>, ClusterError> {
    let EnvironmentPlan::Kubernetes(of) = &plan.environment else {
        return Ok(None);
    };
    let Some(kind) = cluster_kind(fault).filter(|kind| may_be_undone(kind)) else {
        return Ok(None);
    };
    let named = |kind, name: &String| Workload {
        kind,
        namespace: of.namespace.clone(),
        name: name.clone(),
    };
    let workloads: BTreeSet<Workload> = match &fault.to {
        Selector::Placed(Placed::Deployment(name)) => {
            [named(WorkloadKind::Deployment, name)].into()
        }
        Selector::Placed(Placed::StatefulSet(name)) => {
            [named(WorkloadKind::StatefulSet, name)].into()
        }
        Selector::System => BTreeSet::new(),
        to => {
            let mut all = BTreeSet::new();
            for pod in may_mean(to, plan, found, nodes) {
                all.extend(cluster.workload_of(&pod.look).await?);
            }
            all
        }
    };
    let mut looks: Vec<WorkloadLook> = Vec::new();
    for workload in &workloads {
        match cluster.workload(workload).await {
            Ok(look) => looks.push(look),
            // The fault itself says so when it fires.
            Err(ClusterError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    undone_by(cluster, kind, &looks, &of.namespace).await
}

#[cfg(test)]
mod tests;
