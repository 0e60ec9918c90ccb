//! Doing it: all targets at once.

use std::time::Duration;

use futures_util::future::join_all;
use shakedown_record::monotonic_ns;
use shakedown_scenarios::plan::ClusterKind;

use super::{ClusterFault, refused};
use crate::faults::error::FaultError;
use crate::faults::hook;
use crate::faults::strength::Strength;
use crate::mechanisms::Invocation;
use crate::mechanisms::kubernetes::act::{Deleted, DrainOrder, Evicted};

/// Evictions are asked for again until healing ends them, or this is over.
const DRAINS_FOR: Duration = Duration::from_secs(3600);

impl ClusterFault {
    /// Does it. What the platform makes of it takes its time, and is for the confirmation.
    pub(in crate::faults) async fn inject(
        &mut self,
        fault: &str,
        strength: Strength,
    ) -> Result<(), FaultError> {
        self.begun_at_mono_ns = monotonic_ns();
        match strength {
            Strength::Full => {}
            Strength::Blunt => return Ok(()),
        }
        self.struck = true;
        match &self.kind {
            ClusterKind::Delete { grace_ns } => {
                let grace_s = grace_ns.map(whole_s);
                self.delete(fault, grace_s).await
            }
            ClusterKind::Evict => self.evict(fault).await,
            ClusterKind::Drain => {
                self.change(fault).await?;
                self.evict(fault).await?;
                self.drain();
                Ok(())
            }
            ClusterKind::Cordon
            | ClusterKind::Taint { .. }
            | ClusterKind::RollingUpdate { .. }
            | ClusterKind::Rollback
            | ClusterKind::Scale { .. }
            | ClusterKind::Switch { .. } => self.change(fault).await,
            ClusterKind::NodeStop
            | ClusterKind::NodeReboot
            | ClusterKind::KubeletStop
            | ClusterKind::RuntimeStop
            | ClusterKind::ApiServerStop => self.command(fault).await,
        }
    }

    async fn delete(&self, fault: &str, grace_s: Option<u32>) -> Result<(), FaultError> {
        let all = self.subjects.replicas.iter().map(|subject| async {
            let pod = &subject.place.pod;
            let done = self
                .cluster
                .delete_pod(&pod.namespace, &pod.name, &pod.uid, grace_s)
                .await;
            (subject.name.as_str(), done)
        });
        let mut gone = Vec::new();
        for (name, done) in join_all(all).await {
            match done.map_err(refused(fault))? {
                Deleted::Asked => {}
                Deleted::Gone => gone.push(name),
            }
        }
        all_reached(fault, &gone)
    }

    /// A budget that forbids it is an answer, which the confirmation tells.
    async fn evict(&mut self, fault: &str) -> Result<(), FaultError> {
        let all = self.subjects.replicas.iter().map(|subject| async {
            let pod = &subject.place.pod;
            let done = self
                .cluster
                .evict(&pod.namespace, &pod.name, &pod.uid, None)
                .await;
            (subject.name.as_str(), pod.uid.clone(), done)
        });
        let (mut gone, mut forbidden) = (Vec::new(), Vec::new());
        for (name, uid, done) in join_all(all).await {
            match done.map_err(refused(fault))? {
                Evicted::Done => {}
                Evicted::Refused { message } => forbidden.push((uid, message)),
                Evicted::Gone => gone.push(name),
            }
        }
        let reached = all_reached(fault, &gone);
        self.refused = forbidden;
        reached
    }

    /// Everybody else on the nodes, and whom a budget protected a moment ago.
    fn drain(&mut self) {
        let order = DrainOrder {
            within: DRAINS_FOR,
            grace_s: None,
            bare: false,
        };
        for node in &self.subjects.nodes {
            let (cluster, node, order) = (self.cluster.clone(), node.name.clone(), order.clone());
            self.drains.spawn(async move {
                match cluster.drain(&node, &order).await {
                    Ok(report) => tracing::debug!("drained {node}: {report:?}"),
                    Err(error) => tracing::warn!("draining {node}: {error}"),
                }
            });
        }
    }

    async fn change(&self, fault: &str) -> Result<(), FaultError> {
        let changes = self.armed.iter().flat_map(|armed| &armed.changes);
        let all = join_all(changes.map(|planned| planned.change.make(&self.cluster))).await;
        for made in all {
            made.map_err(refused(fault))?;
        }
        Ok(())
    }

    async fn command(&self, fault: &str) -> Result<(), FaultError> {
        let commands = self.armed.iter().flat_map(|armed| &armed.commands);
        let all = join_all(commands.map(|command| run(fault, &command.stop))).await;
        all.into_iter().collect()
    }
}

/// Runs a command, which must succeed.
pub(super) async fn run(fault: &str, invocation: &Invocation) -> Result<(), FaultError> {
    let ended = hook::run(fault, invocation).await?;
    match ended.is_success() {
        true => Ok(()),
        false => Err(FaultError::CommandFailed {
            fault: fault.to_string(),
            line: invocation.line(),
            how: hook::how(&ended),
        }),
    }
}

fn all_reached(fault: &str, gone: &[&str]) -> Result<(), FaultError> {
    match gone {
        [] => Ok(()),
        gone => Err(FaultError::TargetGone {
            fault: fault.to_string(),
            targets: gone.join(", "),
        }),
    }
}

/// Whole seconds of grace, rounded up: half a second is not none.
pub(super) fn whole_s(grace_ns: u64) -> u32 {
    u32::try_from(grace_ns.div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_grace_is_not_none() {
        assert_eq!(
            [0, 1, 1_000_000_000, 1_000_000_001].map(whole_s),
            [0, 1, 1, 2]
        );
    }

    #[test]
    fn a_target_that_was_gone_before_is_named() {
        assert!(all_reached("it#1", &[]).is_ok());
        let gone = all_reached("it#1", &["engine-1", "engine-2"])
            .unwrap_err()
            .to_string();
        assert!(gone.contains("engine-1, engine-2"), "{gone}");
    }

    #[tokio::test]
    async fn a_command_that_fails_is_told_with_its_last_line() {
        let command = |script: &str| Invocation {
            words: ["sh", "-c", script].map(String::from).to_vec(),
            folder: "/".into(),
            variables: Vec::new(),
            deadline: Duration::from_secs(5),
        };
        run("it#1", &command("true")).await.unwrap();
        let failed = run("it#1", &command("echo no such node; exit 3"))
            .await
            .unwrap_err();
        assert!(
            failed.to_string().contains("exit code 3, no such node"),
            "{failed}"
        );
    }
}
