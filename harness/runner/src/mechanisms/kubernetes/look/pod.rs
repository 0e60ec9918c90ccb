//! Pods.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{
    Container, ContainerState as Said, ContainerStateTerminated, ContainerStatus, Pod,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::{Deserialize, Serialize};

use super::values::{millis, moment, quantity};

/// Pods that a kubelet runs from a file: the API server only mirrors them.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// A pod at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PodLook {
    pub name: String,
    pub namespace: String,
    /// No other pod ever has it, also not the next of the same name.
    pub uid: String,
    /// `None` until it is scheduled.
    pub node: Option<String>,
    pub ip: Option<IpAddr>,
    pub labels: BTreeMap<String, String>,
    /// The one that makes a new pod when this is gone.
    pub owner: Option<Owner>,
    pub ready: bool,
    /// When it became ready, or not ready, by the clock of its kubelet or of the control plane; whole seconds.
    pub ready_since: Option<Timestamp>,
    pub phase: Phase,
    /// Why it is in its phase, such as `Evicted`.
    pub reason: Option<String>,
    pub created_at: Option<Timestamp>,
    pub scheduled_at: Option<Timestamp>,
    /// When its deletion was asked for: the API server writes when the grace ends.
    pub terminating_since: Option<Timestamp>,
    pub grace_s: Option<u64>,
    /// It shares the network of its node.
    pub host_network: bool,
    /// A kubelet runs it from a file; it cannot be evicted.
    pub mirror: bool,
    /// Those of its specification, in that order; init containers are not among them.
    pub containers: Vec<ContainerLook>,
}

/// The controller that a pod, or a replica set, belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Such as `ReplicaSet`.
    pub kind: String,
    pub name: String,
    pub uid: String,
}

