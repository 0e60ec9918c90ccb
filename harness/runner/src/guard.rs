//! Guards: what must hold before anything is touched. A guard that refuses leaves no trace at the target.
//!
//! What a plan, a clock and calendars decide is decided in `shakedown_scenarios::guards`; here the target is asked for
//! its proof, and a person's overruling goes on record.

mod cluster;
mod containers;
mod pods;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use shakedown_load::http::Vars;
use shakedown_load::secret::Secrets;
use shakedown_record::event::Event;
use shakedown_scenarios::guards::{self, Calendars, Circumstances, Down, Guard};
use shakedown_scenarios::plan::{Endpoints, EnvironmentPlan, FaultPlan, Plan, ProofOfTarget};

use crate::error::RunError;
use crate::probes::{Client, https};

pub use cluster::prove_faults_can_stay;

/// How long a proof may take.
const PROOF_TIMEOUT: Duration = Duration::from_secs(5);

/// A guard refused. Nothing was touched: exit 77.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{guard}: {reason}")]
pub struct Refusal {
    pub guard: String,
    pub reason: String,
}

impl Refusal {
    pub(crate) fn new(guard: &str, reason: String) -> Self {
        Self {
            guard: guard.to_string(),
            reason,
        }
    }
}

impl From<guards::Refusal> for Refusal {
    fn from(refusal: guards::Refusal) -> Self {
        Self::new(refusal.guard.name(), refusal.to_string())
    }
}

/// What the guards have to know beyond the plan, and what a person says to them.
#[derive(Debug, Clone, Default)]
pub struct Guarded {
    /// By the reference that the plan uses.
    pub calendars: Calendars,
    pub overrides: Vec<Override>,
}

/// A guard that a person overrules for one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub guard: Guard,
    pub reason: String,
    /// Who says so.
    pub operator: String,
}

impl Guarded {
    /// The guards that are overruled.
    pub fn overridden(&self) -> BTreeSet<Guard> {
        let guards = self.overrides.iter().map(|it| it.guard);
        guards.filter(|guard| guard.can_be_overridden()).collect()
    }
}

/// The guards that need no more than the plan, a clock and calendars. Gives what has to be put on record: every
/// overruling, with what the guard saw.
///
/// # Errors
/// The first that refuses and is not overruled; its reason names the others.
pub fn check(plan: &Plan, guarded: &Guarded, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    let circumstances = Circumstances {
        now,
        calendars: &guarded.calendars,
    };
    let overridden = guarded.overridden();
    let (overruled, standing): (Vec<_>, Vec<_>) = guards::refusals(plan, &circumstances)
        .into_iter()
        .partition(|refusal| overridden.contains(&refusal.guard));
    let mut standing = standing.into_iter();
    if let Some(first) = standing.next() {
        let others = standing.map(|other| format!("\n  also {}: {other}", other.guard));
        let mut refusal = Refusal::from(first);
        refusal.reason.extend(others);
        return Err(refusal);
    }
    let record = |it: &Override| {
        let seen = overruled.iter().filter(|refusal| refusal.guard == it.guard);
        let seen: Vec<&str> = seen.map(|refusal| refusal.saw.as_str()).collect();
        Event::GuardOverridden {
            guard: it.guard.name().to_string(),
            reason: it.reason.clone(),
            operator: it.operator.clone(),
            saw: (!seen.is_empty()).then(|| seen.join("; ")),
        }
    };
    Ok(guarded.overrides.iter().map(record).collect())
}

/// The guards on a firing, now that its targets have names, while others are on.
///
/// # Errors
/// The guard that says no.
pub(crate) fn at_fire(
    plan: &Plan,
    (fault, names): (&FaultPlan, &[String]),
    on: &[(&str, &[String])],
    overridden: &BTreeSet<Guard>,
) -> Result<(), Refusal> {
    for name in names {
        let part = name.rsplit_once('-').map_or("", |(part, _)| part);
        if let Some(why) = protected(plan, name, part) {
            return Err(Refusal::new(Guard::Protected.name(), why));
        }
    }
    let new = Down {
        fault,
        names: names.to_vec(),
    };
    let on: Vec<Down> = on
        .iter()
        .filter_map(|(id, names)| {
            let fault = plan.faults.iter().find(|fault| fault.id == *id)?;
            Some(Down {
                fault,
                names: names.to_vec(),
            })
        })
        .collect();
    Ok(guards::room_for(plan, &new, &on, overridden)?)
}

/// Why a replica may not be touched; `None` when it may. Labels are those that its container was found to carry.
pub(crate) fn protected(plan: &Plan, name: &str, part: &str) -> Option<String> {
    let labels = std::collections::BTreeMap::new();
    guards::protection(&plan.guards.protected, name, part, &labels)
}

/// Asks every address that orders or reads will go to for every proof that it is not production.
///
/// Containers are found first, and no fault of the plan may be sure to touch one that is protected by its labels.
///
/// # Errors
/// [`RunError::Refused`] when an answer does not prove it, [`RunError::Unreachable`] when there is no answer.
pub async fn prove_not_production(secrets: &Arc<Secrets>, plan: &Plan) -> Result<(), RunError> {
    let endpoints = match &plan.environment {
        EnvironmentPlan::Local { .. } => return Ok(()),
        EnvironmentPlan::External(endpoints) => endpoints,
        EnvironmentPlan::Kubernetes(cluster) => &pods::endpoints(plan, cluster).await?,
        EnvironmentPlan::Docker(docker) => &containers::endpoints(plan, docker).await?,
    };
    let bases = bases(plan, endpoints);
    let https = https(plan, bases.iter().copied());
    let client = Client::new(&plan.system.auth, Arc::clone(secrets), https.as_ref())?;
    for base in bases {
        for proof in &endpoints.not_production {
            prove(&client, base, proof).await?;
        }
    }
    Ok(())
}

/// Every entry, and every replica of the part that takes orders, each once.
fn bases<'a>(plan: &Plan, endpoints: &'a Endpoints) -> Vec<&'a String> {
    let engine = plan.system.parts.first().map(|part| &part.name);
    let replicas = engine.and_then(|name| endpoints.parts.get(name));
    let mut bases: Vec<&String> = endpoints.entry.iter().collect();
    bases.extend(replicas.into_iter().flatten());
    let mut seen = BTreeSet::new();
    bases.retain(|base| seen.insert(base.as_str()));
    bases
}

async fn prove(client: &Client, base: &str, proof: &ProofOfTarget) -> Result<(), RunError> {
    let vars = Vars::default();
    let sent = client.send(base, &proof.get, &vars, PROOF_TIMEOUT);
    let reply = match sent.await {
        Ok(reply) => reply,
        Err(error) => return Err(RunError::Unreachable(error.to_string())),
    };
    let json = reply.json().filter(|_| reply.is_success());
    let proven = json.is_some_and(|json| {
        let mut conditions = proof.conditions.iter();
        !proof.conditions.is_empty() && conditions.all(|condition| condition.holds(&json))
    });
    if proven {
        return Ok(());
    }
    let wanted: Vec<String> = proof
        .conditions
        .iter()
        .map(|condition| condition.pointer.0.clone())
        .collect();
    Err(RunError::Refused(Refusal::new(
        "not-production",
        format!(
            "{base} does not prove that it is not production: wanted {} to be as the profile says; {}",
            wanted.join(", "),
            client.excerpt(&reply)
        ),
    )))
}

#[cfg(test)]
mod tests;
