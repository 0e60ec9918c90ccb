//! Is everything as before? Pods take their time; what we have changed does not.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use shakedown_record::event::{Leftover, LeftoverKind};
use shakedown_scenarios::plan::{ActsOn, ClusterKind};
use tokio::time::Instant;

use super::ClusterFault;
use super::subjects::Subject;
use crate::environment::{Environment, Place};
use crate::faults::error::NotClean;
use crate::faults::kill::left;
use crate::mechanisms::kubernetes::ClusterError;
use crate::mechanisms::kubernetes::look::{
    NodeLook, Rollout, ServiceLook, Taint, Workload, WorkloadLook,
};

const POLL: Duration = Duration::from_millis(250);
/// Taints that the platform puts on a node and takes off again by itself.
const PLATFORMS: &str = "node.kubernetes.io/";
/// Looking ends so long before the step is given up from outside.
const SPARE: Duration = Duration::from_secs(5);

/// What must be the same again.
#[derive(Debug, Clone)]
pub(super) struct Before {
    /// Replicas that were ready.
    pub(super) ready: Vec<String>,
    pub(super) workloads: Vec<WorkloadLook>,
    pub(super) nodes: Vec<NodeLook>,
    pub(super) service: Option<ServiceLook>,
}

/// The same things now.
#[derive(Debug, Clone)]
pub(super) struct Now {
    /// Replicas that were ready and are not.
    pub(super) not_ready: Vec<String>,
    /// Replicas of nodes without power that are said to run in the container that they had: old news.
    pub(super) not_restarted: Vec<String>,
    /// Another fault is at work on one of the replicas: the platform cannot be expected to be done.
    pub(super) others_at_work: bool,
    pub(super) workloads: Vec<WorkloadLook>,
    pub(super) nodes: BTreeMap<String, NodeLook>,
    /// Pods and nodes are heard of.
    pub(super) is_heard: bool,
    pub(super) service: Option<ServiceLook>,
}

/// One thing that is not as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) what: String,
    /// Of our doing, and not the platform's delay.
    pub(super) ours: bool,
}

impl Before {
    pub(super) async fn take(
        fault: &ClusterFault,
        environment: &Environment,
        concerned: &[Place],
        acted_on: &[WorkloadLook],
        service: Option<&str>,
    ) -> Result<Before, ClusterError> {
        let cluster = &fault.cluster;
        let mut workloads = acted_on.to_vec();
        if fault.kind.acts_on() != ActsOn::Workloads {
            let owners = concerned
                .iter()
                .map(|place| cluster.workload_of(&place.pod));
            let mut names: Vec<Workload> =
                try_join_all(owners).await?.into_iter().flatten().collect();
            names.sort();
            names.dedup();
            workloads = try_join_all(names.iter().map(|name| cluster.workload(name))).await?;
        }
        let known = environment.pods().map(|target| target.state().nodes);
        Ok(Before {
            ready: ready(environment).await,
            workloads,
            nodes: match fault.kind.acts_on() {
                ActsOn::Nodes => fault.subjects.nodes.clone(),
                ActsOn::Cluster if service.is_none() => {
                    known.unwrap_or_default().into_values().collect()
                }
                ActsOn::Pods | ActsOn::Workloads | ActsOn::Cluster => Vec::new(),
            },
            service: match service {
                Some(name) => Some(cluster.service(&fault.namespace, name).await?),
                None => None,
            },
        })
    }
}

/// Names of the replicas that are ready.
async fn ready(environment: &Environment) -> Vec<String> {
    let all = environment.replicas().iter().map(|replica| async {
        let health = environment.health(&replica.name).await;
        health
            .filter(|health| health.ready)
            .map(|_| replica.name.clone())
    });
    join_all(all).await.into_iter().flatten().collect()
}

