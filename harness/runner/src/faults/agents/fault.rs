//! One firing, through its whole life, as agents do it.

use std::collections::BTreeMap;
use std::time::Duration;

use shakedown_record::event::{Leftover, LeftoverKind};
use shakedown_record::fault::{Effect, FaultTarget, Firing};
use shakedown_scenarios::plan::{AgentPlan, FaultKind};
use tokio::time::Instant;

use super::super::aim::Aim;
use super::super::error::{FaultError, NotClean};
use super::super::strength::Strength;
use super::crew::{Crew, Member};
use super::leash::Leash;
use super::orders::{self, orders};
use super::pod::{self, RUN_LABEL};
use crate::agent::{Order, Phase, Said};
use crate::environment::{Environment, KubernetesTarget};
use crate::journal::{Entry, Journal, Undo};
use crate::mechanisms::kubernetes::act::{ObjectKind, OwnObject};
use crate::mechanisms::kubernetes::{self, Cluster};

/// A pod is scheduled, its image is there, its container starts, and everything but the change itself is put in place.
const ARMED_WITHIN: Duration = Duration::from_secs(40);
/// It looks at its Lease four times a second.
const INJECTED_WITHIN: Duration = Duration::from_secs(20);
const HEALED_WITHIN: Duration = Duration::from_secs(50);
const CLEAN_WITHIN: Duration = Duration::from_secs(60);
const READY_POLL: Duration = Duration::from_millis(100);

/// One firing, done by agents.
#[derive(Debug)]
pub(in crate::faults) struct Agents {
    kind: &'static str,
    plan: AgentPlan,
    cluster: Cluster,
    /// One for each node. Run id and deadline are filled in when they are sent.
    orders: Vec<Order>,
    sent: Option<Sent>,
}

/// Agents that exist.
#[derive(Debug)]
struct Sent {
    leash: Leash,
    crew: Crew,
    own: Vec<OwnObject>,
    /// Under which the journal knows them.
    label: String,
}

impl Agents {
    /// # Errors
    /// When a target has no pod that an agent could act on, or the profile has no agent.
    pub(in crate::faults) fn new(
        firing: &Firing,
        kind: &FaultKind,
        aim: &Aim,
        pods: &KubernetesTarget,
    ) -> Result<Agents, FaultError> {
        let not_possible = |reason: String| FaultError::NotPossible {
            fault: firing.label(),
            reason,
        };
        let plan = pods.plan().agent.clone();
        let plan = plan.ok_or_else(|| not_possible("the profile has no agent".to_string()))?;
        let orders = orders(firing, kind, aim, pods).map_err(not_possible)?;
        Ok(Agents {
            kind: kind.name(),
            plan,
            cluster: pods.cluster().clone(),
            orders,
            sent: None,
        })
    }

    /// They heal by themselves when it has lasted for much longer than this.
    pub(in crate::faults) fn last(&mut self, hold: Duration) {
        for order in &mut self.orders {
            order.deadline = orders::deadline(hold);
        }
    }

