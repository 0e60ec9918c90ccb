//! What happened to a pod or a node between two looks at it, with the time that the object itself gives.
//!
//! Objects date what happened in whole seconds, by the clock of whoever wrote it. The moment at which the watch heard
//! of it is finer, and later; both are kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::look::{ContainerLook, ContainerState, Ended, NodeLook, PodLook, Readiness, Taint};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Transition {
    /// When the watch heard of it, by this machine's monotonic clock.
    pub at_mono_ns: u64,
    pub subject: Subject,
    pub what: Happened,
    /// When it happened, as the object says; whole seconds.
    pub own_time: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    Pod {
        namespace: String,
        name: String,
        uid: String,
    },
    Node {
        name: String,
    },
    /// The watch itself.
    Watch,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happened {
    Created,
    Scheduled {
        node: String,
    },
    /// The pod takes traffic.
    Ready,
    NotReady,
    ContainerStarted {
        container: String,
        id: Option<String>,
    },
    ContainerEnded {
        container: String,
        /// The container's, as the runtime names it.
        id: Option<String>,
        exit_code: i32,
        reason: String,
    },
    /// It waits for something that takes long, such as `CrashLoopBackOff`.
    ContainerWaits {
        container: String,
        reason: String,
    },
    /// Its deletion was asked for.
    Terminating {
        grace_s: Option<u64>,
    },
    /// It is gone from the API server.
    Deleted,
    NodeReady,
    NodeNotReady {
        status: Readiness,
        reason: String,
    },
    Cordoned,
    Uncordoned,
    Tainted(Taint),
    Untainted(Taint),
    /// The node's machine was started again.
    Rebooted {
        boot_id: String,
    },
    /// Nothing has been heard of the API server for too long: what happens now is not seen, or seen late.
    Blind {
        /// When it was heard last, by this machine's monotonic clock.
        since_mono_ns: u64,
        why: String,
    },
    /// The API server is heard again, and everything is up to date.
    Sees {
        /// When it was last heard before, by this machine's monotonic clock.
        blind_since_mono_ns: u64,
    },
}

/// What happened, and when, as the object says.
pub type Dated = (Happened, Option<Timestamp>);

/// What happened to a pod. Two looks of different UIDs are two pods: the old one is gone.
pub fn of_pod(before: Option<&PodLook>, after: Option<&PodLook>) -> Vec<Dated> {
    match (before, after) {
        (None, None) => Vec::new(),
        (Some(_), None) => vec![(Happened::Deleted, None)],
        (None, Some(after)) => born(after),
        (Some(before), Some(after)) => pod_changes(before, after),
    }
}

fn born(after: &PodLook) -> Vec<Dated> {
    let mut all = vec![(Happened::Created, after.created_at)];
    let unborn = PodLook {
        node: None,
        ready: false,
        terminating_since: None,
        containers: Vec::new(),
        ..after.clone()
    };
    all.extend(pod_changes(&unborn, after));
    all
}

fn pod_changes(before: &PodLook, after: &PodLook) -> Vec<Dated> {
    let mut all = Vec::new();
    if let (None, Some(node)) = (&before.node, &after.node) {
        let node = node.clone();
        all.push((Happened::Scheduled { node }, after.scheduled_at));
    }
    if let (None, Some(since)) = (before.terminating_since, after.terminating_since) {
        let grace_s = after.grace_s;
        all.push((Happened::Terminating { grace_s }, Some(since)));
    }
    for container in &after.containers {
        let mut known = before.containers.iter();
        let before = known.find(|it| it.name == container.name);
        all.extend(container_changes(before, container));
    }
    match (before.ready, after.ready) {
        (false, true) => all.push((Happened::Ready, after.ready_since)),
        (true, false) => all.push((Happened::NotReady, after.ready_since)),
        // It was not ready, and ready again, between two looks.
        (true, true) if before.ready_since != after.ready_since => {
            all.push((Happened::NotReady, None));
            all.push((Happened::Ready, after.ready_since));
        }
        (true, true) | (false, false) => {}
    }
    all
}

