//! Everything that can be known before the first change: rights, who would undo it, what is so already, the way back,
//! and what the state was.

use std::collections::BTreeMap;
use std::time::Duration;

use shakedown_record::fault::FaultTarget;
use shakedown_scenarios::plan::{ActsOn, ClusterKind, TaintEffect};

use super::clean::Before;
use super::needs::{lacking, needs};
use super::nodes::Tolerance;
use super::{ClusterFault, not_possible, operations, refused};
use crate::environment::{Environment, KubernetesTarget, Place};
use crate::faults::error::FaultError;
use crate::journal::{Journal, Undo};
use crate::mechanisms::kubernetes::act::Edit;
use crate::mechanisms::kubernetes::look::{PodLook, WorkloadKind, WorkloadLook};
use crate::mechanisms::kubernetes::{self as api, Right, act::Change, missing, rights};
use crate::mechanisms::{Invocation, start_folder};

/// For one command; a machine that is told to stop may take its time.
const COMMAND_WITHIN: Duration = Duration::from_secs(50);

/// What is known and ready before the injection.
#[derive(Debug)]
pub(super) struct Armed {
    /// For people, beside the mechanism.
    pub(super) notes: Vec<String>,
    /// Names of the replicas that it may end.
    pub(super) touched: Vec<String>,
    /// Workloads that are acted on.
    pub(super) acted: Vec<Acted>,
    pub(super) changes: Vec<Planned>,
    pub(super) commands: Vec<Commands>,
    /// By replica; only for a taint that pods have to leave for.
    pub(super) tolerances: BTreeMap<String, Tolerance>,
    /// For the events, where no replica is acted on.
    pub(super) acted_on: Vec<FaultTarget>,
    pub(super) before: Before,
}

/// A workload and its pods, as they were.
#[derive(Debug)]
pub(super) struct Acted {
    pub(super) before: WorkloadLook,
    pub(super) pods: Vec<PodLook>,
}

/// A change, and the way back where there is one to go.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) change: Change,
    pub(super) back: Option<api::Undo>,
}

#[derive(Debug)]
pub(super) struct Commands {
    pub(super) stop: Invocation,
    pub(super) start: Option<Invocation>,
}

impl Armed {
    pub(super) fn as_targets(&self) -> Vec<FaultTarget> {
        self.acted_on.clone()
    }
}

impl ClusterFault {
    /// Looks at everything, refuses what cannot be shown or would not stay, and says how all of it is taken back.
    pub(in crate::faults) async fn arm(
        &mut self,
        fault: &str,
        environment: &Environment,
        journal: &Journal,
    ) -> Result<Vec<Undo>, FaultError> {
        let target = environment
            .pods()
            .ok_or_else(|| not_possible(fault, "there is no Kubernetes cluster here"))?;
        self.must_have(fault, &self.rights_known_before()).await?;
        let owning = self.workloads_acted_on(fault).await?;
        let mut notes = self.look_at_pods(fault).await?;
        let edits = self.edits(fault, &owning, journal.run_id()).await?;
        let workloads: Vec<WorkloadLook> = owning.into_iter().map(|it| it.look).collect();
        let mut of_edits: Vec<Right> = edits.iter().flat_map(rights::of_edit).collect();
        let may_hang = |it: &WorkloadLook| it.workload.kind == WorkloadKind::StatefulSet;
        let takes_template_back = matches!(
            self.kind,
            ClusterKind::RollingUpdate { image: Some(_) } | ClusterKind::Rollback
        );
        if takes_template_back && workloads.iter().any(may_hang) {
            of_edits.extend(rights::of_delete_pod(&self.namespace));
        }
        self.must_have(fault, &of_edits).await?;
        let changes = self.prepare(fault, edits).await?;
        let commands = self.commands(fault, journal.run_id())?;
        self.must_answer(fault).await?;
        let tolerances = self.tolerances(fault).await?;
        let stays = |(name, it): (&String, &Tolerance)| it.note(name);
        notes.extend(tolerances.iter().filter_map(stays));
        let concerned = self.concerned(target);
        let touched = match self.kind {
            // Nothing ends by it.
            ClusterKind::Cordon
            | ClusterKind::Taint {
                effect: TaintEffect::NoSchedule | TaintEffect::PreferNoSchedule,
                ..
            } => Vec::new(),
            _ => concerned
                .iter()
                .map(|place| place.replica.clone())
                .collect(),
        };
        let service = match &self.kind {
            ClusterKind::Switch { service, .. } => Some(service.as_str()),
            _ => None,
        };
        let before = Before::take(self, environment, &concerned, &workloads, service).await;
        let before = before.map_err(refused(fault))?;
        let undo = undo_of(&changes, &commands);
        let acted_on = self.acted_on(&workloads);
        let acted = self.with_pods(fault, workloads).await?;
        self.armed = Some(Armed {
            acted_on,
            acted,
            notes,
            touched,
            changes,
            commands,
            tolerances,
            before,
        });
        Ok(undo)
    }