    pub(in crate::faults) fn name(&self) -> &'static str {
        self.kind
    }

    /// Names of the replicas that it acts on.
    pub(in crate::faults) fn names(&self) -> Vec<String> {
        let near = self.orders.iter().flat_map(|order| &order.near);
        near.map(|near| near.replica.clone()).collect()
    }

    pub(in crate::faults) fn targets(&self) -> Vec<FaultTarget> {
        let told = self.sent.iter().flat_map(|sent| sent.crew.targets());
        let told: Vec<FaultTarget> = told.collect();
        if !told.is_empty() {
            return told;
        }
        let near = self.orders.iter().flat_map(|order| &order.near);
        near.map(|near| FaultTarget {
            name: near.replica.clone(),
            role: near.role.clone(),
            handle: format!("pod {}", near.pod),
        })
        .collect()
    }

    pub(in crate::faults) fn mechanism(&self) -> String {
        let nodes: Vec<&str> = self.orders.iter().map(|it| it.node.as_str()).collect();
        let by = self.sent.as_ref().and_then(|sent| sent.crew.mechanism());
        let by = by.unwrap_or_else(|| self.kind.to_string());
        format!("agents on {}: {by}", nodes.join(", "))
    }

    /// Makes the agents, and returns when each of them has everything in place but the change itself.
    pub(in crate::faults) async fn arm(
        &mut self,
        fault: &str,
        strength: Strength,
        journal: &Journal,
    ) -> Result<(), FaultError> {
        let name = object_name(journal.run_id(), fault);
        let (run_id, namespace) = (journal.run_id(), &self.plan.namespace);
        for (number, order) in self.orders.iter_mut().enumerate() {
            let pod = pod::name(&name, number);
            orders::complete(order, run_id, strength, namespace, (&name, &pod));
        }
        let own = self.own_objects(&name, journal.run_id());
        let label = format!("agents of {fault}");
        let back = |own: &OwnObject| Undo::Cluster {
            name: own.to_string(),
            back: Box::new(kubernetes::Undo::delete(&self.cluster, own.clone())),
        };
        let intent = Entry::FaultIntent {
            fault: label.clone(),
            kind: "agents".to_string(),
            targets: self.names(),
            undo: own.iter().map(back).collect(),
        };
        record(fault, journal, &intent)?;
        let sent = match self.make(fault, &name, own.clone(), label.clone()).await {
            Ok(sent) => self.sent.insert(sent),
            Err(error) => {
                self.remove(fault, &own, label, journal).await?;
                return Err(error);
            }
        };
        let armed = |member: &Member| member.heard(|said| matches!(said, Said::Armed { .. }));
        let all = sent.crew.wait(ARMED_WITHIN, armed).await;
        match all {
            Ok(()) => Ok(()),
            Err(why) => {
                self.dismiss(fault, journal).await?;
                Err(FaultError::Agent {
                    fault: fault.to_string(),
                    why,
                })
            }
        }
    }

    fn own_objects(&self, name: &str, run_id: &str) -> Vec<OwnObject> {
        let own = |kind, name: String| OwnObject {
            kind,
            namespace: self.plan.namespace.clone(),
            name,
            label: (RUN_LABEL.to_string(), run_id.to_string()),
        };
        let pods = (0..self.orders.len()).map(|n| own(ObjectKind::Pod, pod::name(name, n)));
        let mut all: Vec<OwnObject> = pods.collect();
        let boards = self.orders.iter().filter_map(|order| order.board.clone());
        all.extend(boards.map(|board| own(ObjectKind::ConfigMap, board)));
        all.push(own(ObjectKind::Lease, name.to_string()));
        all
    }

    async fn make(
        &self,
        fault: &str,
        name: &str,
        own: Vec<OwnObject>,
        label: String,
    ) -> Result<Sent, FaultError> {
        let failed = |source| FaultError::Cluster {
            fault: fault.to_string(),
            source: Box::new(source),
        };
        let run_id = own
            .last()
            .map(|own| own.label.1.clone())
            .unwrap_or_default();
        let leash = Leash::hold(&self.cluster, &self.plan.namespace, name, &run_id);
        let leash = leash.await.map_err(failed)?;
        let mut members = Vec::new();
        for (number, order) in self.orders.iter().enumerate() {
            let (namespace, pod) = (&self.plan.namespace, pod::name(name, number));
            if let Some(board) = &order.board {
                let label = BTreeMap::from([(RUN_LABEL.to_string(), run_id.clone())]);
                let made = self
                    .cluster
                    .create_config_map(namespace, board, label, BTreeMap::new());
                made.await.map_err(failed)?;
            }
            let made = pod::pod(&self.plan, &pod, order, &run_id);
            let made = self.cluster.create(namespace, &made);
            made.await.map_err(failed)?;
            members.push(Member::new(&pod, &order.node, order.board.clone()));
        }
        Ok(Sent {
            leash,
            crew: Crew::hear(&self.cluster, &self.plan.namespace, members),
            own,
            label,
        })
    }

    pub(in crate::faults) async fn inject(&self, fault: &str) -> Result<(), FaultError> {
        let sent = self.sent(fault)?;
        let failed = |why| FaultError::Agent {
            fault: fault.to_string(),
            why,
        };
        let told = sent.leash.say(Phase::Inject).await;
        told.map_err(|error| failed(format!("the agents cannot be told to inject: {error}")))?;
        let injected = |member: &Member| member.heard(|said| matches!(said, Said::Injected { .. }));
        sent.crew
            .wait(INJECTED_WITHIN, injected)
            .await
            .map_err(failed)
    }

    /// What all of them have seen.
    pub(in crate::faults) async fn confirm(&self, until: Instant) -> Effect {
        let Some(sent) = &self.sent else {
            return Effect::not_seen("there is no agent");
        };
        let within = until.saturating_duration_since(Instant::now());
        let seen = |member: &Member| member.heard(|said| matches!(said, Said::Effect(_)));
        let all = sent.crew.wait(within, seen).await;
        let mut effect = sent.crew.effect();
        if let Err(why) = all {
            effect.confirmed = false;
            effect.text = match effect.text.is_empty() {
                true => why,
                false => format!("{}; {why}", effect.text),
            };
        }
        effect
    }

    pub(in crate::faults) async fn heal(&mut self, fault: &str) -> Result<(), FaultError> {
        let Some(sent) = &self.sent else {
            return Ok(());
        };
        let until = Instant::now() + HEALED_WITHIN;
        // Those who cannot be told heal by themselves, for want of a Lease.
        if let Err(error) = sent.leash.say_until(Phase::Heal, until).await {
            tracing::warn!("{fault}: {error}");
        }
        let healed = |member: &Member| member.is_healed();
        let within = until.saturating_duration_since(Instant::now());
        sent.crew
            .wait(within, healed)
            .await
            .map_err(|why| FaultError::Agent {
                fault: fault.to_string(),
                why,
            })
    }

    /// Waits for the word of each agent, removes what was made for them, and waits until the replicas serve again.
    pub(in crate::faults) async fn confirm_clean(
        &self,
        fault: &str,
        environment: &Environment,
        journal: &Journal,
    ) -> Result<(), NotClean> {
        let Some(sent) = &self.sent else {
            return Ok(());
        };
        let over = |member: &Member| member.is_over();
        let all = sent.crew.wait(CLEAN_WITHIN, over).await;
        let unclean = sent.crew.not_clean();
        if let Err(error) = self.dismiss(fault, journal).await {
            return Err(NotClean {
                left: Some(Leftover {
                    kind: LeftoverKind::Object,
                    what: error.to_string(),
                    remove_with: format!("shakedown recover {}", journal.run_id()),
                }),
                reason: error.to_string(),
            });
        }
        if let Some((left, reason)) = unclean {
            return Err(NotClean { left, reason });
        }
        if let Err(why) = all {
            return Err(NotClean {
                left: Some(Leftover {
                    kind: LeftoverKind::Fault,
                    what: format!("{fault}: nobody has said that it is gone: {why}"),
                    remove_with: format!("shakedown recover {}", journal.run_id()),
                }),
                reason: why,
            });
        }
        serve_again(&self.names(), environment).await
    }

    /// Removes what was made for the agents. They are given time to heal when they are still at it.
    async fn dismiss(&self, fault: &str, journal: &Journal) -> Result<(), FaultError> {
        let Some(sent) = &self.sent else {
            return Ok(());
        };
        sent.leash.let_go().await;
        self.remove(fault, &sent.own, sent.label.clone(), journal)
            .await
    }

    async fn remove(
        &self,
        fault: &str,
        all: &[OwnObject],
        label: String,
        journal: &Journal,
    ) -> Result<(), FaultError> {
        for own in all {
            let deleted = self.cluster.delete_own(own).await;
            deleted.map_err(|source| FaultError::Cluster {
                fault: fault.to_string(),
                source: Box::new(source),
            })?;
        }
        record(fault, journal, &Entry::FaultHealed { fault: label })
    }

    fn sent(&self, fault: &str) -> Result<&Sent, FaultError> {
        self.sent.as_ref().ok_or_else(|| FaultError::NotArmed {
            fault: fault.to_string(),
        })
    }
}

