//! The state of all replicas before a fault, and the proof that it is the same again afterwards.

use std::time::Duration;

use shakedown_record::event::{Leftover, LeftoverKind};
use tokio::time::Instant;

use super::error::{NotClean, has_ended};
use super::kill::left;
use super::target::Target;
use crate::environment::{Environment, ReplicaHealth};
use crate::mechanisms::ProcessState;

const CLEAN_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(25);

/// Which state a kind leaves its targets in once healed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    AsBefore,
    /// As before, in a new process that we started.
    Restarted,
    /// As before, or down: nobody starts it again.
    MayBeDown,
}

/// All replicas at one moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    replicas: Vec<(String, ReplicaHealth)>,
}

/// What is different from before.
#[derive(Debug, PartialEq, Eq)]
enum Difference {
    /// Time may mend it.
    NotYet(NotClean),
    Final(NotClean),
}

impl Snapshot {
    pub(super) async fn take(environment: &Environment) -> Snapshot {
        let mut replicas = Vec::new();
        for replica in environment.replicas() {
            if let Some(health) = environment.health(&replica.name).await {
                replicas.push((replica.name.clone(), health));
            }
        }
        Snapshot { replicas }
    }

    /// Which of these replicas ran then and have ended since, without another fault of ours being the reason.
    pub(super) async fn ended_since(
        &self,
        environment: &Environment,
        names: &[String],
    ) -> Vec<String> {
        let mut ended = Vec::new();
        for (name, before) in self
            .replicas
            .iter()
            .filter(|(name, _)| names.contains(name))
        {
            if environment.is_explained(name) {
                continue;
            }
            let now = environment.health(name).await.map(|now| now.process);
            if before.process == ProcessState::Running && now == Some(ProcessState::Exited) {
                ended.push(name.clone());
            }
        }
        ended
    }

    /// Waits until all replicas are as they were; `touched` are those that the fault acted on without having a handle
    /// on their processes.
    pub(super) async fn wait_until_restored(
        &self,
        environment: &Environment,
        targets: &[Target],
        touched: &[String],
        expected: Expected,
        run_id: &str,
    ) -> Result<(), NotClean> {
        let until = Instant::now() + CLEAN_WITHIN;
        loop {
            let ended = self.ended_since(environment, touched).await;
            if !ended.is_empty() && targets.is_empty() {
                return Err(NotClean {
                    left: None,
                    reason: has_ended(&ended),
                });
            }
            let difference = self.compare(environment, targets, expected, run_id).await;
            match difference {
                None => return Ok(()),
                Some(Difference::Final(why)) => return Err(why),
                Some(Difference::NotYet(why)) if left(until).is_zero() => return Err(why),
                Some(Difference::NotYet(_)) => tokio::time::sleep(POLL).await,
            }
        }
    }

    async fn compare(
        &self,
        environment: &Environment,
        targets: &[Target],
        expected: Expected,
        run_id: &str,
    ) -> Option<Difference> {
        for (name, before) in &self.replicas {
            let Some(now) = environment.health(name).await else {
                return Some(Difference::Final(NotClean {
                    left: None,
                    reason: format!("{name} cannot be looked at any more"),
                }));
            };
            let target = targets.iter().find(|target| target.name == *name);
            let difference = match target {
                Some(target) => {
                    // The very process that was killed is still the latest: nobody has started another.
                    let not_restarted = environment.exit_of(name, target.process.id()).is_some();
                    let log_end = || environment.log_end(name);
                    changed_target(target, (before, &now), expected, not_restarted, log_end)
                }
                None if environment.is_explained(name) => None,
                None => changed_bystander(name, before, &now),
            };
            if let Some(difference) = difference {
                return Some(with_command(difference, run_id));
            }
        }
        None
    }
}

