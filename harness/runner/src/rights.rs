//! Which rights the runner's account needs for one plan: no more than its faults, its way to the pods and its proofs take.
//!
//! Pure: printed for whoever grants them, and asked for by a guard before anything is touched. Agents have an account of
//! their own, which is not looked at here.

mod of_faults;

use shakedown_scenarios::plan::{EnvironmentPlan, KubernetesEntry, KubernetesPlan, Plan};

use self::of_faults::{of_kind, of_selector};
use crate::drill;
use crate::isolation;
use crate::mechanisms::kubernetes::rights::{self, Account, Need, grants};
use crate::mechanisms::kubernetes::usage::right as rights_to_usage;
use crate::mechanisms::kubernetes::{Right, Scope};
use crate::workers;

/// What the account of the runner needs in the cluster of this plan, each right once for each thing that it is for, in a
/// stable order; `None` for an environment without a cluster.
pub fn needs(plan: &Plan) -> Option<Vec<Need>> {
    match &plan.environment {
        EnvironmentPlan::Kubernetes(cluster) => Some(in_cluster(plan, cluster)),
        EnvironmentPlan::Local { .. }
        | EnvironmentPlan::External(_)
        | EnvironmentPlan::Docker(_) => None,
    }
}

/// The least Roles for this plan, bound to an account, as YAML; `None` for an environment without a cluster.
pub fn manifest(plan: &Plan, account: &Account) -> Option<String> {
    let needs = needs(plan)?;
    let head = format!(
        "# The least that {account} needs to run the scenario {}. The account itself is not made by this.\n",
        plan.scenario.replace(char::is_control, " ")
    );
    Some(head + &grants(&role_name(&plan.scenario), account, &needs))
}

/// What an environment of pods needs.
pub(crate) fn in_cluster(plan: &Plan, cluster: &KubernetesPlan) -> Vec<Need> {
    let namespace = &cluster.namespace;
    let scope = Scope {
        pods: Some((namespace.clone(), String::new())),
        nodes: true,
    };
    let mut all = Vec::new();
    let mut add = |rights: Vec<Right>, what_for: String| {
        let need = |right| Need {
            right,
            what_for: what_for.clone(),
        };
        let new: Vec<Need> = rights.into_iter().map(need).collect();
        for need in new {
            if !all.contains(&need) {
                all.push(need);
            }
        }
    };
    add(
        rights::of_scope(&scope),
        "finding and following pods and nodes".to_string(),
    );
    if let KubernetesEntry::Service { name, .. } = &cluster.entry {
        let service = Right::namespaced("", "services", "get", namespace).named(name);
        add(vec![service], format!("orders through service {name}"));
    }
    if !cluster.cluster_uids.is_empty() {
        let home = Right::cluster("", "namespaces", "get").named("kube-system");
        add(vec![home], "the UID of the cluster".to_string());
    }
    add(
        drill::rights(plan),
        "one run at a time on the system, and a copy of its journal for `recover`".to_string(),
    );
    if plan.watches_resources() {
        let right = rights_to_usage(namespace);
        add(
            vec![right],
            "what the pods use, by the metrics API".to_string(),
        );
    }
    if let (2.., Some(agent)) = (plan.load.workers, &cluster.agent) {
        add(
            workers::rights(agent),
            "workers that make the load".to_string(),
        );
    }
    for (rule, wall) in plan.walls() {
        add(
            isolation::rights(wall, cluster),
            format!("pods that knock at doors (rule {rule})"),
        );
    }
    for fault in &plan.faults {
        let what_for = format!("fault {} ({})", fault.id, fault.kind.name());
        let mut rights = of_kind(fault, cluster);
        rights.extend(of_selector(&fault.to, namespace));
        add(rights, what_for);
    }
    all
}

/// A name for roles: of what the API allows.
fn role_name(scenario: &str) -> String {
    let fits = |c: char| match c {
        'a'..='z' | '0'..='9' => c,
        'A'..='Z' => c.to_ascii_lowercase(),
        _ => '-',
    };
    let name: String = scenario.chars().map(fits).take(200).collect();
    let name = format!("shakedown-{}", name.trim_matches('-'));
    name.trim_end_matches('-').to_string()
}

#[cfg(test)]
mod tests;
