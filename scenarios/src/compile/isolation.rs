//! Doors between pods that must stay shut: from the file to the plan, and what of them cannot be answered.

use std::collections::BTreeMap;

use crate::plan::isolation::{Door, DoorAt, GUEST_LABEL, GuestPlan, IsolationRule, KNOCK_EVERY_NS};
use crate::plan::{EnvironmentPlan, KubernetesPlan, RuleKind};
use crate::spec::isolation::{DoorSpec, GuestSpec, IsolationLimit};

use super::answerable::{Facts, Refusal};
use super::cluster::is_label_text;
use super::human::time_text;
use super::references::instead;
use super::sheet::{At, Sheet};

/// More often is a load; more seldom misses what is open for a moment.
const EVERY_NS: std::ops::RangeInclusive<u64> = 100_000_000..=1_000_000_000;

/// A wall.
pub(super) fn isolation_kind(at: &At, spec: &IsolationLimit, sheet: &Sheet) -> RuleKind {
    let at = at.to("isolation");
    if let Some(every) = &spec.every
        && !EVERY_NS.contains(&every.ns)
    {
        sheet.refuse_with(
            &at.to("every"),
            format!(
                "{} is no sensible time between two knocks",
                time_text(every.ns)
            ),
            "from 100ms to 1s; 500ms is the default",
        );
    }
    let rule = IsolationRule {
        to: door(&at.to("to"), &spec.to, sheet),
        intruder: guest(&at.to("intruder"), &spec.intruder, sheet),
        friend: guest(&at.to("friend"), &spec.friend, sheet),
        control: door(&at.to("control"), &spec.control, sheet),
        every_ns: spec.every.as_ref().map_or(KNOCK_EVERY_NS, |every| every.ns),
    };
    if rule.intruder == rule.friend {
        sheet.refuse_with(
            &at.to("friend"),
            "nobody can tell the friend from the intruder: they have the same labels in the same namespace",
            "give it the labels of a pod that the network policy lets in",
        );
    }
    RuleKind::Isolation(Box::new(rule))
}

fn door(at: &At, spec: &DoorSpec, sheet: &Sheet) -> Door {
    let (at, port, http, door) = match spec {
        DoorSpec::Part(part) => {
            let door = DoorAt::Part {
                part: part.name.0.clone(),
                port: part.port,
            };
            (at.to("part"), part.port, &part.http, door)
        }
        DoorSpec::Service(service) => {
            let door = DoorAt::Service {
                namespace: service.namespace.as_ref().map(|name| name.0.clone()),
                name: service.name.0.clone(),
                port: service.port,
            };
            (at.to("service"), Some(service.port), &service.http, door)
        }
    };
    if port == Some(0) {
        sheet.refuse_with(&at.to("port"), "0 is no port", "from 1 to 65535");
    }
    let is_path = |path: &&String| {
        path.starts_with('/') && !path.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    if http.is_some() && http.as_ref().filter(is_path).is_none() {
        sheet.refuse_with(
            &at.to("http"),
            "this is no path",
            "such as http: /health; without it a connection counts",
        );
    }
    Door {
        at: door,
        http: http.clone(),
    }
}

fn guest(at: &At, spec: &GuestSpec, sheet: &Sheet) -> GuestPlan {
    let at_labels = at.to("labels");
    let mut labels = BTreeMap::new();
    for (key, value) in spec.labels.iter() {
        let at = at_labels.to(&key.0);
        if !is_label_text(&key.0) || !is_label_text(value) || value.len() > 63 {
            sheet.refuse_with(&at, "this is no label", "such as app: stranger");
        } else if key.0 == GUEST_LABEL || key.0 == "shakedown.dev/run" {
            sheet.refuse_with(
                &at,
                "Shakedown marks its own pods with this label",
                "take it out",
            );
        }
        labels.insert(key.0.clone(), value.clone());
    }
    GuestPlan {
        labels,
        namespace: spec.namespace.as_ref().map(|name| name.0.clone()),
    }
}

/// Why nobody could tell whether a door stays shut. Where there are no pods is said before (`lacking`).
pub(super) fn isolation_refusal(rule: &IsolationRule, facts: Facts) -> Option<Refusal> {
    let cluster = facts.environment.and_then(EnvironmentPlan::cluster)?;
    if cluster.agent.is_none() {
        return Some((
            "",
            format!(
                "the profile of `{}` does not say which image the pods have that knock",
                facts.system.name
            ),
            "write `agent: { image: ... }` under environments.kubernetes".to_string(),
        ));
    }
    let doors = [("to", &rule.to), ("control", &rule.control)];
    let guests = [("intruder", &rule.intruder), ("friend", &rule.friend)];
    doors
        .into_iter()
        .find_map(|(field, door)| door_refusal(field, door, cluster))
        .or_else(|| {
            guests
                .into_iter()
                .find_map(|(field, guest)| guest_refusal(field, guest, cluster))
        })
}

fn door_refusal(field: &'static str, door: &Door, cluster: &KubernetesPlan) -> Option<Refusal> {
    let DoorAt::Part { part, .. } = &door.at else {
        return None;
    };
    if cluster.parts.contains_key(part) {
        return None;
    }
    let known: Vec<String> = cluster.parts.keys().cloned().collect();
    Some((
        field,
        format!("the profile does not say which pods are the part `{part}`"),
        instead(part, &known, "the parts with pods are"),
    ))
}

/// A guest with all labels of a part would be taken for one of its replicas.
fn guest_refusal(
    field: &'static str,
    guest: &GuestPlan,
    cluster: &KubernetesPlan,
) -> Option<Refusal> {
    if guest.namespace(cluster) != cluster.namespace {
        return None;
    }
    let is_of = |labels: &BTreeMap<String, String>| {
        let mut labels = labels.iter();
        labels.all(|(key, value)| guest.labels.get(key) == Some(value))
    };
    let (part, _) = cluster.parts.iter().find(|(_, part)| is_of(&part.labels))?;
    Some((
        field,
        format!("a pod with these labels would count as a replica of `{part}`"),
        "leave out one of the labels by which the profile finds that part".to_string(),
    ))
}