fn changed_target(
    target: &Target,
    (before, now): (&ReplicaHealth, &ReplicaHealth),
    expected: Expected,
    not_restarted: bool,
    log_end: impl FnOnce() -> String,
) -> Option<Difference> {
    let name = &target.name;
    match now.process {
        ProcessState::Running if before.ready && !now.ready => Some(Difference::NotYet(NotClean {
            left: None,
            reason: format!(
                "{name} runs, but is not ready as it was before; {}",
                log_end()
            ),
        })),
        ProcessState::Running => None,
        ProcessState::Stopped => Some(Difference::NotYet(ours(format!(
            "{} is stopped",
            target.label()
        )))),
        ProcessState::Exited => match expected {
            Expected::MayBeDown => None,
            Expected::Restarted if not_restarted => Some(Difference::Final(ours(format!(
                "{} was ended and not started again",
                target.label()
            )))),
            Expected::AsBefore | Expected::Restarted => Some(Difference::Final(NotClean {
                left: None,
                reason: format!("{name} does not run any more; {}", log_end()),
            })),
        },
    }
}

fn changed_bystander(
    name: &str,
    before: &ReplicaHealth,
    now: &ReplicaHealth,
) -> Option<Difference> {
    // Stopped or down before and running now: another fault was healed in the meantime.
    let worse = before.process == ProcessState::Running && now.process != ProcessState::Running;
    worse.then(|| {
        Difference::Final(NotClean {
            left: None,
            reason: format!("{name}, which was no target, {}", now.process),
        })
    })
}

fn ours(what: String) -> NotClean {
    NotClean {
        reason: what.clone(),
        left: Some(Leftover {
            kind: LeftoverKind::Fault,
            what,
            remove_with: String::new(),
        }),
    }
}

fn with_command(difference: Difference, run_id: &str) -> Difference {
    let add = |mut why: NotClean| {
        if let Some(left) = &mut why.left {
            left.remove_with = format!("shakedown recover {run_id}");
        }
        why
    };
    match difference {
        Difference::NotYet(why) => Difference::NotYet(add(why)),
        Difference::Final(why) => Difference::Final(add(why)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::mechanisms::ProcessHandle;

    fn health(process: ProcessState, ready: bool) -> ReplicaHealth {
        ReplicaHealth {
            process,
            address: SocketAddr::from(([127, 0, 0, 1], 9)),
            ready,
        }
    }

    fn change(now: ReplicaHealth, expected: Expected, not_restarted: bool) -> Option<Difference> {
        let target = Target {
            name: "engine-1".into(),
            role: None,
            process: ProcessHandle::of_pid(std::process::id()).unwrap().unwrap(),
            address: now.address,
        };
        let before = health(ProcessState::Running, true);
        let difference = changed_target(
            &target,
            (&before, &now),
            expected,
            not_restarted,
            String::new,
        );
        difference.map(|difference| with_command(difference, "run-1"))
    }

    #[test]
    fn only_the_state_before_is_clean() {
        use ProcessState::{Exited, Running, Stopped};
        let as_before = Expected::AsBefore;
        assert_eq!(change(health(Running, true), as_before, false), None);
        let unready = change(health(Running, false), as_before, false);
        assert!(matches!(
            unready,
            Some(Difference::NotYet(NotClean { left: None, .. }))
        ));
        let Some(Difference::NotYet(frozen)) = change(health(Stopped, false), as_before, false)
        else {
            panic!("a stopped target is not clean");
        };
        assert_eq!(frozen.left.unwrap().remove_with, "shakedown recover run-1");
        let gone = change(health(Exited, false), as_before, true);
        assert!(matches!(
            gone,
            Some(Difference::Final(NotClean { left: None, .. }))
        ));
    }

    #[test]
    fn a_killed_target_is_ours_until_it_was_started_again() {
        let down = health(ProcessState::Exited, false);
        let never = change(down, Expected::Restarted, true);
        assert!(matches!(
            never,
            Some(Difference::Final(NotClean { left: Some(_), .. }))
        ));
        let ended_again = change(down, Expected::Restarted, false);
        assert!(matches!(
            ended_again,
            Some(Difference::Final(NotClean { left: None, .. }))
        ));
        assert_eq!(change(down, Expected::MayBeDown, true), None);
    }

    #[test]
    fn a_bystander_that_changed_is_seen() {
        let before = health(ProcessState::Running, true);
        assert!(changed_bystander("engine-2", &before, &before).is_none());
        let gone = health(ProcessState::Exited, false);
        assert!(changed_bystander("engine-2", &before, &gone).is_some());
        assert!(changed_bystander("engine-2", &gone, &before).is_none());
    }
}
