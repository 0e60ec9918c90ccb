//! What of a plan decides how it is submitted. Pure.

use std::collections::BTreeMap;

use shakedown_scenarios::guards::planned_longest_ns;
use shakedown_scenarios::plan::{
    ActsOn, EnvironmentPlan, FaultKind, KubernetesPlan, Placed, Plan, SecretSource, Selector,
};

use super::error::SubmitError;
use super::submission::{Apart, Submission, name_of};

/// What a person chose; the rest comes from the plan.
impl Submission {
    /// A submission of a plan, without arguments.
    ///
    /// # Errors
    /// When the plan is for another environment, or for an image nobody names, or needs secrets that cannot be had in a
    /// cluster.
    pub fn of(
        plan: &Plan,
        run_id: &str,
        namespace: &str,
        account: &str,
        image: Option<&str>,
        env_from: &[String],
    ) -> Result<Submission, SubmitError> {
        let EnvironmentPlan::Kubernetes(cluster) = &plan.environment else {
            return Err(SubmitError::Usage(format!(
                "--in-cluster: the environment {} is not in a cluster; add --environment kubernetes",
                plan.environment.name()
            )));
        };
        let of_agent = cluster.agent.as_ref().map(|agent| agent.image.as_str());
        let image = image.or(of_agent).ok_or_else(|| {
            SubmitError::Usage(
                "--in-cluster: no image is known: name one whose entry point is shakedown by --in-cluster-image, or as \
                 agent.image in the profile"
                    .to_string(),
            )
        })?;
        secrets(&plan.system.secrets, namespace, env_from)?;
        Ok(Submission {
            name: name_of(run_id),
            namespace: namespace.to_string(),
            account: account.to_string(),
            image: image.to_string(),
            run_id: run_id.to_string(),
            files: BTreeMap::new(),
            arguments: Vec::new(),
            operator: None,
            env_from: env_from.to_vec(),
            apart: apart(cluster),
            must_be_apart: breaks_nodes(plan),
            longest_s: planned_longest_ns(plan).div_ceil(1_000_000_000),
        })
    }
}

/// Values of secrets never leave this machine: they must be in the cluster already.
fn secrets(
    secrets: &BTreeMap<String, SecretSource>,
    namespace: &str,
    env_from: &[String],
) -> Result<(), SubmitError> {
    let mut wrong = Vec::new();
    let mut wanted = Vec::new();
    for (name, source) in secrets {
        match source {
            SecretSource::Env(variable) => wanted.push(variable.as_str()),
            SecretSource::File(path) => wrong.push(format!("{name} is in the file {path}")),
            SecretSource::Command(words) => {
                wrong.push(format!("{name} comes from the command {}", words.join(" ")));
            }
        }
    }
    if !wrong.is_empty() {
        return Err(SubmitError::Usage(format!(
            "--in-cluster: {}, which the pod of the run does not have; write `{{ env: NAME }}` in the profile and name a \
             Secret that has the key NAME by --in-cluster-env-from",
            wrong.join("; ")
        )));
    }
    if wanted.is_empty() || !env_from.is_empty() {
        return Ok(());
    }
    let literals: Vec<String> = wanted
        .iter()
        .map(|name| format!("--from-literal={name}=..."))
        .collect();
    Err(SubmitError::Usage(format!(
        "--in-cluster: the profile takes secrets from {}, and values of secrets are never copied from here. Make a Secret \
         with these keys, `kubectl -n {namespace} create secret generic NAME {}`, and add --in-cluster-env-from NAME",
        wanted.join(", "),
        literals.join(" ")
    )))
}

fn apart(cluster: &KubernetesPlan) -> Vec<Apart> {
    let parts = cluster.parts.values();
    let one = |labels: &BTreeMap<String, String>| Apart {
        namespace: cluster.namespace.clone(),
        labels: labels.clone(),
    };
    parts.map(|part| one(&part.labels)).collect()
}

/// Whether a node may go, or a command of somebody else's may do whatever it likes to one.
fn breaks_nodes(plan: &Plan) -> bool {
    plan.faults.iter().any(|fault| {
        let on_nodes = match &fault.kind {
            FaultKind::Cluster(kind) => matches!(kind.acts_on(), ActsOn::Nodes),
            _ => false,
        };
        let placed = |to: &Selector| {
            matches!(
                to,
                Selector::Placed(Placed::Node(_)) | Selector::Placed(Placed::Zone(_))
            )
        };
        on_nodes || placed(&fault.to)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(all: &[(&str, SecretSource)], env_from: &[String]) -> Result<(), SubmitError> {
        let all = all
            .iter()
            .map(|(name, source)| ((*name).to_string(), source.clone()))
            .collect();
        secrets(&all, "shakedown", env_from)
    }

    #[test]
    fn secrets_are_asked_for_by_name_and_never_copied() {
        let token = SecretSource::Env("ENGINE_TOKEN".to_string());
        let said = told(&[("token", token.clone())], &[]).unwrap_err();
        assert_eq!(said.exit().code(), 64);
        let said = said.to_string();
        for word in [
            "ENGINE_TOKEN",
            "--in-cluster-env-from",
            "create secret generic",
        ] {
            assert!(said.contains(word), "{said}");
        }
        let named = ["engine".to_string()];
        assert!(told(&[("token", token)], &named).is_ok());
        assert!(told(&[], &[]).is_ok());
        let file = SecretSource::File("/etc/token".to_string());
        let said = told(&[("token", file)], &named).unwrap_err().to_string();
        assert!(said.contains("/etc/token"), "{said}");
    }
}
