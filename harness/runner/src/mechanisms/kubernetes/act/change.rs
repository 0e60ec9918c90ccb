//! A change of one object: made, and taken back, with the value before and the value of ours known to both.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::client::Cluster;
use super::super::error::ClusterError;
use super::super::look::{Taint, Workload};
use super::super::merge::{merge_patch, turn};
use super::super::undo::Replayed;
use super::place::{Place, guarded};
use super::unblock::unblock;

/// Somebody else may write an object between our look and our patch: so often.
const TRIES: usize = 6;

/// One change to one object. It is made against what was seen, and taken back against what was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    Cordon {
        node: String,
    },
    Taint {
        node: String,
        taint: Taint,
    },
    Scale {
        workload: Workload,
        before: u32,
        ours: u32,
    },
    Select {
        namespace: String,
        service: String,
        before: BTreeMap<String, String>,
        ours: BTreeMap<String, String>,
    },
    /// The template of its pods, whole; only what differs is written.
    Template {
        workload: Workload,
        before: Value,
        ours: Value,
    },
}

/// What came of a change, made or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    Done,
    /// It was so.
    Already,
}

/// What is to be written, or why nothing is.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// A JSON merge patch.
    Write(Value),
    Already,
    /// Somebody else has changed it; for people.
    Foreign(String),
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Forth,
    Back,
}

impl Change {
    /// Makes it.
    ///
    /// # Errors
    /// [`ClusterError::Conflict`] when somebody else has changed the object since it was prepared; when the API server
    /// does not do it.
    pub async fn make(&self, cluster: &Cluster) -> Result<Made, ClusterError> {
        match self.go(cluster, Way::Forth).await? {
            Gone::Made(made) => Ok(made),
            Gone::Foreign(why) => Err(ClusterError::Conflict {
                ask: self.place().ask("patch"),
                why,
            }),
        }
    }

    pub(super) async fn go(&self, cluster: &Cluster, way: Way) -> Result<Gone, ClusterError> {
        let place = self.place();
        let mut tries = 0;
        loop {
            tries += 1;
            let now = cluster.value(&place).await?;
            let patch = match self.step(&now, way) {
                Step::Already => return Ok(Gone::Made(Made::Already)),
                Step::Foreign(why) => return Ok(Gone::Foreign(why)),
                Step::Write(patch) => patch,
            };
            match cluster.write(&place, guarded(patch, &now)).await {
                Ok(()) => return Ok(Gone::Made(Made::Done)),
                Err(ClusterError::Conflict { .. }) if tries < TRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Pure: what to write into the object as it is now.
    pub(super) fn step(&self, now: &Value, way: Way) -> Step {
        let ways = |before: Value, ours: Value| match way {
            Way::Forth => (before, ours),
            Way::Back => (ours, before),
        };
        match self {
            Change::Cordon { .. } => {
                let cordoned = now.pointer("/spec/unschedulable") == Some(&Value::Bool(true));
                match (way, cordoned) {
                    (Way::Forth, true) | (Way::Back, false) => Step::Already,
                    (Way::Forth, false) => Step::Write(json!({"spec": {"unschedulable": true}})),
                    (Way::Back, true) => Step::Write(json!({"spec": {"unschedulable": null}})),
                }
            }
            Change::Taint { taint, .. } => taint_step(taint, now, way),
            Change::Scale { before, ours, .. } => {
                let (from, to) = ways(json!(before), json!(ours));
                exact(now, ["spec", "replicas"], &from, &to)
            }
            Change::Select { before, ours, .. } => {
                let (from, to) = ways(json!(before), json!(ours));
                exact(now, ["spec", "selector"], &from, &to)
            }
            Change::Template { before, ours, .. } => {
                let (from, to) = ways(before.clone(), ours.clone());
                let current = now.pointer("/spec/template").unwrap_or(&Value::Null);
                match turn(current, &from, &to) {
                    Ok(turned) if turned == *current => Step::Already,
                    Ok(turned) => {
                        let patch = merge_patch(current, &turned);
                        Step::Write(json!({"spec": {"template": patch}}))
                    }
                    Err(place) => Step::Foreign(format!("spec.template.{place} is another")),
                }
            }
        }
    }

    pub(super) fn place(&self) -> Place {
        match self {
            Change::Cordon { node } | Change::Taint { node, .. } => Place::node(node),
            Change::Scale { workload, .. } => Place {
                part: Some("scale"),
                ..Place::workload(workload)
            },
            Change::Select {
                namespace, service, ..
            } => Place::service(namespace, service),
            Change::Template { workload, .. } => Place::workload(workload),
        }
    }
}

/// Takes a change back, unless somebody else has changed the object since; with a template, the pods of it that would
/// hold its stateful set up for good.
pub(in super::super) async fn back(
    change: &Change,
    cluster: &Cluster,
) -> Result<Replayed, ClusterError> {
    let made = match change.go(cluster, Way::Back).await? {
        Gone::Made(made) => made,
        Gone::Foreign(why) => return Ok(Replayed::Foreign(why)),
    };
    let unblocked = match change {
        Change::Template { workload, ours, .. } => unblock(workload, ours, cluster).await?,
        Change::Cordon { .. }
        | Change::Taint { .. }
        | Change::Scale { .. }
        | Change::Select { .. } => Made::Already,
    };
    Ok(match (made, unblocked) {
        (Made::Already, Made::Already) => Replayed::NothingToDo,
        (Made::Done, _) | (_, Made::Done) => Replayed::Done,
    })
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Cordon { node } => write!(f, "the cordon of node {node}"),
            Change::Taint { node, taint } => write!(f, "the taint {taint} of node {node}"),
            Change::Scale {
                workload,
                before,
                ours,
            } => write!(f, "the scale of {workload} from {before} to {ours}"),
            Change::Select {
                namespace, service, ..
            } => write!(f, "the selector of service {service} in {namespace}"),
            Change::Template { workload, .. } => write!(f, "the pod template of {workload}"),
        }
    }
}

/// What came of going either way.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Gone {
    Made(Made),
    Foreign(String),
}

