//! Guards that have to look at containers. Looking is all that is done.

use std::collections::BTreeMap;

use shakedown_scenarios::guards::protected_refusals;
use shakedown_scenarios::plan::{DockerPlan, Endpoints, Plan};

use super::Refusal;
use crate::environment::{Found, discover};
use crate::error::RunError;
use crate::mechanisms::docker::Engine;

/// Where the containers are reached.
///
/// # Errors
/// [`RunError::Refused`] when a fault is sure to touch a protected one; when they cannot be found.
pub(super) async fn endpoints(plan: &Plan, docker: &DockerPlan) -> Result<Endpoints, RunError> {
    let engine = Engine::of_environment().await;
    let engine = engine.map_err(|error| RunError::Environment(error.into()))?;
    let found = discover(&engine, &plan.system, docker).await?;
    refuse_protected(plan, &found)?;
    let mut parts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for found in found {
        let of_part = parts.entry(found.replica.part).or_default();
        of_part.push(found.replica.base_url);
    }
    Ok(Endpoints {
        entry: docker.entry.clone(),
        parts,
        not_production: docker.not_production.clone(),
    })
}

fn refuse_protected(plan: &Plan, found: &[Found]) -> Result<(), Refusal> {
    let labels = |found: &Found| (found.replica.name.clone(), found.look.labels.clone());
    let mut known = plan.clone();
    known.guards.protected.carried = found.iter().map(labels).collect();
    match protected_refusals(&known).into_iter().next() {
        Some(refusal) => Err(refusal.into()),
        None => Ok(()),
    }
}
