//! What the targets are now: pods with their UIDs, nodes, and the commands for them.

use std::collections::BTreeMap;

use shakedown_record::fault::FaultTarget;
use shakedown_scenarios::plan::{ActsOn, ClusterKind, KubernetesPlan, OnOff, for_node};

use super::not_possible;
use crate::environment::{KubernetesTarget, Place};
use crate::faults::aim::Aim;
use crate::faults::error::FaultError;
use crate::mechanisms::kubernetes::look::{NodeLook, PodLook};

/// What is acted on, as it was when the fault was prepared.
#[derive(Debug, Clone, Default)]
pub(super) struct Subjects {
    /// The targets, with their pods.
    pub(super) replicas: Vec<Subject>,
    /// Their nodes, each once; only for what is done to nodes.
    pub(super) nodes: Vec<NodeLook>,
    /// Commands, in the order of the nodes.
    pub(super) power: Vec<Power>,
}

/// One target.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) role: Option<String>,
    pub(super) place: Place,
}

/// What takes something away, and gives it back; `None` where it comes back by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Power {
    pub(super) stop: Vec<String>,
    pub(super) start: Option<Vec<String>>,
}

impl Subjects {
    pub(super) fn find(
        fault: &str,
        kind: &ClusterKind,
        aim: &Aim,
        pods: &KubernetesTarget,
    ) -> Result<Subjects, FaultError> {
        if kind.needs_agent() {
            let reason = format!(
                "{} is done by an agent on the node, and there is none",
                kind.name()
            );
            return Err(not_possible(fault, reason));
        }
        if kind.acts_on() == ActsOn::Cluster {
            let power = match kind {
                ClusterKind::ApiServerStop => {
                    vec![api_server(pods.plan()).map_err(|why| not_possible(fault, why))?]
                }
                _ => Vec::new(),
            };
            return Ok(Subjects {
                power,
                ..Subjects::default()
            });
        }
        if aim.targets.is_empty() {
            return Err(FaultError::NoTarget {
                fault: fault.to_string(),
            });
        }
        let mut replicas = Vec::new();
        for target in &aim.targets {
            let place = pods
                .place(&target.name)
                .ok_or_else(|| not_possible(fault, format!("{} has no pod now", target.name)))?;
            if let Some(why) = unfit(kind, &place.pod) {
                return Err(not_possible(fault, format!("{}: {why}", target.name)));
            }
            replicas.push(Subject {
                name: target.name.clone(),
                role: target.role.clone(),
                place,
            });
        }
        let nodes = match kind.acts_on() {
            ActsOn::Nodes => nodes_of(&replicas, &pods.state().nodes),
            ActsOn::Pods | ActsOn::Workloads | ActsOn::Cluster => Ok(Vec::new()),
        };
        let nodes = nodes.map_err(|why| not_possible(fault, why))?;
        let power = power_of(kind, &nodes, pods.plan()).map_err(|why| not_possible(fault, why))?;
        Ok(Subjects {
            replicas,
            nodes,
            power,
        })
    }

    pub(super) fn pods_as_targets(&self) -> Vec<FaultTarget> {
        let target = |subject: &Subject| FaultTarget {
            name: subject.name.clone(),
            role: subject.role.clone(),
            handle: pod_handle(&subject.place.pod),
        };
        self.replicas.iter().map(target).collect()
    }

    pub(super) fn nodes_as_targets(&self) -> Vec<FaultTarget> {
        let target = |subject: &Subject| FaultTarget {
            name: subject.name.clone(),
            role: subject.role.clone(),
            handle: match &subject.place.pod.node {
                Some(node) => format!("node {node}"),
                None => "no node".to_string(),
            },
        };
        self.replicas.iter().map(target).collect()
    }
}

/// For people: `pod stg/engine-0 (uid 1234abcd) on node-1`.
fn pod_handle(pod: &PodLook) -> String {
    let uid = pod.uid.get(..8).unwrap_or(&pod.uid);
    let node = pod.node.as_ref();
    let node = node.map_or(String::new(), |node| format!(" on {node}"));
    format!("pod {} (uid {uid}){node}", pod.full_name())
}

/// Why a fault of this pod could not be told from what goes on with it already.
fn unfit(kind: &ClusterKind, pod: &PodLook) -> Option<String> {
    // What is done to a node or a workload does not need its pods to stay.
    if kind.acts_on() != ActsOn::Pods && *kind != ClusterKind::Drain {
        return None;
    }
    let name = pod.full_name();
    match (pod.terminating_since, pod.phase.is_over()) {
        (Some(_), _) => Some(format!(
            "pod {name} is being deleted already, by somebody else"
        )),
        (None, true) => Some(format!("pod {name} has ended")),
        (None, false) => None,
    }
}

/// The nodes of these pods, each once, in their order.
fn nodes_of(
    replicas: &[Subject],
    known: &BTreeMap<String, NodeLook>,
) -> Result<Vec<NodeLook>, String> {
    let mut nodes: Vec<NodeLook> = Vec::new();
    for subject in replicas {
        let pod = &subject.place.pod;
        let name = pod.node.as_ref().ok_or_else(|| {
            format!(
                "pod {} of {} is on no node yet",
                pod.full_name(),
                subject.name
            )
        })?;
        if nodes.iter().any(|node| node.name == *name) {
            continue;
        }
        let node = known.get(name).ok_or_else(|| {
            format!(
                "nothing is known of node {name}, on which {} is; may this account list nodes?",
                subject.name
            )
        })?;
        nodes.push(node.clone());
    }
    Ok(nodes)
}