/// A value that is to be all ours, or not be touched.
fn exact(now: &Value, path: [&str; 2], from: &Value, to: &Value) -> Step {
    let [outer, inner] = path;
    // The API server leaves out a selector without labels, and a scale of none.
    let missing = match to {
        Value::Object(_) => json!({}),
        _ => json!(0),
    };
    let current = now.get(outer).and_then(|it| it.get(inner));
    let current = current.unwrap_or(&missing);
    match current {
        current if current == to => Step::Already,
        current if current == from => {
            Step::Write(json!({outer: {inner: merge_patch(current, to)}}))
        }
        current => Step::Foreign(format!(
            "{outer}.{inner} is {current}, and was to be {from}"
        )),
    }
}

fn taint_step(taint: &Taint, now: &Value, way: Way) -> Step {
    let all = now.pointer("/spec/taints").and_then(Value::as_array);
    let all = all.cloned().unwrap_or_default();
    let is = |it: &Value, key: &str, value: &str| {
        it.get(key).and_then(Value::as_str).unwrap_or_default() == value
    };
    let ours = |it: &Value| is(it, "key", &taint.key) && is(it, "effect", &taint.effect);
    let write = |taints: Vec<Value>| match taints.is_empty() {
        true => Step::Write(json!({"spec": {"taints": null}})),
        false => Step::Write(json!({"spec": {"taints": taints}})),
    };
    match (way, all.iter().find(|it| ours(it))) {
        (Way::Forth, None) => {
            let mut new = json!({"key": taint.key, "effect": taint.effect});
            if !taint.value.is_empty() {
                new["value"] = json!(taint.value);
            }
            write(all.into_iter().chain([new]).collect())
        }
        (Way::Back, None) => Step::Already,
        (_, Some(found)) if !is(found, "value", &taint.value) => Step::Foreign(format!(
            "the taint {}:{} has another value",
            taint.key, taint.effect
        )),
        (Way::Forth, Some(_)) => Step::Already,
        (Way::Back, Some(_)) => write(all.into_iter().filter(|it| !ours(it)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::look::WorkloadKind;
    use super::*;

    fn workload() -> Workload {
        Workload {
            kind: WorkloadKind::Deployment,
            namespace: "stg".to_string(),
            name: "gate".to_string(),
        }
    }

    #[test]
    fn a_cordon_is_put_on_and_taken_off() {
        let change = Change::Cordon {
            node: "a".to_string(),
        };
        let (free, cordoned) = (
            json!({"spec": {}}),
            json!({"spec": {"unschedulable": true}}),
        );
        let on = Step::Write(json!({"spec": {"unschedulable": true}}));
        assert_eq!(change.step(&free, Way::Forth), on);
        assert_eq!(change.step(&cordoned, Way::Forth), Step::Already);
        let off = Step::Write(json!({"spec": {"unschedulable": null}}));
        assert_eq!(change.step(&cordoned, Way::Back), off);
        assert_eq!(change.step(&free, Way::Back), Step::Already);
        assert_eq!(change.place().ask("patch").to_string(), "patch nodes a");
    }

    #[test]
    fn a_taint_is_one_of_many() {
        let taint = |value: &str| Taint {
            key: "k".to_string(),
            value: value.to_string(),
            effect: "NoExecute".to_string(),
        };
        let change = Change::Taint {
            node: "a".to_string(),
            taint: taint("v"),
        };
        let other =
            json!({"key": "k", "effect": "NoSchedule", "timeAdded": "2026-01-01T00:00:00Z"});
        let ours = json!({"key": "k", "value": "v", "effect": "NoExecute"});
        let node = |taints: &[&Value]| json!({"spec": {"taints": taints}});
        let with = Step::Write(node(&[&other, &ours]));
        assert_eq!(change.step(&node(&[&other]), Way::Forth), with);
        assert_eq!(
            change.step(&node(&[&other, &ours]), Way::Back),
            Step::Write(node(&[&other]))
        );
        assert_eq!(
            change.step(&node(&[&ours]), Way::Back),
            Step::Write(json!({"spec": {"taints": null}}))
        );
        assert_eq!(change.step(&json!({}), Way::Back), Step::Already);
        assert_eq!(change.step(&node(&[&ours]), Way::Forth), Step::Already);
        let theirs = json!({"key": "k", "value": "theirs", "effect": "NoExecute"});
        for way in [Way::Forth, Way::Back] {
            let step = change.step(&node(&[&theirs]), way);
            assert!(matches!(step, Step::Foreign(_)), "{step:?}");
        }
    }

    #[test]
    fn a_scale_is_not_taken_back_over_somebody_elses() {
        let change = Change::Scale {
            workload: workload(),
            before: 3,
            ours: 5,
        };
        let now = |replicas: u32| json!({"spec": {"replicas": replicas}});
        assert_eq!(change.step(&now(3), Way::Forth), Step::Write(now(5)));
        assert_eq!(change.step(&now(5), Way::Back), Step::Write(now(3)));
        assert_eq!(change.step(&now(3), Way::Back), Step::Already);
        let none = Change::Scale {
            workload: workload(),
            before: 3,
            ours: 0,
        };
        assert_eq!(none.step(&json!({}), Way::Back), Step::Write(now(3)));
        assert!(matches!(change.step(&now(4), Way::Back), Step::Foreign(_)));
        assert!(matches!(change.step(&now(4), Way::Forth), Step::Foreign(_)));
        assert_eq!(
            change.place().ask("patch").to_string(),
            "patch deployments/scale gate in stg"
        );
    }

    #[test]
    fn a_selector_loses_what_was_not_in_it() {
        let labels = |all: &[(&str, &str)]| {
            let own = |(key, value): &(&str, &str)| (key.to_string(), value.to_string());
            all.iter().map(own).collect::<BTreeMap<_, _>>()
        };
        let change = Change::Select {
            namespace: "stg".to_string(),
            service: "orders".to_string(),
            before: labels(&[("app", "engine"), ("slot", "blue")]),
            ours: labels(&[("app", "engine"), ("colour", "green")]),
        };
        let ours = json!({"spec": {"selector": {"app": "engine", "colour": "green"}}});
        let back = json!({"spec": {"selector": {"slot": "blue", "colour": null}}});
        assert_eq!(change.step(&ours, Way::Back), Step::Write(back));
        let theirs = json!({"spec": {"selector": {"app": "other"}}});
        assert!(matches!(change.step(&theirs, Way::Back), Step::Foreign(_)));
    }

    #[test]
    fn a_template_is_turned_where_it_differs() {
        let template =
            |image: &str| json!({"spec": {"containers": [{"name": "e", "image": image}]}});
        let change = Change::Template {
            workload: workload(),
            before: template("e:1"),
            ours: template("e:2"),
        };
        let now = |image: &str| json!({"metadata": {"resourceVersion": "7"}, "spec": {"template": template(image)}});
        let Step::Write(patch) = change.step(&now("e:1"), Way::Forth) else {
            panic!()
        };
        assert_eq!(patch, json!({"spec": {"template": template("e:2")}}));
        let guarded = guarded(patch, &now("e:1"));
        assert_eq!(guarded["metadata"], json!({"resourceVersion": "7"}));
        assert_eq!(change.step(&now("e:1"), Way::Back), Step::Already);
        let foreign = change.step(&now("e:3"), Way::Back);
        let place = "spec.template.spec.containers[0].image is another";
        assert_eq!(foreign, Step::Foreign(place.to_string()));
    }
}
