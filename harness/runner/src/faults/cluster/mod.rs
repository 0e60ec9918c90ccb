//! What the API of a cluster does to pods, nodes and workloads, and what commands do to nodes: deleting, evicting,
//! cordoning, draining, tainting, power, and the operations that are no faults but may hurt.
//!
//! Nothing is pinned but UIDs: a pod that took another's name is never hit in its place. Everything that can be known
//! before is asked for before ([`arming`]): rights, disruption budgets, and whoever would undo the change at once.
//! What was seen becomes a verdict in pure functions ([`pods`], [`nodes`], [`operations`], [`clean`]).

mod arming;
mod clean;
mod edits;
mod effect;
mod heal;
mod inject;
mod looks;
mod needs;
mod nodes;
mod operations;
mod operators;
mod pods;
mod subjects;
#[cfg(test)]
mod testing;

use std::time::Duration;

use shakedown_record::fault::FaultTarget;
use shakedown_record::monotonic_ns;
use shakedown_scenarios::plan::{ActsOn, ClusterKind, TaintEffect};
use tokio::task::JoinSet;

use self::arming::Armed;
use self::subjects::Subjects;
use super::aim::Aim;
use super::error::FaultError;
use crate::environment::KubernetesTarget;
use crate::mechanisms::kubernetes::{Cluster, ClusterError};

pub use needs::needs;
pub use operators::{may_be_undone, undone_by};

/// The rest of a pod's life is for its kubelet and the controllers: so long may they take, beside its grace.
const ORDINARY: Duration = Duration::from_secs(40);
/// A pod's own grace is 30 s where nobody has said otherwise.
const WITH_OWN_GRACE: Duration = Duration::from_secs(90);
/// Pods one after the other, or a machine that starts.
const SLOW: Duration = Duration::from_secs(180);

/// One firing of a fault that is done by a cluster's API, or by commands to its nodes.
#[derive(Debug)]
pub(super) struct ClusterFault {
    kind: ClusterKind,
    cluster: Cluster,
    namespace: String,
    subjects: Subjects,
    /// A person has said that it may be undone by others.
    may_be_undone: bool,
    /// From arming on.
    armed: Option<Armed>,
    /// `CLOCK_MONOTONIC` in nanoseconds; 0 before.
    begun_at_mono_ns: u64,
    /// It was done, and not only told of.
    struck: bool,
    /// Evictions that a budget forbade: the pod's UID, and the API server's words.
    refused: Vec<(String, String)>,
    /// Evictions that go on until healing.
    drains: JoinSet<()>,
    /// What was not taken back, because somebody else has changed it since.
    foreign: Vec<String>,
}

impl ClusterFault {
    /// Finds the pods or nodes that the targets are now.
    ///
    /// # Errors
    /// When one of them has no pod, or there is nothing to act on, or no command for it.
    pub(super) fn new(
        fault: &str,
        kind: &ClusterKind,
        aim: &Aim,
        pods: &KubernetesTarget,
    ) -> Result<ClusterFault, FaultError> {
        Ok(ClusterFault {
            subjects: Subjects::find(fault, kind, aim, pods)?,
            kind: kind.clone(),
            cluster: pods.cluster().clone(),
            namespace: pods.plan().namespace.clone(),
            may_be_undone: false,
            armed: None,
            begun_at_mono_ns: 0,
            struck: false,
            refused: Vec::new(),
            drains: JoinSet::new(),
            foreign: Vec::new(),
        })
    }

    /// Others may undo it.
    pub(super) fn though_undone(&mut self) {
        self.may_be_undone = true;
    }