impl Owner {
    pub(super) fn of(references: Option<&Vec<OwnerReference>>) -> Option<Owner> {
        let controls = |it: &&OwnerReference| it.controller == Some(true);
        let found = references?.iter().find(controls)?;
        Some(Owner {
            kind: found.kind.clone(),
            name: found.name.clone(),
            uid: found.uid.clone(),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
    Unknown,
}

impl Phase {
    /// It will not run again.
    pub fn is_over(self) -> bool {
        match self {
            Phase::Succeeded | Phase::Failed => true,
            Phase::Pending | Phase::Running | Phase::Unknown => false,
        }
    }
}

/// A container of a pod at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ContainerLook {
    pub name: String,
    /// As the runtime names it, without `containerd://`; `None` before it is made. Another after each restart.
    pub id: Option<String>,
    /// As its specification says.
    pub image: String,
    /// As the runtime resolved it; empty before that.
    pub image_id: String,
    pub restarts: u32,
    pub ready: bool,
    pub state: ContainerState,
    /// How its previous run ended.
    pub last_end: Option<Ended>,
    pub memory_limit_bytes: Option<u64>,
    /// Thousandths of a CPU.
    #[serde(default)]
    pub cpu_limit_millis: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerState {
    Running {
        started_at: Option<Timestamp>,
    },
    /// Such as `ContainerCreating`, `CrashLoopBackOff`; empty when nothing has been said yet.
    Waiting {
        reason: String,
    },
    Terminated(Ended),
}

/// How a run of a container ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ended {
    /// The container's, as the runtime names it.
    pub id: Option<String>,
    pub exit_code: i32,
    /// Such as `OOMKilled`, `Error`, `Completed`.
    pub reason: String,
    pub finished_at: Option<Timestamp>,
}

impl PodLook {
    /// `None` for an object that no API server sends: without name or UID.
    pub fn of(pod: &Pod) -> Option<PodLook> {
        let (meta, spec) = (&pod.metadata, pod.spec.as_ref());
        let status = pod.status.clone().unwrap_or_default();
        let conditions = status.conditions.iter().flatten();
        let condition = |kind: &str| conditions.clone().find(|it| it.type_ == kind);
        let since =
            |kind: &str| condition(kind).and_then(|it| moment(it.last_transition_time.as_ref()));
        let is_true = |kind: &str| condition(kind).is_some_and(|it| it.status == "True");
        let grace_s = meta.deletion_grace_period_seconds;
        let ends = moment(meta.deletion_timestamp.as_ref());
        let asked = ends.map(|end| {
            let grace = SignedDuration::from_secs(grace_s.unwrap_or_default());
            end.saturating_sub(grace).unwrap_or(end)
        });
        let annotations = meta.annotations.as_ref();
        let statuses = status.container_statuses.unwrap_or_default();
        let containers = spec
            .map(|spec| spec.containers.as_slice())
            .unwrap_or_default();
        Some(PodLook {
            name: meta.name.clone()?,
            namespace: meta.namespace.clone().unwrap_or_default(),
            uid: meta.uid.clone()?,
            node: spec.and_then(|spec| spec.node_name.clone()),
            ip: status.pod_ip.and_then(|ip| ip.parse().ok()),
            labels: meta.labels.clone().unwrap_or_default(),
            owner: Owner::of(meta.owner_references.as_ref()),
            ready: is_true("Ready"),
            ready_since: since("Ready"),
            phase: match status.phase.as_deref() {
                Some("Running") => Phase::Running,
                Some("Succeeded") => Phase::Succeeded,
                Some("Failed") => Phase::Failed,
                Some("Pending") | None => Phase::Pending,
                Some(_) => Phase::Unknown,
            },
            reason: status.reason,
            created_at: moment(meta.creation_timestamp.as_ref()),
            scheduled_at: since("PodScheduled").filter(|_| is_true("PodScheduled")),
            terminating_since: asked,
            grace_s: grace_s.and_then(|grace| u64::try_from(grace).ok()),
            host_network: spec.and_then(|spec| spec.host_network).unwrap_or(false),
            mirror: annotations.is_some_and(|all| all.contains_key(MIRROR)),
            containers: containers
                .iter()
                .map(|it| container(it, statuses.iter().find(|status| status.name == it.name)))
                .collect(),
        })
    }

    /// `namespace/name`, for people.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

fn container(said: &Container, status: Option<&ContainerStatus>) -> ContainerLook {
    let limits = said.resources.as_ref().and_then(|it| it.limits.as_ref());
    let waiting = || ContainerState::Waiting {
        reason: String::new(),
    };
    let state = status.and_then(|it| it.state.as_ref());
    let last = status.and_then(|it| it.last_state.as_ref());
    ContainerLook {
        name: said.name.clone(),
        id: status.and_then(|it| bare(it.container_id.as_deref())),
        image: said.image.clone().unwrap_or_default(),
        image_id: status.map(|it| it.image_id.clone()).unwrap_or_default(),
        restarts: status.map_or(0, |it| u32::try_from(it.restart_count).unwrap_or(0)),
        ready: status.is_some_and(|it| it.ready),
        state: state.map_or_else(waiting, state_of),
        last_end: last.and_then(|it| it.terminated.as_ref()).map(ended),
        memory_limit_bytes: limits.and_then(|all| quantity(all.get("memory")?)),
        cpu_limit_millis: limits.and_then(|all| millis(all.get("cpu")?)),
    }
}

fn state_of(said: &Said) -> ContainerState {
    match (&said.running, &said.terminated) {
        (Some(running), _) => ContainerState::Running {
            started_at: moment(running.started_at.as_ref()),
        },
        (None, Some(over)) => ContainerState::Terminated(ended(over)),
        (None, None) => {
            let waiting = said.waiting.as_ref();
            let reason = waiting.and_then(|it| it.reason.clone());
            ContainerState::Waiting {
                reason: reason.unwrap_or_default(),
            }
        }
    }
}

fn ended(said: &ContainerStateTerminated) -> Ended {
    Ended {
        id: bare(said.container_id.as_deref()),
        exit_code: said.exit_code,
        reason: said.reason.clone().unwrap_or_default(),
        finished_at: moment(said.finished_at.as_ref()),
    }
}

/// `containerd://0123` is 0123.
fn bare(id: Option<&str>) -> Option<String> {
    let id = id?;
    let id = id.split_once("://").map_or(id, |(_, id)| id);
    (!id.is_empty()).then(|| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str) -> PodLook {
        PodLook::of(&serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn a_pod_that_runs_is_read_whole() {
        let seen = look(
            r#"{"metadata":{"name":"engine-0","namespace":"stg","uid":"u1","labels":{"app":"engine"},
                "creationTimestamp":"2026-01-01T00:00:00Z",
                "ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n","uid":"x"},
                    {"apiVersion":"apps/v1","kind":"StatefulSet","name":"engine","uid":"s1","controller":true}]},
              "spec":{"nodeName":"node-a","hostNetwork":true,"containers":[
                {"name":"engine","image":"engine:1","resources":{"limits":{"memory":"64Mi"}}},{"name":"late"}]},
              "status":{"phase":"Running","podIP":"10.1.0.7","conditions":[
                {"type":"PodScheduled","status":"True","lastTransitionTime":"2026-01-01T00:00:01Z"},
                {"type":"Ready","status":"True","lastTransitionTime":"2026-01-01T00:00:05Z"}],
               "containerStatuses":[{"name":"engine","image":"docker.io/engine:1","imageID":"sha256:1","ready":true,
                 "restartCount":2,"containerID":"containerd://c3","state":{"running":{"startedAt":"2026-01-01T00:00:04Z"}},
                 "lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled","containerID":"containerd://c2",
                    "finishedAt":"2026-01-01T00:00:03Z"}}}]}}"#,
        );
        assert_eq!(seen.full_name(), "stg/engine-0");
        assert_eq!(seen.node.as_deref(), Some("node-a"));
        assert_eq!(seen.ip, "10.1.0.7".parse().ok());
        assert_eq!(
            seen.owner.as_ref().map(|it| it.kind.as_str()),
            Some("StatefulSet")
        );
        assert!(seen.ready && seen.host_network && !seen.mirror);
        assert_eq!(seen.ready_since, "2026-01-01T00:00:05Z".parse().ok());
        assert_eq!(seen.scheduled_at, "2026-01-01T00:00:01Z".parse().ok());
        assert_eq!((seen.phase, seen.terminating_since), (Phase::Running, None));
        let [engine, late] = &seen.containers[..] else {
            panic!("{seen:?}")
        };
        assert_eq!((engine.id.as_deref(), engine.restarts), (Some("c3"), 2));
        assert_eq!(engine.memory_limit_bytes, Some(64 << 20));
        assert_eq!(
            (engine.image.as_str(), engine.image_id.as_str()),
            ("engine:1", "sha256:1")
        );
        let started_at = "2026-01-01T00:00:04Z".parse().ok();
        assert_eq!(engine.state, ContainerState::Running { started_at });
        let end = engine.last_end.as_ref().unwrap();
        assert_eq!(
            (end.exit_code, end.reason.as_str(), end.id.as_deref()),
            (137, "OOMKilled", Some("c2"))
        );
        assert_eq!(
            late.state,
            ContainerState::Waiting {
                reason: String::new()
            }
        );
        let text = serde_json::to_string(&seen).unwrap();
        assert_eq!(serde_json::from_str::<PodLook>(&text).unwrap(), seen);
    }

    #[test]
    fn a_deletion_is_dated_when_it_was_asked_for() {
        let seen = look(
            r#"{"metadata":{"name":"a","uid":"1","deletionTimestamp":"2026-01-01T00:01:00Z","deletionGracePeriodSeconds":30,
                "annotations":{"kubernetes.io/config.mirror":"x"}},"status":{"phase":"Failed","reason":"Evicted"}}"#,
        );
        assert_eq!(seen.terminating_since, "2026-01-01T00:00:30Z".parse().ok());
        assert_eq!(seen.grace_s, Some(30));
        assert!(seen.mirror && seen.phase.is_over() && !seen.ready);
        assert_eq!(seen.reason.as_deref(), Some("Evicted"));
        let terminated = look(
            r#"{"metadata":{"name":"a","uid":"1"},"spec":{"containers":[{"name":"c"}]},"status":{"containerStatuses":[
                {"name":"c","image":"","imageID":"","ready":false,"restartCount":0,
                 "state":{"terminated":{"exitCode":1,"reason":"Error"}}}]}}"#,
        );
        let state = &terminated.containers[0].state;
        assert!(
            matches!(state, ContainerState::Terminated(end) if end.exit_code == 1),
            "{state:?}"
        );
        assert!(PodLook::of(&Pod::default()).is_none());
    }
}
