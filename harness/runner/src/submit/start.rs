//! Whether the pod of a run starts, by its own conditions. Pure.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use super::submission::RUN;

/// How far the pod is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The container of the run runs, or has run.
    Started,
    /// Something is in the way, or it just takes its time.
    Waits(Wait),
}

/// Why it has not started, and how long that may last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    pub obstacle: Obstacle,
    /// The pod's own words.
    pub why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// There is no pod yet.
    NoPod,
    NoNode,
    NoImage,
    /// It refers to what is not there, such as a Secret.
    Config,
    /// Nothing is known to be wrong.
    Slow,
}

impl Obstacle {
    /// After which it is given up. A node may come, or be made; an image that is not there does not.
    pub fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Obstacle::Config => 15,
            Obstacle::NoImage => 20,
            Obstacle::NoPod => 30,
            Obstacle::NoNode => 60,
            Obstacle::Slow => 180,
        })
    }

    pub fn words(self) -> &'static str {
        match self {
            Obstacle::NoPod => "no pod was made for it",
            Obstacle::NoNode => "its pod fits on no node",
            Obstacle::NoImage => "its image cannot be had",
            Obstacle::Config => "its pod refers to what is not there",
            Obstacle::Slow => "its pod does not start",
        }
    }
}

/// What a pod says of its start; `None`: there is none.
pub fn start_of(pod: Option<&Pod>) -> Start {
    let Some(pod) = pod else {
        return waits(
            Obstacle::NoPod,
            "a quota, a limit range or Pod Security may forbid it: kubectl describe job"
                .to_string(),
        );
    };
    let status = pod.status.clone().unwrap_or_default();
    let containers = status.container_statuses.unwrap_or_default();
    if containers.iter().any(|it| it.name == RUN && has_run(it)) {
        return Start::Started;
    }
    let phase = status.phase.unwrap_or_default();
    let message = status.message.or(status.reason);
    if phase == "Failed" {
        return waits(Obstacle::Config, message.unwrap_or(phase));
    }
    let conditions = status.conditions.unwrap_or_default();
    let unscheduled = conditions
        .into_iter()
        .find(|it| it.type_ == "PodScheduled" && it.status == "False");
    if let Some(it) = unscheduled {
        let words = [it.reason, it.message].map(Option::unwrap_or_default);
        return waits(Obstacle::NoNode, words.join(": "));
    }
    let waiting = containers.iter().filter_map(|it| {
        let waiting = it.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.clone().unwrap_or_default();
        let obstacle = obstacle(&reason)?;
        let message = waiting.message.clone().unwrap_or_default();
        let why = format!("container {}: {reason}: {message}", it.name);
        Some((obstacle, why.trim_end_matches(": ").to_string()))
    });
    match waiting.into_iter().next() {
        Some((obstacle, why)) => waits(obstacle, why),
        None => waits(Obstacle::Slow, message.unwrap_or(phase)),
    }
}

fn waits(obstacle: Obstacle, why: String) -> Start {
    Start::Waits(Wait { obstacle, why })
}

fn has_run(status: &ContainerStatus) -> bool {
    let state = status.state.as_ref();
    state.is_some_and(|it| it.running.is_some() || it.terminated.is_some())
}

fn obstacle(reason: &str) -> Option<Obstacle> {
    match reason {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "ErrImageNeverPull"
        | "InvalidImageName"
        | "ImageInspectError"
        | "RegistryUnavailable" => Some(Obstacle::NoImage),
        "CreateContainerConfigError"
        | "CreateContainerError"
        | "RunContainerError"
        | "CrashLoopBackOff" => Some(Obstacle::Config),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Start {
        start_of(Some(&serde_json::from_str(text).unwrap()))
    }

    fn wait(start: Start) -> Wait {
        match start {
            Start::Waits(wait) => wait,
            Start::Started => panic!("it has not started"),
        }
    }

    #[test]
    fn a_pod_says_itself_why_it_does_not_start() {
        let no_node = wait(of(
            r#"{"status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable",
                "message":"0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules."}]}}"#,
        ));
        assert_eq!(no_node.obstacle, Obstacle::NoNode);
        assert!(
            no_node.why.starts_with("Unschedulable: 0/3 nodes"),
            "{no_node:?}"
        );
        let container = |reason: &str| {
            wait(of(&format!(
                r#"{{"status":{{"phase":"Pending","containerStatuses":[
                    {{"name":"courier","image":"","imageID":"","ready":false,"restartCount":0,"state":{{"running":{{}}}}}},
                    {{"name":"run","image":"","imageID":"","ready":false,"restartCount":0,
                      "state":{{"waiting":{{"reason":"{reason}","message":"because"}}}}}}]}}}}"#
            )))
        };
        let no_image = container("ImagePullBackOff");
        assert_eq!(no_image.obstacle, Obstacle::NoImage);
        assert_eq!(no_image.why, "container run: ImagePullBackOff: because");
        let config = container("CreateContainerConfigError");
        assert_eq!(config.obstacle, Obstacle::Config);
        assert_eq!(container("ContainerCreating").obstacle, Obstacle::Slow);
        assert_eq!(wait(start_of(None)).obstacle, Obstacle::NoPod);
    }

    #[test]
    fn a_run_that_was_over_at_once_has_started() {
        let over = of(r#"{"status":{"phase":"Running","containerStatuses":[
                {"name":"run","image":"","imageID":"","ready":false,"restartCount":0,
                 "state":{"terminated":{"exitCode":77}}}]}}"#);
        assert_eq!(over, Start::Started);
    }
}
