//! The least Roles that give some rights, as YAML.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::Right;

/// A rule of a Role.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rule {
    group: String,
    resources: BTreeSet<String>,
    names: BTreeSet<String>,
    verbs: BTreeSet<String>,
}

/// One Role for each namespace and one ClusterRole for the rest, of this name, in a stable order, with rules that are
/// alike merged. Nothing without rights.
pub fn roles(name: &str, rights: &[Right]) -> String {
    let mut places: BTreeMap<Option<&str>, Vec<&Right>> = BTreeMap::new();
    for right in rights {
        let rights = places.entry(right.namespace.as_deref()).or_default();
        rights.push(right);
    }
    let documents = places
        .into_iter()
        .map(|(namespace, rights)| role(name, namespace, &rights));
    documents.collect::<Vec<_>>().join("---\n")
}

/// The Role that gives rights in one namespace, or the ClusterRole that gives those of none.
pub(super) fn role(name: &str, namespace: Option<&str>, rights: &[&Right]) -> String {
    let mut text = "apiVersion: rbac.authorization.k8s.io/v1\n".to_string();
    text += match namespace {
        Some(_) => "kind: Role\n",
        None => "kind: ClusterRole\n",
    };
    let _ = writeln!(text, "metadata:\n  name: {}", scalar(name));
    if let Some(namespace) = namespace {
        let _ = writeln!(text, "  namespace: {}", scalar(namespace));
    }
    text += "rules:\n";
    for rule in rules(rights) {
        let _ = writeln!(text, "  - apiGroups: [\"{}\"]", rule.group);
        let _ = writeln!(text, "    resources: [{}]", list(&rule.resources));
        if !rule.names.is_empty() {
            let _ = writeln!(text, "    resourceNames: [{}]", list(&rule.names));
        }
        let _ = writeln!(text, "    verbs: [{}]", list(&rule.verbs));
    }
    text
}

fn rules(rights: &[&Right]) -> Vec<Rule> {
    // What may be done with any name needs no rule for one name.
    let any: BTreeSet<(&str, String, &str)> = rights
        .iter()
        .filter(|right| granted_name(right).is_none())
        .map(|right| {
            (
                right.group.as_str(),
                right.whole_resource(),
                right.verb.as_str(),
            )
        })
        .collect();
    let mut verbs: BTreeMap<(&str, String, Option<&str>), BTreeSet<String>> = BTreeMap::new();
    for right in rights {
        let name = granted_name(right);
        let place = (
            right.group.as_str(),
            right.whole_resource(),
            right.verb.as_str(),
        );
        if name.is_some() && any.contains(&place) {
            continue;
        }
        let (group, resource, verb) = place;
        let known = verbs.entry((group, resource, name)).or_default();
        known.insert(verb.to_string());
    }
    // The names of one resource that have the same verbs, then the resources that have the same names and verbs.
    let mut by_resource: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for ((group, resource, name), verbs) in verbs {
        let names = by_resource.entry((group, resource, verbs, name.is_some()));
        names.or_default().extend(name.map(ToString::to_string));
    }
    let mut merged: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for ((group, resource, verbs, _), names) in by_resource {
        let resources = merged.entry((group, names, verbs)).or_default();
        resources.insert(resource);
    }
    let mut rules: Vec<Rule> = merged
        .into_iter()
        .map(|((group, names, verbs), resources)| Rule {
            group: group.to_string(),
            resources,
            names,
            verbs,
        })
        .collect();
    rules.sort();
    rules
}

/// What is to be made has no name yet when it is asked whether it may be; and lists are not of one name.
fn granted_name(right: &Right) -> Option<&str> {
    let whole = right.subresource.is_none();
    match right.verb.as_str() {
        "create" | "deletecollection" | "list" | "watch" if whole => None,
        _ => right.name.as_deref(),
    }
}

fn list(all: &BTreeSet<String>) -> String {
    let all: Vec<String> = all.iter().map(|it| scalar(it)).collect();
    all.join(", ")
}

/// Names of Kubernetes need quotes only where YAML takes them for something else: `true`, `1e3`, `*`.
pub(super) fn scalar(text: &str) -> String {
    let plain = text.starts_with(|it: char| it.is_ascii_lowercase())
        && text
            .chars()
            .all(|it| it.is_ascii_lowercase() || "-/".contains(it))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text);
    match plain {
        true => text.to_string(),
        // A string of JSON is one of YAML.
        false => serde_json::Value::from(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_become_the_least_roles_in_a_stable_order() {
        let stg = |resource: &str, verb: &str| Right::namespaced("", resource, verb, "stg");
        let mut rights = vec![
            stg("pods", "list"),
            stg("pods", "watch"),
            stg("pods", "delete"),
            stg("pods", "delete"),
            stg("services", "list"),
            stg("services", "watch"),
            stg("services", "delete"),
            stg("pods", "create").part("eviction"),
            Right::namespaced("apps", "deployments", "patch", "stg")
                .part("scale")
                .named("gate"),
            Right::namespaced("apps", "deployments", "patch", "stg")
                .part("scale")
                .named("engine-2"),
            stg("configmaps", "create").named("run-1"),
            stg("configmaps", "get").named("run-1"),
            Right::cluster("", "nodes", "patch"),
            Right::cluster("", "nodes", "get").named("a"),
            Right::cluster("", "nodes", "get"),
        ];
        let wanted = r#"apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: shakedown
rules:
  - apiGroups: [""]
    resources: [nodes]
    verbs: [get, patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: shakedown
  namespace: stg
rules:
  - apiGroups: [""]
    resources: [configmaps]
    resourceNames: ["run-1"]
    verbs: [get]
  - apiGroups: [""]
    resources: [configmaps, pods/eviction]
    verbs: [create]
  - apiGroups: [""]
    resources: [pods, services]
    verbs: [delete, list, watch]
  - apiGroups: ["apps"]
    resources: [deployments/scale]
    resourceNames: ["engine-2", gate]
    verbs: [patch]
"#;
        assert_eq!(roles("shakedown", &rights), wanted);
        rights.reverse();
        assert_eq!(roles("shakedown", &rights), wanted);
        assert_eq!(roles("shakedown", &[]), "");
    }

    #[test]
    fn names_that_yaml_would_take_for_something_else_are_quoted() {
        for text in ["true", "1e3", "*", "stg-1", "a.b", ""] {
            assert_eq!(scalar(text), format!("\"{text}\""));
        }
        assert_eq!(scalar("trading-stg"), "trading-stg");
    }
}