    fn rights_known_before(&self) -> Vec<Right> {
        let mut all = needs(&self.kind, &self.namespace);
        for node in &self.subjects.nodes {
            match &self.kind {
                ClusterKind::Drain => all.extend(rights::of_drain(&node.name)),
                ClusterKind::Cordon | ClusterKind::Taint { .. } => {
                    let node = node.name.clone();
                    all.extend(rights::of_edit(&Edit::Cordon { node }));
                }
                _ => {}
            }
        }
        all
    }

    async fn must_have(&self, fault: &str, rights: &[Right]) -> Result<(), FaultError> {
        let missing = missing(&self.cluster, rights)
            .await
            .map_err(refused(fault))?;
        match missing.is_empty() {
            true => Ok(()),
            false => Err(not_possible(fault, lacking(&missing))),
        }
    }

    fn commands(&self, fault: &str, run_id: &str) -> Result<Vec<Commands>, FaultError> {
        if self.subjects.power.is_empty() {
            return Ok(Vec::new());
        }
        let folder = start_folder().map_err(|source| FaultError::NoFolder {
            fault: fault.to_string(),
            source,
        })?;
        let variables = [("SHAKEDOWN_RUN", run_id), ("SHAKEDOWN_FAULT", fault)];
        let variables = variables.map(|(name, value)| (name.to_string(), value.to_string()));
        let invocation = |words: &[String]| Invocation {
            words: words.to_vec(),
            folder: folder.clone(),
            variables: variables.to_vec(),
            deadline: COMMAND_WITHIN,
        };
        let commands = self.subjects.power.iter().map(|power| Commands {
            stop: invocation(&power.stop),
            start: power.start.as_deref().map(invocation),
        });
        Ok(commands.collect())
    }

    /// Replicas that it may end: the targets, with all that share their nodes or their workloads.
    fn concerned(&self, target: &KubernetesTarget) -> Vec<Place> {
        let nodes = &self.subjects.nodes;
        let replicas = &self.subjects.replicas;
        let owners = replicas.iter().filter_map(|it| it.place.pod.owner.as_ref());
        let owners: Vec<&str> = owners.map(|owner| owner.uid.as_str()).collect();
        let concerns = |place: &Place| match self.kind.acts_on() {
            ActsOn::Pods => false,
            ActsOn::Nodes => nodes
                .iter()
                .any(|node| place.pod.node.as_ref() == Some(&node.name)),
            ActsOn::Workloads => {
                let owner = place.pod.owner.as_ref();
                owner.is_some_and(|owner| owners.contains(&owner.uid.as_str()))
            }
            ActsOn::Cluster => false,
        };
        let is_target = |place: &Place| replicas.iter().any(|it| it.name == place.replica);
        let mut all = target.places();
        all.retain(|place| is_target(place) || concerns(place));
        all
    }

    fn acted_on(&self, workloads: &[WorkloadLook]) -> Vec<FaultTarget> {
        let target = |name: &str, handle: String| FaultTarget {
            name: name.to_string(),
            role: None,
            handle,
        };
        match &self.kind {
            ClusterKind::Switch { service, .. } => {
                vec![target(
                    service,
                    format!("service {}/{service}", self.namespace),
                )]
            }
            ClusterKind::ApiServerStop => {
                vec![target("api-server", self.cluster.reach().server.clone())]
            }
            _ => workloads
                .iter()
                .map(|look| target(&look.workload.name, operations::handle(&look.workload)))
                .collect(),
        }
    }
}

fn undo_of(changes: &[Planned], commands: &[Commands]) -> Vec<Undo> {
    let changes = changes.iter().filter_map(|planned| {
        let back = planned.back.clone()?;
        Some(Undo::Cluster {
            name: back.reach.server.clone(),
            back: Box::new(back),
        })
    });
    let commands = commands.iter().filter_map(|it| {
        let heal = it.start.clone()?;
        Some(Undo::Command { heal })
    });
    changes.chain(commands).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_by_itself_has_no_command_to_be_kept() {
        let run = |words: &str| Invocation {
            words: vec![words.to_string()],
            folder: "/".into(),
            variables: Vec::new(),
            deadline: COMMAND_WITHIN,
        };
        let commands = |start| Commands {
            stop: run("off"),
            start,
        };
        let kept = undo_of(&[], &[commands(Some(run("on"))), commands(None)]);
        assert_eq!(kept, [Undo::Command { heal: run("on") }]);
    }
}