async fn serve_again(names: &[String], environment: &Environment) -> Result<(), NotClean> {
    let until = Instant::now() + CLEAN_WITHIN;
    loop {
        let mut behind = Vec::new();
        for name in names {
            let health = environment.health(name).await;
            if !health.is_some_and(|health| health.ready) {
                behind.push(name.as_str());
            }
        }
        if behind.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            let log = environment.log_end(behind[0]);
            return Err(NotClean {
                left: None,
                reason: format!("{} not ready as before; {log}", behind.join(", ")),
            });
        }
        tokio::time::sleep(READY_POLL).await;
    }
}

/// A name for objects: of what the API allows, and unlike that of any other firing.
fn object_name(run_id: &str, fault: &str) -> String {
    let plain = |text: &str| -> String {
        let fits = |c: char| match c {
            'a'..='z' | '0'..='9' => c,
            'A'..='Z' => c.to_ascii_lowercase(),
            _ => '-',
        };
        text.chars().map(fits).collect()
    };
    let (run, fault) = (plain(run_id), plain(fault));
    let run: String = run.chars().rev().take(12).collect();
    let run: String = run.chars().rev().collect();
    let fault: String = fault.chars().take(28).collect();
    let name = format!(
        "shakedown-{}-{}",
        run.trim_matches('-'),
        fault.trim_matches('-')
    );
    name.trim_matches('-').to_string()
}

fn record(fault: &str, journal: &Journal, entry: &Entry) -> Result<(), FaultError> {
    journal.record(entry).map_err(|source| FaultError::Journal {
        fault: fault.to_string(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::object_name;

    #[test]
    fn names_of_objects_are_such_as_the_api_allows() {
        let name = object_name("20260101T000000Z-Ab12Cd34", "leader-Dies_now#2");
        assert_eq!(name, "shakedown-00z-ab12cd34-leader-dies-now-2");
        let long = object_name("r", &"x".repeat(80));
        assert!(long.len() <= 52, "{long}");
        assert!(!object_name("r", "--").ends_with('-'));
    }
}