fn container_changes(before: Option<&ContainerLook>, after: &ContainerLook) -> Vec<Dated> {
    let name = &after.name;
    let mut all = Vec::new();
    let ended = |end: &Ended| {
        let what = Happened::ContainerEnded {
            container: name.clone(),
            id: end.id.clone(),
            exit_code: end.exit_code,
            reason: end.reason.clone(),
        };
        (what, end.finished_at)
    };
    let known_end = |end: &Ended| {
        let same =
            |state: &ContainerState| matches!(state, ContainerState::Terminated(it) if it == end);
        before.is_some_and(|it| it.last_end.as_ref() == Some(end) || same(&it.state))
    };
    // An end between two looks is only told as the last one. One from before the first look is not news.
    if let Some(end) = after.last_end.as_ref()
        && before.is_some()
        && !known_end(end)
    {
        all.push(ended(end));
    }
    match &after.state {
        ContainerState::Terminated(end) if !known_end(end) => all.push(ended(end)),
        ContainerState::Running { started_at } => {
            let same = before.is_some_and(|it| {
                it.id == after.id && matches!(it.state, ContainerState::Running { .. })
            });
            if !same {
                let what = Happened::ContainerStarted {
                    container: name.clone(),
                    id: after.id.clone(),
                };
                all.push((what, *started_at));
            }
        }
        ContainerState::Waiting { reason } => {
            let same = before.is_some_and(|it| it.state == after.state);
            // Every container is created once, and that is no news.
            if !same
                && !reason.is_empty()
                && reason != "ContainerCreating"
                && reason != "PodInitializing"
            {
                let (container, reason) = (name.clone(), reason.clone());
                all.push((Happened::ContainerWaits { container, reason }, None));
            }
        }
        ContainerState::Terminated(_) => {}
    }
    all
}

/// What happened to a node.
pub fn of_node(before: Option<&NodeLook>, after: Option<&NodeLook>) -> Vec<Dated> {
    match (before, after) {
        (None, None) => Vec::new(),
        (Some(_), None) => vec![(Happened::Deleted, None)],
        (None, Some(after)) => {
            let unborn = NodeLook {
                unschedulable: false,
                taints: Vec::new(),
                ..after.clone()
            };
            let mut all = vec![(Happened::Created, None), readiness(after)];
            all.extend(node_changes(&unborn, after));
            all
        }
        (Some(before), Some(after)) => node_changes(before, after),
    }
}

fn readiness(node: &NodeLook) -> Dated {
    let what = match node.ready.status {
        Readiness::Ready => Happened::NodeReady,
        status @ (Readiness::NotReady | Readiness::Unknown) => Happened::NodeNotReady {
            status,
            reason: node.ready.reason.clone(),
        },
    };
    (what, node.ready.since)
}

