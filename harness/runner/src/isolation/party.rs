//! The guests of a run: made before the load, waited for, and taken away when it is over.

use std::sync::Arc;
use std::time::Duration;

use shakedown_record::event::{Leftover, LeftoverKind};
use shakedown_scenarios::plan::isolation::{Guest, GuestPlan, Knocked};
use shakedown_scenarios::plan::{KubernetesPlan, Plan};
use tokio::time::Instant;

use super::doors::Found;
use super::guests::{CONTAINER, Wanted, job, selector};
use crate::drill::RUN_LABEL;
use crate::environment::Environment;
use crate::error::RunError;
use crate::faults::object_name;
use crate::journal::{Entry, Journal, Undo};
use crate::mechanisms::kubernetes::act::{ObjectKind, OwnObject};
use crate::mechanisms::kubernetes::look::{ContainerState, PodLook};
use crate::mechanisms::kubernetes::{self, Cluster};

/// An image may have to be pulled.
const START_WITHIN: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// A pod has a second to end in.
const GONE_WITHIN: Duration = Duration::from_secs(35);

/// What guests are called in the journal. No fault can have such a name.
const LABEL: &str = "guests (isolation)";

/// All guests of a run.
#[derive(Debug)]
pub struct Party {
    cluster: Cluster,
    run_id: String,
    all: Vec<Invited>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Invited {
    /// Such as `walls/intruder`; what its looks are of.
    pub target: String,
    pub own: OwnObject,
    pub doors: Vec<(Knocked, Found)>,
    pub every: Duration,
    plan: GuestPlan,
}

impl Party {
    /// The guests that the rules of a plan ask for; nothing is made yet.
    ///
    /// # Errors
    /// When there is no such door.
    pub async fn gather(
        cluster: &Cluster,
        (plan, of): (&Plan, &KubernetesPlan),
        environment: &Arc<Environment>,
        run_id: &str,
    ) -> Result<Party, RunError> {
        let mut all = Vec::new();
        for (rule, wall) in plan.walls() {
            for guest in Guest::BOTH {
                let target = guest.target(rule);
                let mut doors = Vec::new();
                for (knocked, door) in wall.doors(guest) {
                    let found = Found::look_up(door, (cluster, of), environment).await;
                    let found = found.map_err(|why| failed(&target, &why))?;
                    doors.push((knocked, found));
                }
                all.push(Invited {
                    own: OwnObject {
                        kind: ObjectKind::Job,
                        namespace: wall.guest(guest).namespace(of).to_string(),
                        name: object_name(run_id, &target),
                        label: (RUN_LABEL.to_string(), run_id.to_string()),
                    },
                    target,
                    doors,
                    every: Duration::from_nanos(wall.every_ns),
                    plan: wall.guest(guest).clone(),
                });
            }
        }
        Ok(Party {
            cluster: cluster.clone(),
            run_id: run_id.to_string(),
            all,
        })
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub(super) fn all(&self) -> &[Invited] {
        &self.all
    }

    /// Makes them and waits until all of them stand there, or until it is to end.
    ///
    /// # Errors
    /// In words, which of them does not, and why.
    pub async fn invite(
        &self,
        plan: &KubernetesPlan,
        longest_s: u64,
        journal: &Journal,
        is_to_end: impl Fn() -> bool,
    ) -> Result<(), RunError> {
        let undo = |guest: &Invited| Undo::Cluster {
            name: guest.own.to_string(),
            back: Box::new(kubernetes::Undo::delete(&self.cluster, guest.own.clone())),
        };
        journal.record(&Entry::FaultIntent {
            fault: LABEL.to_string(),
            kind: LABEL.to_string(),
            targets: self.all.iter().map(|guest| guest.own.to_string()).collect(),
            undo: self.all.iter().map(undo).collect(),
        })?;
        for guest in &self.all {
            let Some(agent) = &plan.agent else {
                return Err(failed(
                    &guest.target,
                    "the profile has no `agent`, whose image it takes",
                ));
            };
            let wanted = job(Wanted {
                name: &guest.own.name,
                run_id: &self.run_id,
                longest_s,
                guest: &guest.plan,
                agent,
            });
            let made = self.cluster.create(&guest.own.namespace, &wanted).await;
            made.map_err(|error| failed(&guest.target, &error.to_string()))?;
        }
        let until = Instant::now() + START_WITHIN;
        for guest in &self.all {
            while let Err(why) = guest.pod(&self.cluster).await {
                if is_to_end() {
                    return Ok(());
                }
                if Instant::now() >= until {
                    let within_s = START_WITHIN.as_secs();
                    return Err(failed(
                        &guest.target,
                        &format!("within {within_s} s: {why}"),
                    ));
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    /// Takes them away, with their pods. What is left, with the command that removes it.
    pub async fn see_off(&self, journal: &Journal) -> Vec<Leftover> {
        let mut left = Vec::new();
        for guest in &self.all {
            let removed = async {
                self.cluster.delete_own(&guest.own).await?;
                self.cluster.gone(&guest.own, GONE_WITHIN).await
            };
            if let Err(error) = removed.await {
                left.push(self.leftover(&format!("{}: {error}", guest.own)));
            }
        }
        if left.is_empty() {
            let healed = Entry::FaultHealed {
                fault: LABEL.to_string(),
            };
            if let Err(error) = journal.record(&healed) {
                left.push(self.leftover(&format!(
                    "the guests are gone, and the journal does not say so: {error}"
                )));
            }
        }
        left
    }

    fn leftover(&self, what: &str) -> Leftover {
        Leftover {
            kind: LeftoverKind::Object,
            what: what.to_string(),
            remove_with: format!("shakedown recover {}", self.run_id),
        }
    }
}

impl Invited {
    /// One whose pod nobody looks for.
    #[cfg(test)]
    pub(super) fn testing(target: &str, every: Duration, doors: Vec<(Knocked, Found)>) -> Invited {
        Invited {
            target: target.to_string(),
            own: OwnObject {
                kind: ObjectKind::Job,
                namespace: "stg".to_string(),
                name: "guest".to_string(),
                label: (RUN_LABEL.to_string(), "run".to_string()),
            },
            doors,
            every,
            plan: GuestPlan {
                labels: Default::default(),
                namespace: None,
            },
        }
    }

    /// The pod through which it is knocked now; why there is none.
    pub(super) async fn pod(&self, cluster: &Cluster) -> Result<PodLook, String> {
        let pods = cluster
            .pods(&self.own.namespace, &selector(&self.own.name))
            .await;
        standing(pods.map_err(|error| error.to_string())?)
    }
}

fn failed(guest: &str, why: &str) -> RunError {
    RunError::Guest {
        guest: guest.to_string(),
        why: why.to_string(),
    }
}

/// The pod that stands there; or why none does.
fn standing(pods: Vec<PodLook>) -> Result<PodLook, String> {
    let mut why = "there is no pod for it: kubectl describe job".to_string();
    for pod in pods
        .into_iter()
        .filter(|pod| pod.terminating_since.is_none())
    {
        let container = pod.containers.iter().find(|it| it.name == CONTAINER);
        why = match container.map(|it| &it.state) {
            Some(ContainerState::Running { .. }) => return Ok(pod),
            Some(ContainerState::Waiting { reason }) if !reason.is_empty() => {
                format!("pod {} waits: {reason}", pod.name)
            }
            Some(ContainerState::Terminated(ended)) => format!(
                "pod {} has ended with code {}: {}",
                pod.name, ended.exit_code, ended.reason
            ),
            Some(ContainerState::Waiting { .. }) | None => {
                format!(
                    "pod {} does not run: {}",
                    pod.name,
                    pod.reason.as_deref().unwrap_or("kubectl describe pod")
                )
            }
        };
    }
    Err(why)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, state: Value, going: bool) -> PodLook {
        let mut meta = json!({"name": name, "namespace": "stg", "uid": name});
        if going {
            meta["deletionTimestamp"] = Value::from("2026-01-02T03:04:05Z");
        }
        let pod: Pod = serde_json::from_value(json!({
            "metadata": meta,
            "spec": {"containers": [{"name": CONTAINER, "image": "i"}], "nodeName": "node-1"},
            "status": {"phase": "Running", "containerStatuses": [
                {"name": CONTAINER, "image": "i", "imageID": "", "ready": true, "restartCount": 0, "state": state}]}
        }))
        .unwrap();
        PodLook::of(&pod).unwrap()
    }

    #[test]
    fn a_guest_stands_where_one_of_its_pods_runs_and_stays() {
        let running = || json!({"running": {}});
        let ended = || json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
        let pods = vec![pod("a", ended(), false), pod("b", running(), false)];
        assert_eq!(standing(pods).unwrap().name, "b");
        assert!(
            standing(vec![pod("a", running(), true)])
                .unwrap_err()
                .contains("no pod")
        );
        let why = standing(vec![pod("a", ended(), false)]).unwrap_err();
        assert_eq!(why, "pod a has ended with code 137: OOMKilled");
        let waits = json!({"waiting": {"reason": "ErrImagePull"}});
        let why = standing(vec![pod("a", waits, false)]).unwrap_err();
        assert_eq!(why, "pod a waits: ErrImagePull");
    }
}