impl ClusterFault {
    /// Waits until everything is as before.
    pub(in crate::faults) async fn confirm_clean(
        &self,
        fault: &str,
        environment: &Environment,
    ) -> Result<(), NotClean> {
        let Some(armed) = &self.armed else {
            return Ok(());
        };
        let until = Instant::now() + self.clean_within().saturating_sub(SPARE);
        loop {
            let differences = match self.look(environment, &armed.before).await {
                Ok(now) => differences(&self.kind, &armed.before, &now),
                Err(error) => vec![Difference {
                    what: error.to_string(),
                    ours: self.kind == ClusterKind::ApiServerStop,
                }],
            };
            if differences.is_empty() {
                return Ok(());
            }
            if left(until).is_zero() {
                return Err(not_clean(
                    fault,
                    &differences,
                    &self.foreign,
                    &self.by_hand(),
                ));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn look(&self, environment: &Environment, before: &Before) -> Result<Now, ClusterError> {
        let ready = ready(environment).await;
        let mut not_ready = before.ready.clone();
        not_ready.retain(|name| !ready.contains(name));
        let (explained, not_ready) = not_ready
            .into_iter()
            .partition(|name| environment.is_explained(name));
        let explained: Vec<String> = explained;
        let workloads = before
            .workloads
            .iter()
            .map(|it| self.cluster.workload(&it.workload));
        let heard = environment.pods().map(|target| target.state());
        let nodes = match before.nodes.is_empty() {
            true => Vec::new(),
            // Asked anew: what was heard last may be from before an outage.
            false => self.cluster.nodes("").await?,
        };
        Ok(Now {
            not_ready,
            not_restarted: self.not_restarted(environment),
            others_at_work: !explained.is_empty(),
            workloads: try_join_all(workloads).await?,
            is_heard: heard.is_some_and(|state| state.blind_since_mono_ns().is_none()),
            nodes: nodes
                .into_iter()
                .map(|node| (node.name.clone(), node))
                .collect(),
            service: match &before.service {
                Some(it) => Some(self.cluster.service(&it.namespace, &it.name).await?),
                None => None,
            },
        })
    }

    /// No container outlives the power of its node. A node that is back soon is never said to have been away, and its
    /// pods are said to be ready until its kubelet looks.
    fn not_restarted(&self, environment: &Environment) -> Vec<String> {
        match self.kind {
            ClusterKind::NodeStop | ClusterKind::NodeReboot if self.struck => {}
            _ => return Vec::new(),
        }
        let Some(pods) = environment.pods() else {
            return Vec::new();
        };
        let same = |subject: &&Subject| {
            let now = pods.place(&subject.name);
            let was = subject.place.container_id();
            now.is_some_and(|now| was.is_some() && now.container_id() == was)
        };
        let all = self.subjects.replicas.iter().filter(same);
        all.map(|subject| subject.name.clone()).collect()
    }

    /// The commands that take it back.
    fn by_hand(&self) -> String {
        let armed = self.armed.iter();
        let changes = armed.clone().flat_map(|armed| &armed.changes);
        let changes = changes.filter_map(|planned| Some(planned.back.as_ref()?.by_hand()));
        let starts = armed.flat_map(|armed| &armed.commands);
        let starts = starts.filter_map(|it| Some(it.start.as_ref()?.line()));
        changes.chain(starts).collect::<Vec<_>>().join(" && ")
    }
}

/// Everything that is not as before.
pub(super) fn differences(kind: &ClusterKind, before: &Before, now: &Now) -> Vec<Difference> {
    let mut all = Vec::new();
    if !now.is_heard {
        all.push(Difference {
            what: "pods and nodes are not heard of".to_string(),
            ours: *kind == ClusterKind::ApiServerStop,
        });
    }
    for node in &before.nodes {
        all.extend(of_node(kind, node, now.nodes.get(&node.name)));
    }
    for was in &before.workloads {
        let is = now.workloads.iter().find(|is| is.workload == was.workload);
        all.extend(of_workload(kind, was, is, now.others_at_work));
    }
    if let (Some(was), Some(is)) = (&before.service, &now.service)
        && was.selector != is.selector
    {
        all.push(Difference {
            what: format!("service {} does not have the selector it had", was.name),
            ours: true,
        });
    }
    let stale = |name| {
        theirs(format!(
            "{name} is said to run as before, and its node was without power"
        ))
    };
    all.extend(now.not_restarted.iter().map(stale));
    let not_ready = now
        .not_ready
        .iter()
        .map(|name| theirs(format!("{name} is not ready")));
    all.extend(not_ready);
    all
}

fn theirs(what: String) -> Difference {
    Difference { what, ours: false }
}

fn of_node(kind: &ClusterKind, was: &NodeLook, is: Option<&NodeLook>) -> Vec<Difference> {
    let name = &was.name;
    let Some(is) = is else {
        return vec![theirs(format!(
            "node {name} is not in the cluster any more"
        ))];
    };
    let mut all = Vec::new();
    if was.is_ready() && !is.is_ready() {
        all.push(Difference {
            what: format!("node {name} is not ready"),
            ours: *kind == ClusterKind::NodeStop,
        });
    }
    if !was.unschedulable && is.unschedulable {
        all.push(Difference {
            what: format!("node {name} is cordoned"),
            ours: matches!(kind, ClusterKind::Cordon | ClusterKind::Drain),
        });
    }
    let is_ours = |taint: &Taint| match kind {
        ClusterKind::Taint { key, effect, .. } => {
            taint.key == *key && taint.effect == effect.name()
        }
        _ => false,
    };
    for taint in is.taints.iter().filter(|taint| !was.taints.contains(taint)) {
        all.push(Difference {
            what: format!("node {name} has the taint {taint}"),
            ours: is_ours(taint),
        });
    }
    // What the platform itself had put there, because the node was away, is no loss.
    let kept = |taint: &&Taint| !taint.key.starts_with(PLATFORMS) && !is.taints.contains(taint);
    for taint in was.taints.iter().filter(kept) {
        all.push(theirs(format!("node {name} has lost the taint {taint}")));
    }
    all
}

fn of_workload(
    kind: &ClusterKind,
    was: &WorkloadLook,
    is: Option<&WorkloadLook>,
    others_at_work: bool,
) -> Vec<Difference> {
    let name = &was.workload;
    let Some(is) = is else {
        return vec![theirs(format!("{name} is gone"))];
    };
    let mut all = Vec::new();
    if is.replicas != was.replicas {
        all.push(Difference {
            what: format!(
                "{name} is scaled to {}, and was to {}",
                is.replicas, was.replicas
            ),
            ours: matches!(kind, ClusterKind::Scale { .. }),
        });
    }
    if is.images != was.images {
        let images: Vec<&str> = is.images.values().map(String::as_str).collect();
        let had: Vec<&str> = was.images.values().map(String::as_str).collect();
        all.push(Difference {
            what: format!(
                "{name} has the image {}, and had {}",
                images.join(", "),
                had.join(", ")
            ),
            ours: matches!(
                kind,
                ClusterKind::RollingUpdate { image: Some(_) } | ClusterKind::Rollback
            ),
        });
    }
    // What hung before may hang again.
    if was.rollout() == Rollout::Done && !others_at_work {
        match is.rollout() {
            Rollout::Done => {}
            Rollout::Going(how) | Rollout::Stuck(how) => all.push(theirs(format!("{name}: {how}"))),
        }
    }
    all
}

/// With the commands, if some of it is of our doing. What somebody else has changed since is theirs.
fn not_clean(
    fault: &str,
    differences: &[Difference],
    foreign: &[String],
    by_hand: &str,
) -> NotClean {
    let ours = differences.iter().any(|it| it.ours) && foreign.is_empty();
    let mut reasons: Vec<&str> = differences.iter().map(|it| it.what.as_str()).collect();
    reasons.extend(foreign.iter().map(String::as_str));
    let reason = reasons.join("; ");
    let left = ours.then(|| Leftover {
        kind: LeftoverKind::Fault,
        what: format!("{fault}: {reason}"),
        remove_with: by_hand.to_string(),
    });
    NotClean { left, reason }
}

#[cfg(test)]
mod tests;