    pub(super) fn name(&self) -> &'static str {
        self.kind.name()
    }

    pub(super) fn mechanism(&self) -> String {
        let how = match &self.kind {
            ClusterKind::Delete { grace_ns: None } => "delete by UID, with its own grace".into(),
            ClusterKind::Delete {
                grace_ns: Some(grace_ns),
            } => format!("delete by UID, {} s of grace", inject::whole_s(*grace_ns)),
            ClusterKind::Evict => "evict by UID, asked once".into(),
            ClusterKind::Cordon => "cordon".into(),
            ClusterKind::Drain => "cordon, then evict until all pods are gone".into(),
            ClusterKind::Taint { key, value, effect } => {
                format!("taint {key}={value}:{}", effect.name())
            }
            ClusterKind::RollingUpdate { image: None } => {
                "patch of the pod template with a new mark".into()
            }
            ClusterKind::RollingUpdate { image: Some(image) } => {
                format!("patch of the pod template with image {image}")
            }
            ClusterKind::Rollback => "patch back to the template of the revision before".into(),
            ClusterKind::Scale { replicas } => format!("scale to {replicas}"),
            ClusterKind::Switch { service, .. } => format!("patch of service {service}'s selector"),
            ClusterKind::NodeStop
            | ClusterKind::NodeReboot
            | ClusterKind::KubeletStop
            | ClusterKind::RuntimeStop
            | ClusterKind::ApiServerStop => {
                let lines = self.subjects.power.iter().map(|it| it.stop.join(" "));
                return format!("commands: {}", lines.collect::<Vec<_>>().join("; "));
            }
        };
        let mut text = format!("Kubernetes API: {how}");
        for note in self.armed.iter().flat_map(|armed| &armed.notes) {
            text.push_str("; ");
            text.push_str(note);
        }
        text
    }

    /// For the events: what is acted on, and where it is.
    pub(super) fn targets(&self) -> Vec<FaultTarget> {
        match self.kind.acts_on() {
            ActsOn::Pods => self.subjects.pods_as_targets(),
            ActsOn::Nodes => self.subjects.nodes_as_targets(),
            ActsOn::Workloads | ActsOn::Cluster => {
                let armed = self.armed.as_ref();
                armed.map(Armed::as_targets).unwrap_or_default()
            }
        }
    }

    /// For the journal.
    pub(super) fn labels(&self) -> Vec<String> {
        let label = |target: FaultTarget| format!("{} ({})", target.name, target.handle);
        self.targets().into_iter().map(label).collect()
    }

    /// Names of the replicas that it may end.
    pub(super) fn names(&self) -> Vec<String> {
        let armed = self.armed.as_ref();
        armed.map(|armed| armed.touched.clone()).unwrap_or_default()
    }

    /// How long the platform may take until everything is as before.
    pub(super) fn clean_within(&self) -> Duration {
        match &self.kind {
            ClusterKind::Delete {
                grace_ns: Some(grace_ns),
            } => ORDINARY + Duration::from_nanos(*grace_ns),
            ClusterKind::Delete { grace_ns: None }
            | ClusterKind::Evict
            | ClusterKind::ApiServerStop => WITH_OWN_GRACE,
            ClusterKind::Drain
            | ClusterKind::Taint {
                effect: TaintEffect::NoExecute,
                ..
            }
            | ClusterKind::NodeStop
            | ClusterKind::NodeReboot
            | ClusterKind::KubeletStop
            | ClusterKind::RuntimeStop
            | ClusterKind::RollingUpdate { .. }
            | ClusterKind::Rollback
            | ClusterKind::Scale { .. } => SLOW,
            ClusterKind::Cordon
            | ClusterKind::Taint {
                effect: TaintEffect::NoSchedule | TaintEffect::PreferNoSchedule,
                ..
            }
            | ClusterKind::Switch { .. } => ORDINARY,
        }
    }

    /// Milliseconds since the injection.
    fn since_ms(&self) -> u64 {
        monotonic_ns().saturating_sub(self.begun_at_mono_ns) / 1_000_000
    }
}

fn refused(fault: &str) -> impl Fn(ClusterError) -> FaultError {
    let fault = fault.to_string();
    move |source| FaultError::Cluster {
        fault: fault.clone(),
        source: Box::new(source),
    }
}

fn not_possible(fault: &str, reason: impl Into<String>) -> FaultError {
    FaultError::NotPossible {
        fault: fault.to_string(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests;
