//! Guards: what must hold before anything is touched. A guard that refuses leaves no trace at the target.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use shakedown_load::http::Vars;
use shakedown_load::secret::Secrets;
use shakedown_scenarios::plan::{Endpoints, EnvironmentPlan, Plan, ProofOfTarget};

use crate::error::RunError;
use crate::probes::Client;

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

/// The guards that need no more than the plan.
///
/// # Errors
/// The first that refuses.
pub fn check_plan(plan: &Plan) -> Result<(), Refusal> {
    let rate_per_s = plan.load.arrival.rate_per_s();
    if let Some(ceiling) = plan.system.ceilings.orders_per_s
        && rate_per_s > ceiling
    {
        return Err(Refusal::new(
            "ceilings",
            format!("the load is {rate_per_s} orders/s and the profile allows {ceiling}/s"),
        ));
    }
    let EnvironmentPlan::External(endpoints) = &plan.environment else {
        return Ok(());
    };
    if endpoints.not_production.is_empty() {
        return Err(Refusal::new(
            "not-production",
            "the profile has no proof that this target is not production; add `not-production`"
                .to_string(),
        ));
    }
    match plan.faults.first() {
        Some(fault) => Err(Refusal::new(
            "reach",
            format!(
                "fault '{}' needs processes that Shakedown can reach, and of an external environment it knows \
                 addresses only",
                fault.id
            ),
        )),
        None => Ok(()),
    }
}

/// Asks every address that orders or reads will go to for every proof that it is not production.
///
/// # Errors
/// [`RunError::Refused`] when an answer does not prove it, [`RunError::Unreachable`] when there is no answer.
pub async fn prove_not_production(secrets: &Arc<Secrets>, plan: &Plan) -> Result<(), RunError> {
    let endpoints = match &plan.environment {
        EnvironmentPlan::Local { .. } => return Ok(()),
        EnvironmentPlan::External(endpoints) => endpoints,
    };
    let bases = bases(plan, endpoints);
    let https = bases.iter().any(|base| base.starts_with("https:"));
    let client = Client::new(&plan.system.auth, Arc::clone(secrets), https)?;
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
