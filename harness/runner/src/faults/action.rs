//! What a kind of fault is done by, in this environment.

use std::time::Duration;

use shakedown_record::fault::Firing;
use shakedown_scenarios::plan::{FaultKind, FreezeBy};

use super::agents::Agents;
use super::aim::{Aim, FaultTargetRef};
use super::clock::Clock;
use super::cluster::ClusterFault;
use super::container::Container;
use super::disk::Disk;
use super::error::FaultError;
use super::freeze::Freeze;
use super::group::Group;
use super::hook::Hook;
use super::kill::Kill;
use super::kill_switch::KillSwitch;
use super::operation::Operation;
use super::power_cut::PowerCut;
use super::restart::Restart;
use super::service::Service;
use super::stress::Stress;
use super::wire::Wire;
use crate::environment::{Environment, KubernetesTarget};

#[derive(Debug)]
pub(super) enum Action {
    Kill(Kill),
    Freeze(Freeze),
    Restart(Restart),
    Hook(Hook),
    KillSwitch(KillSwitch),
    Operation(Operation),
    Link(Wire),
    Group(Group),
    Stress(Stress),
    Disk(Disk),
    PowerCut(PowerCut),
    Clock(Clock),
    Container(Container),
    Cluster(Box<ClusterFault>),
    Agents(Box<Agents>),
    Service(Service),
}

impl Action {
    /// # Errors
    /// When there is no such means here, or it lacks something.
    pub(super) fn choose(
        firing: &Firing,
        kind: &FaultKind,
        aim: &Aim,
        environment: &Environment,
    ) -> Result<Action, FaultError> {
        let label = firing.label();
        if let Some(pods) = environment.pods() {
            return Action::in_cluster(firing, kind, aim, pods);
        }
        let by_engine = environment.containers();
        let action = match kind {
            _ if let Some(container) =
                by_engine.and_then(|docker| Container::new(kind, docker)) =>
            {
                Action::Container(container)
            }
            FaultKind::Kill { signal } => Action::Kill(Kill::new(*signal)),
            FaultKind::Freeze {
                by: FreezeBy::Signal,
            } => Action::Freeze(Freeze::default()),
            FaultKind::Restart { grace_ns } => {
                Action::Restart(Restart::new(Duration::from_nanos(*grace_ns)))
            }
            FaultKind::Hook(hook) => Action::Hook(Hook::new(hook, &aim.targets)),
            FaultKind::Partition { .. }
            | FaultKind::Loss { .. }
            | FaultKind::Reset { .. }
            | FaultKind::Delay { .. }
            | FaultKind::Bandwidth { .. }
            | FaultKind::HalfOpen
            | FaultKind::Dns => Action::Link(Wire::new(firing, kind, aim, environment)?),
            FaultKind::SlowDisk { .. }
            | FaultKind::FailingDisk { .. }
            | FaultKind::DiskFull { .. } => {
                Action::Disk(Disk::new(firing, kind, aim, environment)?)
            }
            FaultKind::PowerCut => Action::PowerCut(PowerCut::new(&label, aim, environment)?),
            FaultKind::ClockSkew { by_ns } => Action::Clock(Clock::new(&label, *by_ns)?),
            FaultKind::CpuStress { workers } => Action::Stress(Stress::new(*workers)),
            FaultKind::Cpu { .. }
            | FaultKind::Memory { .. }
            | FaultKind::OutOfMemory
            | FaultKind::Freeze {
                by: FreezeBy::Cgroup,
            } => {
                let group = Group::new(kind).expect("these are done by control groups");
                Action::Group(group)
            }
            FaultKind::Cluster(kind)
                if environment.is_on_node()
                    && let Some(which) = Service::meant(kind) =>
            {
                Action::Service(Service::new(&label, which)?)
            }
            FaultKind::Stop { .. } | FaultKind::Disconnect | FaultKind::Cluster(_) => {
                return Err(FaultError::NotPossible {
                    fault: label,
                    reason: "there are no containers here".to_string(),
                });
            }
            FaultKind::KillSwitch { .. } | FaultKind::Operation(_) => return Err(unasked(label)),
        };
        Ok(action)
    }

    /// By the API of the cluster, or by agents on its nodes; only hooks are the same everywhere.
    fn in_cluster(
        firing: &Firing,
        kind: &FaultKind,
        aim: &Aim,
        pods: &KubernetesTarget,
    ) -> Result<Action, FaultError> {
        let own = pods.own_node();
        let is_own = |target: &FaultTargetRef| {
            own.is_some()
                && pods
                    .node_of(&target.name)
                    .is_some_and(|node| Some(node.name.as_str()) == own)
        };
        if matches!(kind, FaultKind::Cluster(kind) if kind.ends_on_nodes())
            && let Some(target) = aim.targets.iter().find(|target| is_own(target))
        {
            return Err(FaultError::NotPossible {
                fault: firing.label(),
                reason: format!(
                    "{} is on {} now, and so is Shakedown itself: it would not live to heal it",
                    target.name,
                    own.unwrap_or_default()
                ),
            });
        }
        match kind {
            FaultKind::Hook(hook) => Ok(Action::Hook(Hook::new(hook, &aim.targets))),
            FaultKind::KillSwitch { .. } | FaultKind::Operation(_) => Err(unasked(firing.label())),
            FaultKind::Cluster(kind) if !kind.needs_agent() => {
                let fault = ClusterFault::new(&firing.label(), kind, aim, pods)?;
                Ok(Action::Cluster(Box::new(fault)))
            }
            kind => Agents::new(firing, kind, aim, pods).map(|it| Action::Agents(Box::new(it))),
        }
    }

    /// Whether it acts on the processes that its targets are now, and on no others.
    pub(super) fn pins_targets(&self) -> bool {
        match self {
            Action::Hook(_)
            | Action::KillSwitch(_)
            | Action::Operation(_)
            | Action::Link(_)
            | Action::Agents(_)
            | Action::Cluster(_)
            | Action::Service(_) => false,
            Action::Kill(_)
            | Action::Freeze(_)
            | Action::Restart(_)
            | Action::Clock(_)
            | Action::Stress(_)
            | Action::Disk(_)
            | Action::PowerCut(_)
            | Action::Container(_)
            | Action::Group(_) => true,
        }
    }
}

/// A request to the system needs more than an environment: [`Prepared::kill_switch`](super::Prepared::kill_switch) has it.
fn unasked(fault: String) -> FaultError {
    FaultError::NotPossible {
        fault,
        reason: "it is asked of the system itself, and here nobody asks".to_string(),
    }
}