fn node_changes(before: &NodeLook, after: &NodeLook) -> Vec<Dated> {
    let mut all = Vec::new();
    if before.ready.status != after.ready.status {
        all.push(readiness(after));
    }
    match (before.unschedulable, after.unschedulable) {
        (false, true) => all.push((Happened::Cordoned, None)),
        (true, false) => all.push((Happened::Uncordoned, None)),
        (true, true) | (false, false) => {}
    }
    let new = after.taints.iter().filter(|it| !before.taints.contains(it));
    all.extend(new.map(|it| (Happened::Tainted(it.clone()), None)));
    let gone = before.taints.iter().filter(|it| !after.taints.contains(it));
    all.extend(gone.map(|it| (Happened::Untainted(it.clone()), None)));
    if before.boot_id != after.boot_id && !before.boot_id.is_empty() {
        let boot_id = after.boot_id.clone();
        all.push((Happened::Rebooted { boot_id }, None));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(status: &str, meta: &str) -> PodLook {
        let text = format!(
            r#"{{"metadata":{{"name":"engine-0","uid":"u1","creationTimestamp":"2026-01-01T00:00:00Z"{meta}}},
               "spec":{{"nodeName":"a","containers":[{{"name":"engine"}}]}},"status":{status}}}"#
        );
        PodLook::of(&serde_json::from_str(&text).unwrap()).unwrap()
    }

    fn container(id: &str, state: &str, last: &str, ready: &str) -> PodLook {
        pod(
            &format!(
                r#"{{"conditions":[{{"type":"Ready","status":"{ready}","lastTransitionTime":"2026-01-01T00:00:09Z"}}],
                   "containerStatuses":[{{"name":"engine","image":"","imageID":"","ready":true,"restartCount":0,
                     "containerID":"containerd://{id}","state":{state},"lastState":{last}}}]}}"#
            ),
            "",
        )
    }

    const RUNS: &str = r#"{"running":{"startedAt":"2026-01-01T00:00:02Z"}}"#;
    const KILLED: &str = r#"{"terminated":{"exitCode":137,"reason":"Error","containerID":"containerd://c1","finishedAt":"2026-01-01T00:00:08Z"}}"#;

    fn names(all: &[Dated]) -> Vec<&'static str> {
        let name = |it: &Dated| match &it.0 {
            Happened::Created => "created",
            Happened::Scheduled { .. } => "scheduled",
            Happened::Ready => "ready",
            Happened::NotReady => "not ready",
            Happened::ContainerStarted { .. } => "started",
            Happened::ContainerEnded { .. } => "ended",
            Happened::ContainerWaits { .. } => "waits",
            Happened::Terminating { .. } => "terminating",
            Happened::Deleted => "deleted",
            other => panic!("{other:?}"),
        };
        all.iter().map(name).collect()
    }

    #[test]
    fn a_new_pod_is_told_from_the_beginning() {
        let all = of_pod(None, Some(&container("c1", RUNS, "null", "True")));
        assert_eq!(names(&all), ["created", "scheduled", "started", "ready"]);
        assert_eq!(all[0].1, "2026-01-01T00:00:00Z".parse().ok());
        assert_eq!(all[2].1, "2026-01-01T00:00:02Z".parse().ok());
        assert_eq!(all[3].1, "2026-01-01T00:00:09Z".parse().ok());
        assert_eq!(of_pod(None, None), []);
    }

    #[test]
    fn a_container_that_was_killed_is_told_once() {
        let runs = container("c1", RUNS, "null", "True");
        let down = container("c1", KILLED, "null", "False");
        let all = of_pod(Some(&runs), Some(&down));
        assert_eq!(names(&all), ["ended", "not ready"]);
        assert_eq!(all[0].1, "2026-01-01T00:00:08Z".parse().ok());
        let waits = container(
            "c1",
            r#"{"waiting":{"reason":"CrashLoopBackOff"}}"#,
            KILLED,
            "False",
        );
        assert_eq!(names(&of_pod(Some(&down), Some(&waits))), ["waits"]);
        let again = container("c2", RUNS, KILLED, "False");
        assert_eq!(names(&of_pod(Some(&waits), Some(&again))), ["started"]);
        // All of it between two looks.
        let all = of_pod(Some(&runs), Some(&container("c2", RUNS, KILLED, "True")));
        assert_eq!(names(&all), ["ended", "started"]);
        assert_eq!(of_pod(Some(&again), Some(&again)), []);
    }

    #[test]
    fn a_deletion_is_told_when_asked_for_and_when_done() {
        let runs = container("c1", RUNS, "null", "True");
        let meta = r#","deletionTimestamp":"2026-01-01T00:01:00Z","deletionGracePeriodSeconds":30"#;
        let going = pod("{}", meta);
        let all = of_pod(Some(&pod("{}", "")), Some(&going));
        assert_eq!(names(&all), ["terminating"]);
        assert_eq!(all[0].1, "2026-01-01T00:00:30Z".parse().ok());
        assert_eq!(names(&of_pod(Some(&runs), None)), ["deleted"]);
    }

    #[test]
    fn readiness_lost_and_found_between_two_looks_is_told() {
        let before = container("c1", RUNS, "null", "True");
        let mut after = before.clone();
        after.ready_since = "2026-01-01T00:00:30Z".parse().ok();
        assert_eq!(
            names(&of_pod(Some(&before), Some(&after))),
            ["not ready", "ready"]
        );
    }

    fn node(spec: &str, ready: &str, boot: &str) -> NodeLook {
        let text = format!(
            r#"{{"metadata":{{"name":"a","uid":"1"}},"spec":{spec},"status":{{"conditions":[{{"type":"Ready","status":"{ready}",
                "reason":"why","lastTransitionTime":"2026-01-01T00:00:40Z"}}],
               "nodeInfo":{{"architecture":"","bootID":"{boot}","containerRuntimeVersion":"","kernelVersion":"",
                "kubeProxyVersion":"","kubeletVersion":"","machineID":"","operatingSystem":"","osImage":"","systemUUID":""}}}}}}"#
        );
        NodeLook::of(&serde_json::from_str(&text).unwrap()).unwrap()
    }

    #[test]
    fn nodes_are_lost_cordoned_tainted_and_started_again() {
        let well = node("{}", "True", "b1");
        let lost = node(
            r#"{"unschedulable":true,"taints":[{"key":"k","effect":"NoExecute"}]}"#,
            "Unknown",
            "b1",
        );
        let taint = lost.taints[0].clone();
        let since = "2026-01-01T00:00:40Z".parse().ok();
        let not_ready = Happened::NodeNotReady {
            status: Readiness::Unknown,
            reason: "why".to_string(),
        };
        assert_eq!(
            of_node(Some(&well), Some(&lost)),
            [
                (not_ready, since),
                (Happened::Cordoned, None),
                (Happened::Tainted(taint.clone()), None)
            ]
        );
        let boot_id = "b2".to_string();
        assert_eq!(
            of_node(Some(&lost), Some(&node("{}", "True", "b2"))),
            [
                (Happened::NodeReady, since),
                (Happened::Uncordoned, None),
                (Happened::Untainted(taint), None),
                (Happened::Rebooted { boot_id }, None)
            ]
        );
        assert_eq!(
            of_node(None, Some(&well)),
            [(Happened::Created, None), (Happened::NodeReady, since)]
        );
        assert_eq!(of_node(Some(&well), None), [(Happened::Deleted, None)]);
    }
}
