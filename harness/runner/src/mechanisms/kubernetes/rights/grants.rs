//! Roles with what they are for, bound to an account: what somebody applies who wants to grant them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::Right;
use super::roles::{role, scalar};

/// A right, and what it is needed for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    pub right: Right,
    /// In words, such as `orders through service engine-orders`.
    pub what_for: String,
}

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub namespace: String,
    pub name: String,
}

/// The text names no account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected NAMESPACE/NAME of a service account, in lower-case letters, digits and '-', such as \
     shakedown/shakedown-runner"
)]
pub struct NoAccount;

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl FromStr for Account {
    type Err = NoAccount;

    fn from_str(text: &str) -> Result<Account, NoAccount> {
        let (namespace, name) = text.split_once('/').ok_or(NoAccount)?;
        match is_label(namespace) && name.len() <= 253 && name.split('.').all(is_label) {
            true => Ok(Account {
                namespace: namespace.to_string(),
                name: name.to_string(),
            }),
            false => Err(NoAccount),
        }
    }
}

/// A label of DNS, as names of namespaces are.
fn is_label(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(fits)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// For each namespace a Role and its binding, and a ClusterRole with its binding for the rest; all of this name, as YAML
/// in a stable order. Above each role stands what it is for.
pub fn grants(name: &str, account: &Account, needs: &[Need]) -> String {
    let mut places: BTreeMap<Option<&str>, Vec<&Need>> = BTreeMap::new();
    for need in needs {
        let place = places.entry(need.right.namespace.as_deref()).or_default();
        place.push(need);
    }
    let documents = places.into_iter().flat_map(|(namespace, needs)| {
        let rights: Vec<&Right> = needs.iter().map(|need| &need.right).collect();
        let role = role(name, namespace, &rights);
        [
            format!("# For {}.\n{role}", what_for(&needs)),
            binding(name, namespace, account),
        ]
    });
    documents.collect::<Vec<_>>().join("---\n")
}

/// Each purpose once, in the order of the needs, on one line.
fn what_for(needs: &[&Need]) -> String {
    let mut all: Vec<&str> = Vec::new();
    for need in needs {
        if !all.contains(&need.what_for.as_str()) {
            all.push(&need.what_for);
        }
    }
    all.join("; ").replace(char::is_control, " ")
}

fn binding(name: &str, namespace: Option<&str>, account: &Account) -> String {
    let (kind, of) = match namespace {
        Some(_) => ("RoleBinding", "Role"),
        None => ("ClusterRoleBinding", "ClusterRole"),
    };
    let place = namespace.map(|it| format!("  namespace: {}\n", scalar(it)));
    let (name, place) = (scalar(name), place.unwrap_or_default());
    let (who, home) = (scalar(&account.name), scalar(&account.namespace));
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\n\
         kind: {kind}\n\
         metadata:\n  name: {name}\n{place}\
         roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: {of}\n  name: {name}\n\
         subjects:\n  - kind: ServiceAccount\n    name: {who}\n    namespace: {home}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_says_what_it_is_for_and_is_bound_to_the_account() {
        let need = |right: Right, what_for: &str| Need {
            right,
            what_for: what_for.to_string(),
        };
        let needs = [
            need(Right::namespaced("", "pods", "list", "stg"), "watching"),
            need(Right::cluster("", "nodes", "list"), "watching"),
            need(Right::namespaced("", "pods", "watch", "stg"), "watching"),
            need(Right::namespaced("", "pods", "delete", "stg"), "fault a\nb"),
        ];
        let account = "ops/runner-1".parse().unwrap();
        let wanted = r#"# For watching.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: shakedown-it
rules:
  - apiGroups: [""]
    resources: [nodes]
    verbs: [list]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: shakedown-it
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: shakedown-it
subjects:
  - kind: ServiceAccount
    name: "runner-1"
    namespace: ops
---
# For watching; fault a b.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: shakedown-it
  namespace: stg
rules:
  - apiGroups: [""]
    resources: [pods]
    verbs: [delete, list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: shakedown-it
  namespace: stg
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: shakedown-it
subjects:
  - kind: ServiceAccount
    name: "runner-1"
    namespace: ops
"#;
        assert_eq!(grants("shakedown-it", &account, &needs), wanted);
        assert_eq!(grants("shakedown-it", &account, &[]), "");
    }

    #[test]
    fn an_account_has_a_namespace_and_a_name() {
        let account: Account = "shakedown/runner.ci".parse().unwrap();
        assert_eq!(account.to_string(), "shakedown/runner.ci");
        for wrong in ["runner", "/runner", "a/", "a/b/c", "A/b", "a/-b", "a/b: c"] {
            assert_eq!(wrong.parse::<Account>(), Err(NoAccount), "{wrong}");
        }
    }
}
