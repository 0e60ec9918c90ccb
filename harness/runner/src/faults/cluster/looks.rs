//! Looking before anything is done: what the targets belong to, what would hinder the fault, and what could not be
//! shown afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::try_join_all;
use shakedown_scenarios::plan::{ActsOn, ClusterKind, TaintEffect};

use super::arming::Acted;
use super::edits::taint;
use super::nodes::{self, Tolerance};
use super::operators::undone_by;
use super::{ClusterFault, not_possible, operations, pods, refused};
use crate::environment::{HttpAnswer, ask};
use crate::faults::error::FaultError;
use crate::mechanisms::kubernetes::act::drainable;
use crate::mechanisms::kubernetes::look::{PodLook, Workload, WorkloadLook};

/// A replica that answers at all does so long before this.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// A workload that owns targets.
#[derive(Debug)]
pub(super) struct Owning {
    pub(super) look: WorkloadLook,
    /// The container of its first target.
    pub(super) container: String,
}

impl ClusterFault {
    /// The workloads of the targets, each once with the container that is meant there, if they are what is acted on.
    pub(super) async fn workloads_acted_on(&self, fault: &str) -> Result<Vec<Owning>, FaultError> {
        if self.kind.acts_on() != ActsOn::Workloads {
            return Ok(Vec::new());
        }
        let (mut names, mut containers): (Vec<Workload>, Vec<String>) = Default::default();
        for subject in &self.subjects.replicas {
            let pod = &subject.place.pod;
            let found = self
                .cluster
                .workload_of(pod)
                .await
                .map_err(refused(fault))?;
            let found = found.ok_or_else(|| {
                let pod = pod.full_name();
                not_possible(
                    fault,
                    format!("pod {pod} belongs to no deployment and no stateful set"),
                )
            })?;
            if !names.contains(&found) {
                names.push(found);
                containers.push(subject.place.container.clone());
            }
        }
        let looks = try_join_all(names.iter().map(|name| self.cluster.workload(name)));
        let looks = looks.await.map_err(refused(fault))?;
        self.must_stay(fault, &looks).await?;
        for look in &looks {
            if let Some(why) = operations::hindrance(&self.kind, look) {
                return Err(not_possible(fault, why));
            }
        }
        let owning = |(look, container)| Owning { look, container };
        Ok(looks.into_iter().zip(containers).map(owning).collect())
    }

    /// Refuses what somebody would undo, unless a person has said that it may be.
    pub(super) async fn must_stay(
        &self,
        fault: &str,
        workloads: &[WorkloadLook],
    ) -> Result<(), FaultError> {
        if self.may_be_undone {
            return Ok(());
        }
        let by = undone_by(&self.cluster, &self.kind, workloads, &self.namespace).await;
        match by.map_err(refused(fault))? {
            Some(why) => Err(not_possible(fault, why)),
            None => Ok(()),
        }
    }

    pub(super) async fn with_pods(
        &self,
        fault: &str,
        workloads: Vec<WorkloadLook>,
    ) -> Result<Vec<Acted>, FaultError> {
        let list = |before: WorkloadLook| async move {
            let namespace = &before.workload.namespace;
            let pods = self.cluster.pods(namespace, &before.selector).await?;
            Ok(Acted { before, pods })
        };
        let all = try_join_all(workloads.into_iter().map(list)).await;
        all.map_err(refused(fault))
    }

    /// Refuses pods that nobody would make again, and says what their budgets allow.
    pub(super) async fn look_at_pods(&self, fault: &str) -> Result<Vec<String>, FaultError> {
        for subject in &self.subjects.replicas {
            let ends = match self.kind {
                ClusterKind::Delete { .. } | ClusterKind::Evict => {
                    pods::lost_for_good(&subject.place.pod)
                }
                ClusterKind::Drain => {
                    let pod = &subject.place.pod;
                    pods::not_drained(pod, drainable(pod, false))
                }
                _ => None,
            };
            if let Some(why) = ends {
                return Err(not_possible(fault, format!("{}: {why}", subject.name)));
            }
        }
        let mut notes = Vec::new();
        if !matches!(self.kind, ClusterKind::Evict | ClusterKind::Drain) {
            return Ok(notes);
        }
        let targets: Vec<&PodLook> = self
            .subjects
            .replicas
            .iter()
            .map(|it| &it.place.pod)
            .collect();
        let budgets = self
            .cluster
            .budgets(&self.namespace)
            .await
            .map_err(refused(fault))?;
        for budget in &budgets {
            let covered = self.cluster.pods(&self.namespace, &budget.selector).await;
            let covered = covered.map_err(refused(fault))?;
            notes.extend(pods::budget_note(budget, &covered, &targets));
        }
        if self.kind == ClusterKind::Drain {
            for node in &self.subjects.nodes {
                let planned = self.cluster.drain_plan(&node.name, false).await;
                let planned = planned.map_err(refused(fault))?;
                notes.push(pods::drain_note(&node.name, &planned, &targets));
            }
        }
        Ok(notes)
    }

    /// The silence of a node that did not answer before proves nothing.
    pub(super) async fn must_answer(&self, fault: &str) -> Result<(), FaultError> {
        if !matches!(self.kind, ClusterKind::NodeStop | ClusterKind::NodeReboot) {
            return Ok(());
        }
        for subject in &self.subjects.replicas {
            let answer = match subject.place.address() {
                Some(address) => ask(address, "/", ANSWERS_WITHIN).await,
                None => HttpAnswer::Silent,
            };
            if !matches!(answer, HttpAnswer::Status(_)) {
                let reason = format!(
                    "{} {answer} before: silence would prove nothing",
                    subject.name
                );
                return Err(not_possible(fault, reason));
            }
        }
        Ok(())
    }

    /// What each target's pod makes of the taint.
    pub(super) async fn tolerances(
        &self,
        fault: &str,
    ) -> Result<BTreeMap<String, Tolerance>, FaultError> {
        let ClusterKind::Taint {
            key,
            value,
            effect: effect @ TaintEffect::NoExecute,
        } = &self.kind
        else {
            return Ok(BTreeMap::new());
        };
        let taint = taint(key, value, *effect);
        let mut all = BTreeMap::new();
        for subject in &self.subjects.replicas {
            let pod = &subject.place.pod;
            let whole = self.cluster.get(&pod.namespace, &pod.name);
            let whole = whole.await.map_err(refused(fault))?;
            all.insert(subject.name.clone(), nodes::tolerance(&whole, &taint));
        }
        Ok(all)
    }
}
