//! Guards that have to look at a cluster. Looking is all that is done.

use std::collections::BTreeMap;

use shakedown_scenarios::guards::{Guard, protected_refusals};
use shakedown_scenarios::plan::{Endpoints, KubernetesPlan, Plan};

use super::Refusal;
use crate::environment::{EnvironmentError, connect, pods_of, service_urls};
use crate::error::RunError;
use crate::mechanisms::kubernetes::rights::Need;
use crate::mechanisms::kubernetes::{Cluster, ClusterError, Right, missing};
use crate::rights;

/// Namespaces of the cluster itself: no fault is ever aimed into one.
const OF_THE_CLUSTER: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// Where the pods are reached, once the account is known to suffice, and the cluster itself has been recognised.
///
/// # Errors
/// [`RunError::Refused`] when the account lacks a right, when it is another cluster than the profile names, or a fault is
/// sure to touch a protected pod; when pods cannot be found.
pub(super) async fn endpoints(plan: &Plan, of: &KubernetesPlan) -> Result<Endpoints, RunError> {
    if OF_THE_CLUSTER.contains(&of.namespace.as_str()) {
        return Err(RunError::Refused(Refusal::new(
            Guard::Protected.name(),
            format!("namespace {} belongs to the cluster itself", of.namespace),
        )));
    }
    let cluster = connect(of).await?;
    // What is forbidden would otherwise be met with by whatever asks first.
    may_do_all(&cluster, plan, of).await?;
    if !of.cluster_uids.is_empty() {
        let uid = cluster
            .uid()
            .await
            .map_err(|error| RunError::Environment(EnvironmentError::from(error)))?;
        if !of.cluster_uids.contains(&uid) {
            return Err(RunError::Refused(Refusal::new(
                Guard::NotProduction.name(),
                format!(
                    "{} has the UID {uid}, and the profile names {} as not production",
                    cluster.describe(),
                    of.cluster_uids.join(", ")
                ),
            )));
        }
    }
    let found = pods_of(&cluster, &plan.system, of).await?;
    let mut known = plan.clone();
    let labels = found
        .iter()
        .map(|pod| (pod.replica.name.clone(), pod.look.labels.clone()));
    known.guards.protected.carried = labels.collect();
    if let Some(refusal) = protected_refusals(&known).into_iter().next() {
        return Err(RunError::Refused(refusal.into()));
    }
    let mut parts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pod in found {
        let of_part = parts.entry(pod.replica.part.clone()).or_default();
        of_part.push(format!("http://{}", pod.address));
    }
    Ok(Endpoints {
        entry: service_urls(&cluster, of).await?,
        parts,
        not_production: of.not_production.clone(),
    })
}

/// Asks for every right that the plan needs.
async fn may_do_all(cluster: &Cluster, plan: &Plan, of: &KubernetesPlan) -> Result<(), RunError> {
    let needs = rights::in_cluster(plan, of);
    let mut wanted: Vec<Right> = needs.iter().map(|need| need.right.clone()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    match missing(cluster, &wanted).await {
        Ok(missing) if missing.is_empty() => Ok(()),
        Ok(missing) => Err(RunError::Refused(lacking(&missing, &needs, &plan.scenario))),
        Err(error) => Err(not_told(error)),
    }
}

/// Each right that is missing by its name, with what it is for.
fn lacking(missing: &[Right], needs: &[Need], scenario: &str) -> Refusal {
    let line = |right: &Right| {
        let of_right = needs.iter().filter(|need| need.right == *right);
        let what_for: Vec<&str> = of_right.map(|need| need.what_for.as_str()).collect();
        format!("\n  {right}: for {}", what_for.join("; "))
    };
    let lines: String = missing.iter().map(line).collect();
    let rights = match missing {
        [_] => "a right",
        _ => "rights",
    };
    Refusal::new(
        Guard::Rights.name(),
        format!(
            "this account lacks {rights}:{lines}\nGrant what is missing: `shakedown plan SCENARIO --environment kubernetes \
             --rights --account NAMESPACE/NAME` prints the least Roles for {scenario}. Or use an account that has it"
        ),
    )
}

/// Rights that nobody tells cannot be taken for granted.
fn not_told(error: ClusterError) -> RunError {
    match error {
        ClusterError::Forbidden { .. } => RunError::Refused(Refusal::new(
            Guard::Rights.name(),
            format!(
                "the cluster does not let this account ask for its own rights, so what it lacks would show only when a \
                 fault is half done: {error} (every account has it by the ClusterRole system:basic-user, unless somebody \
                 took that away)"
            ),
        )),
        other => RunError::Environment(EnvironmentError::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanisms::kubernetes::Ask;

    #[test]
    fn every_missing_right_is_named_with_what_it_is_for() {
        let right = |verb| Right::namespaced("", "pods", verb, "stg");
        let need = |right: &Right, what_for: &str| Need {
            right: right.clone(),
            what_for: what_for.to_string(),
        };
        let (list, delete) = (right("list"), right("delete"));
        let needs = [
            need(&list, "watching"),
            need(&delete, "fault a (delete)"),
            need(&delete, "fault b (delete)"),
        ];
        let one = lacking(std::slice::from_ref(&delete), &needs, "it");
        assert_eq!(one.guard, "rights");
        let said = "this account lacks a right:\n  delete pods in stg: for fault a (delete); fault b (delete)\n";
        assert!(one.reason.starts_with(said), "{one}");
        assert!(one.reason.contains("--rights"), "{one}");
        let both = lacking(&[list, delete], &needs, "it").reason;
        assert!(both.contains("lacks rights:\n  list pods in stg"), "{both}");
        assert!(both.contains("\n  delete pods in stg"), "{both}");
    }

    #[test]
    fn a_cluster_that_does_not_tell_rights_is_refused_and_a_silent_one_is_unavailable() {
        let forbidden = not_told(ClusterError::Forbidden {
            verb: "create".to_string(),
            resource: "selfsubjectaccessreviews".into(),
            namespace: None,
            why: "no".into(),
        });
        let RunError::Refused(refusal) = forbidden else {
            panic!("{forbidden}");
        };
        assert!(refusal.reason.contains("does not let this account ask"));
        assert!(
            refusal.reason.contains("selfsubjectaccessreviews"),
            "{refusal}"
        );
        let silent = not_told(ClusterError::Timeout {
            server: "https://c".to_string(),
            ask: Ask::many("create", "selfsubjectaccessreviews", None),
            within_ms: 1,
        });
        assert!(matches!(silent, RunError::Environment(_)), "{silent}");
    }
}
