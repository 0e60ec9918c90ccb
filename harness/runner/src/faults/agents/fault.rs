//! One firing, through its whole life, as agents do it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use shakedown_record::event::{Leftover, LeftoverKind};
use shakedown_record::fault::{Effect, FaultTarget, Firing};
use shakedown_scenarios::plan::{AgentPlan, FaultKind};
use tokio::time::Instant;

use super::super::aim::Aim;
use super::super::error::{FaultError, NotClean};
use super::super::strength::Strength;
use super::again::serve_again;
use super::crew::{Crew, Member};
use super::leash::Leash;
use super::names::object_name;
use super::orders::{self, orders};
use super::pod;
use super::ways::{self, Ways};
use crate::agent::{EndedBy, NearTarget, Order, Phase, Said};
use crate::drill::RUN_LABEL;
use crate::environment::{Environment, KubernetesTarget};
use crate::journal::{Entry, Journal, Undo};
use crate::mechanisms::kubernetes::act::{ObjectKind, OwnObject};
use crate::mechanisms::kubernetes::{self, Cluster, GONE_WITHIN, Replayed};

/// A pod is scheduled, its image is there, its container starts, and everything but the change itself is put in place.
const ARMED_WITHIN: Duration = Duration::from_secs(40);
/// It looks at its Lease four times a second.
const INJECTED_WITHIN: Duration = Duration::from_secs(20);
const HEALED_WITHIN: Duration = Duration::from_secs(50);
const CLEAN_WITHIN: Duration = Duration::from_secs(60);

/// One firing, done by agents.
#[derive(Debug)]
pub(in crate::faults) struct Agents {
    kind: &'static str,
    plan: AgentPlan,
    cluster: Cluster,
    namespace: String,
    /// One for each node. Run id and deadline are filled in when they are sent.
    orders: Vec<Order>,
    /// So many of them are for the targets; those that follow are for the other end of a link.
    first: usize,
    /// Services at the other end.
    services: Vec<String>,
    /// Replicas at the other end, should something have to be done there.
    second: Result<BTreeMap<String, Vec<NearTarget>>, String>,
    /// Services by which what is meant goes on as before.
    past: Vec<String>,
    sent: Option<Sent>,
    /// In words, when one of them had taken it back before it was told to.
    early: Option<String>,
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
        let services = aim.far.iter().flat_map(|far| far.services.clone());
        Ok(Agents {
            kind: kind.name(),
            plan,
            cluster: pods.cluster().clone(),
            namespace: pods.plan().namespace.clone(),
            first: orders.len(),
            orders,
            services: services.collect(),
            second: orders::far_by_node(aim, pods),
            past: Vec::new(),
            sent: None,
            early: None,
        })
    }

    /// Looks up the services by which the far end is spoken to, now that the fault fires.
    async fn find_ways(&mut self, fault: &str) -> Result<(), FaultError> {
        let not_possible = |reason: String| FaultError::NotPossible {
            fault: fault.to_string(),
            reason,
        };
        let is_link = |order: &Order| order.far.as_ref().is_some_and(|far| far.clients.is_none());
        if !self.orders.iter().any(is_link) {
            return Ok(());
        }
        let ways = Ways::look(&self.cluster, &self.namespace).await;
        let ways = ways.map_err(|source| FaultError::Cluster {
            fault: fault.to_string(),
            source: Box::new(source),
        })?;
        let near = self.orders.iter().flat_map(|order| &order.near);
        let near: BTreeSet<IpAddr> = near.map(|it| it.ip.into()).collect();
        let reach = ways::by_services(&mut self.orders, &ways);
        self.past = reach.past;
        if reach.both_ends {
            let second = self.second.clone().map_err(not_possible)?;
            let mut second = ways::second_end(&self.orders, second, &ways);
            for far in self.orders.iter_mut().flat_map(|order| &mut order.far) {
                far.there_too = !second.is_empty();
            }
            self.orders.append(&mut second);
        }
        for name in &self.services {
            let service = ways.service(name, &near).map_err(not_possible)?;
            for far in self.orders.iter_mut().flat_map(|order| &mut order.far) {
                far.replicas.push(service.clone());
            }
        }
        Ok(())
    }

    fn of_targets(&self) -> impl Iterator<Item = &NearTarget> {
        let first = self.orders.iter().take(self.first);
        first.flat_map(|order| &order.near)
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
        self.of_targets().map(|near| near.replica.clone()).collect()
    }

    pub(in crate::faults) fn targets(&self) -> Vec<FaultTarget> {
        let told = self
            .sent
            .iter()
            .flat_map(|sent| sent.crew.targets(self.first));
        let told: Vec<FaultTarget> = told.collect();
        if !told.is_empty() {
            return told;
        }
        let target = |near: &NearTarget| FaultTarget {
            name: near.replica.clone(),
            role: near.role.clone(),
            handle: format!("pod {}", near.pod),
        };
        self.of_targets().map(target).collect()
    }

    pub(in crate::faults) fn mechanism(&self) -> String {
        let nodes: Vec<&str> = self.orders.iter().map(|it| it.node.as_str()).collect();
        let by = self.sent.as_ref().and_then(|sent| sent.crew.mechanism());
        let by = by.unwrap_or_else(|| self.kind.to_string());
        let past = match self.past.as_slice() {
            [] => String::new(),
            past => format!(
                "; what goes by the address of service {}, which means others too, goes on as before",
                past.join(", ")
            ),
        };
        format!("agents on {}: {by}{past}", nodes.join(", "))
    }

    /// Makes the agents, and returns when each of them has everything in place but the change itself.
    pub(in crate::faults) async fn arm(
        &mut self,
        fault: &str,
        strength: Strength,
        journal: &Journal,
    ) -> Result<(), FaultError> {
        self.find_ways(fault).await?;
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
        if self.orders.len() > self.first && ways::nothing_was_hit(&effect) {
            effect.confirmed = false;
            effect.text = format!("at neither end a packet was hit; {}", effect.text);
        }
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
        self.early = sent.crew.ended_for(|_| true);
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
        let was_killed = |why| why == EndedBy::Restarted;
        let early = self.early.clone();
        let early = early.or_else(|| sent.crew.ended_for(was_killed));
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
        serve_again(&self.names(), environment).await?;
        match early {
            None => Ok(()),
            Some(why) => Err(NotClean {
                left: None,
                reason: format!("it was over before it was healed: {why}"),
            }),
        }
    }

    /// Removes what was made for the agents, and waits until it is gone. They are given time to heal when they are still
    /// at it.
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
        let failed = |source| FaultError::Cluster {
            fault: fault.to_string(),
            source: Box::new(source),
        };
        // All of them end at the same time.
        let mut ending = Vec::new();
        for own in all {
            match self.cluster.delete_own(own).await.map_err(failed)? {
                Replayed::Done | Replayed::NothingToDo => ending.push(own),
                Replayed::Foreign(_) => {}
            }
        }
        let until = Instant::now() + GONE_WITHIN;
        for own in ending {
            let left = until.saturating_duration_since(Instant::now());
            self.cluster.gone(own, left).await.map_err(failed)?;
        }
        record(fault, journal, &Entry::FaultHealed { fault: label })
    }

    fn sent(&self, fault: &str) -> Result<&Sent, FaultError> {
        self.sent.as_ref().ok_or_else(|| FaultError::NotArmed {
            fault: fault.to_string(),
        })
    }
}

fn record(fault: &str, journal: &Journal, entry: &Entry) -> Result<(), FaultError> {
    journal.record(entry).map_err(|source| FaultError::Journal {
        fault: fault.to_string(),
        source,
    })
}
