//! What no fault may ever touch.

use std::collections::BTreeMap;

use crate::plan::{LinkEnd, Part, Plan, Protected, Selector};

use super::guard::{Guard, Refusal};

/// Who puts this label on a container or pod protects it from every run, whatever the files say.
pub const PROTECTING_LABEL: (&str, &str) = ("shakedown.dev/protected", "true");

/// Why a replica is protected; `None` when it is not. `labels` are those of its container or pod.
pub fn protection(
    protected: &Protected,
    name: &str,
    part: &str,
    labels: &BTreeMap<String, String>,
) -> Option<String> {
    if protected.names.iter().any(|known| known == name) {
        return Some(format!("`{name}` is protected by its name"));
    }
    if protected.parts.iter().any(|known| known == part) {
        return Some(format!("`{name}` is protected with its part `{part}`"));
    }
    let labels = protected.carried.get(name).unwrap_or(labels);
    let carries = |(key, values): &(&String, &Vec<String>)| {
        labels.get(*key).is_some_and(|value| values.contains(value))
    };
    let (own, protects) = PROTECTING_LABEL;
    if labels.get(own).is_some_and(|value| value == protects) {
        return Some(format!(
            "`{name}` is protected by its label {own}={protects}"
        ));
    }
    let (key, _) = protected.labels.iter().find(carries)?;
    let value = &labels[key];
    Some(format!("`{name}` is protected by its label {key}={value}"))
}

/// Refusals for faults that are sure to touch, or cannot avoid, what is protected. Who has a role is known only when the fault
/// fires: it is looked at again then.
pub fn refusals(plan: &Plan) -> Vec<Refusal> {
    let touching = plan
        .faults
        .iter()
        .filter_map(|fault| touches(&fault.to, plan).map(|why| (fault, why)));
    touching
        .map(|(fault, why)| {
            Refusal::new(
                Guard::Protected,
                format!("fault '{}' would touch what is protected: {why}", fault.id),
                "aim it at something else, or change `guards.protected`",
            )
        })
        .collect()
}

fn touches(selector: &Selector, plan: &Plan) -> Option<String> {
    let none = BTreeMap::new();
    let protected = &plan.guards.protected;
    let parts = plan.system.parts.iter();
    let names = |part: &str, replicas: u32| -> Vec<String> {
        (1..=replicas)
            .map(|number| format!("{part}-{number}"))
            .collect()
    };
    let why = |part: &str, name: &str| protection(protected, name, part, &none);
    match selector {
        Selector::Name(name) => {
            let (part, _) = name.rsplit_once('-')?;
            why(part, name)
        }
        Selector::Part(name) => {
            let part = parts.into_iter().find(|part| part.name == *name)?;
            let replicas = names(name, part.replicas);
            replicas.iter().find_map(|replica| why(name, replica))
        }
        Selector::Random {
            part: name, count, ..
        } => {
            let part = parts.into_iter().find(|part| part.name == *name)?;
            let replicas = names(name, part.replicas);
            let whys: Vec<String> = replicas
                .iter()
                .filter_map(|replica| why(name, replica))
                .collect();
            let free = part.replicas - whys.len() as u32;
            let first = whys.first()?;
            (free < *count).then(|| {
                format!("{count} of `{name}` are wanted and {free} are not protected; {first}")
            })
        }
        Selector::Role(role) => {
            let has = |part: &&Part| part.roles.iter().any(|it| it.name == *role);
            let part = parts.into_iter().find(has)?;
            let replicas = names(&part.name, part.replicas);
            let whys: Vec<String> = replicas
                .iter()
                .filter_map(|replica| why(&part.name, replica))
                .collect();
            let all = whys.len() == part.replicas as usize;
            all.then(|| format!("whoever is {role} is: {}", whys[0]))
        }
        Selector::Link { from, to, .. } => touches(from, plan).or_else(|| match to {
            LinkEnd::Replicas(to) => touches(to, plan),
            LinkEnd::Peers | LinkEnd::Clients | LinkEnd::Service(_) => None,
        }),
        Selector::System | Selector::Placed(_) => None,
    }
}
