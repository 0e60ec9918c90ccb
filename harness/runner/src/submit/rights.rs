//! What whoever submits a run needs. The run's own account is another one.

use super::submission::Submission;
use crate::mechanisms::kubernetes::Right;
use crate::mechanisms::kubernetes::rights::{Account, Need, roles};

/// Each right with what it is for.
pub fn needs(namespace: &str, account: &str) -> Vec<Need> {
    let right = |group: &str, resource: &str, verb: &str| {
        Right::namespaced(group, resource, verb, namespace)
    };
    let need = |right: Right, what_for: &str| Need {
        right,
        what_for: what_for.to_string(),
    };
    vec![
        need(
            right("", "namespaces", "get").named(namespace),
            "seeing that the namespace is there",
        ),
        need(
            right("", "serviceaccounts", "get").named(account),
            "seeing that the account of the run is there",
        ),
        need(right("batch", "jobs", "create"), "submitting the run"),
        need(right("batch", "jobs", "get"), "taking the run away"),
        need(right("batch", "jobs", "delete"), "taking the run away"),
        need(
            right("", "configmaps", "create"),
            "handing scenario and profile on",
        ),
        need(right("", "configmaps", "get"), "taking the run away"),
        need(right("", "pods", "get"), "following the run"),
        need(right("", "pods", "list"), "following the run"),
        need(right("", "pods", "get").part("log"), "following the run"),
        need(
            right("", "pods", "get").part("exec"),
            "fetching the run directory",
        ),
        need(
            right("", "pods", "create").part("exec"),
            "fetching the run directory",
        ),
    ]
}

/// The Role of whoever submits, as YAML; it is for people to bind.
pub fn manifest(account: &Account) -> String {
    let needs = needs(&account.namespace, &account.name);
    let rights: Vec<Right> = needs.into_iter().map(|need| need.right).collect();
    format!(
        "# For whoever submits runs with --in-cluster: bind it to them, for example\n\
         #   kubectl -n {} create rolebinding shakedown-submitter --role shakedown-submitter --user NAME\n\
         # It is worth as much as the account {account}: whoever has it can run anything as that.\n{}",
        account.namespace,
        roles("shakedown-submitter", &rights)
    )
}

pub(super) fn of_submission(of: &Submission) -> Vec<Need> {
    needs(&of.namespace, &of.account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_is_of_one_namespace_and_holds_no_secret() {
        let text = manifest(&"ops/runner".parse().unwrap());
        assert!(text.contains("kind: Role\n"), "{text}");
        assert!(!text.contains("ClusterRole"), "{text}");
        assert!(!text.contains("secrets"), "{text}");
        assert!(text.contains("pods/exec"), "{text}");
        assert!(text.contains("namespace: ops"), "{text}");
    }
}