fn power_of(
    kind: &ClusterKind,
    nodes: &[NodeLook],
    plan: &KubernetesPlan,
) -> Result<Vec<Power>, String> {
    let commands = match kind {
        ClusterKind::NodeStop => {
            let power = plan.nodes.power.as_ref();
            let OnOff { stop, start } = power.ok_or(
                "the profile names no commands that take the power from a node and give it back",
            )?;
            (stop, Some(start))
        }
        ClusterKind::NodeReboot => {
            let reboot = plan.nodes.reboot.as_ref();
            let reboot = reboot.ok_or("the profile names no command that starts a node anew")?;
            (reboot, None)
        }
        _ => return Ok(Vec::new()),
    };
    if let Some(down) = nodes.iter().find(|node| !node.is_ready()) {
        let name = &down.name;
        return Err(format!(
            "node {name} is not ready already, by somebody else"
        ));
    }
    let (stop, start) = commands;
    let power = |node: &NodeLook| Power {
        stop: for_node(stop, &node.name),
        start: start.map(|start| for_node(start, &node.name)),
    };
    Ok(nodes.iter().map(power).collect())
}

fn api_server(plan: &KubernetesPlan) -> Result<Power, String> {
    let commands = plan.api_server.as_ref();
    let OnOff { stop, start } = commands
        .ok_or("the profile names no commands that take the API server away and give it back")?;
    Ok(Power {
        stop: stop.clone(),
        start: Some(start.clone()),
    })
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::NodeCommands;

    use super::super::testing::{node, place, plan};
    use super::*;

    fn subject(name: &str, on: Option<&str>) -> Subject {
        let mut place = place(name);
        place.pod.node = on.map(str::to_string);
        Subject {
            name: name.to_string(),
            role: None,
            place,
        }
    }

    #[test]
    fn each_node_is_taken_once_and_an_unknown_one_is_no_guess() {
        let known: BTreeMap<String, NodeLook> = ["node-1", "node-2"]
            .map(|name| (name.to_string(), node(name)))
            .into();
        let on = |name, on| subject(name, Some(on));
        let both = [
            on("engine-1", "node-2"),
            on("engine-2", "node-1"),
            on("engine-3", "node-2"),
        ];
        let found = nodes_of(&both, &known).unwrap();
        let names: Vec<&str> = found.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["node-2", "node-1"]);
        let unknown = nodes_of(&[on("engine-1", "node-9")], &known).unwrap_err();
        assert!(unknown.contains("node-9"), "{unknown}");
        let nowhere = nodes_of(&[subject("engine-1", None)], &known).unwrap_err();
        assert!(nowhere.contains("on no node yet"), "{nowhere}");
    }

    #[test]
    fn a_pod_that_ends_already_shows_nothing() {
        let mut pod = place("engine-1").pod;
        assert_eq!(unfit(&ClusterKind::Evict, &pod), None);
        pod.terminating_since = Some(jiff::Timestamp::UNIX_EPOCH);
        let unfit = |kind| unfit(&kind, &pod);
        assert!(
            unfit(ClusterKind::Evict)
                .unwrap()
                .contains("by somebody else")
        );
        assert!(unfit(ClusterKind::Drain).is_some());
        assert_eq!(unfit(ClusterKind::Cordon), None);
    }

    #[test]
    fn power_is_taken_by_commands_for_each_node_and_only_from_nodes_that_have_it() {
        let words = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
        let mut plan = plan();
        let missing = power_of(&ClusterKind::NodeStop, &[node("node-1")], &plan).unwrap_err();
        assert!(missing.contains("names no commands"), "{missing}");
        plan.nodes = NodeCommands {
            power: Some(OnOff {
                stop: words("ipmi {{node}} off"),
                start: words("ipmi {{node}} on"),
            }),
            reboot: None,
        };
        let power = power_of(&ClusterKind::NodeStop, &[node("node-1")], &plan).unwrap();
        let wanted = Power {
            stop: words("ipmi node-1 off"),
            start: Some(words("ipmi node-1 on")),
        };
        assert_eq!(power, [wanted]);
        let mut down = node("node-1");
        down.ready.status = crate::mechanisms::kubernetes::look::Readiness::Unknown;
        let refused = power_of(&ClusterKind::NodeStop, &[down], &plan).unwrap_err();
        assert!(refused.contains("not ready already"), "{refused}");
        assert!(power_of(&ClusterKind::NodeReboot, &[node("node-1")], &plan).is_err());
        assert!(api_server(&plan).is_err());
        assert_eq!(
            power_of(&ClusterKind::Cordon, &[node("node-1")], &plan),
            Ok(Vec::new())
        );
    }

    #[test]
    fn a_pod_is_named_with_what_makes_it_this_one() {
        let handle = pod_handle(&place("engine-1").pod);
        assert_eq!(handle, "pod stg/engine-1-pod (uid uid-of-e) on node-1");
    }
}
