//! Nodes that are closed, tainted, or without power: what was seen, and what it means. Pure.

use k8s_openapi::api::core::v1::{Pod, Toleration};

use crate::environment::HttpAnswer;
use crate::mechanisms::kubernetes::ClusterError;
use crate::mechanisms::kubernetes::look::{NodeLook, PodLook, Readiness, Taint};

/// Errors of a connection that say that no machine is there: network down, network unreachable, timed out, host down,
/// no route to host. All others come from a kernel that lives.
const NO_MACHINE: [&str; 5] = [
    "(os error 100)",
    "(os error 101)",
    "(os error 110)",
    "(os error 112)",
    "(os error 113)",
];

/// What a pod makes of a taint for which it would have to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tolerance {
    None,
    /// It leaves after so many seconds.
    For(u64),
    Always,
}

impl Tolerance {
    /// For people, where a replica does not leave at once.
    pub(super) fn note(&self, replica: &str) -> Option<String> {
        match self {
            Tolerance::None => None,
            Tolerance::For(seconds) => Some(format!("{replica} tolerates it for {seconds} s")),
            Tolerance::Always => Some(format!("{replica} tolerates it, and stays")),
        }
    }
}

/// As the taint manager reckons: of the tolerations that match, the shortest counts.
pub(super) fn tolerance(pod: &Pod, taint: &Taint) -> Tolerance {
    let all = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_ref());
    let mut matching = all
        .into_iter()
        .flatten()
        .filter(|it| matches(it, taint))
        .peekable();
    if matching.peek().is_none() {
        return Tolerance::None;
    }
    match matching.filter_map(|it| it.toleration_seconds).min() {
        Some(seconds) => Tolerance::For(u64::try_from(seconds).unwrap_or(0)),
        None => Tolerance::Always,
    }
}

fn matches(toleration: &Toleration, taint: &Taint) -> bool {
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    let (key, effect) = (text(&toleration.key), text(&toleration.effect));
    if !effect.is_empty() && effect != taint.effect {
        return false;
    }
    let exists = toleration.operator.as_deref() == Some("Exists");
    match key.is_empty() {
        true => exists,
        false => key == taint.key && (exists || text(&toleration.value) == taint.value),
    }
}

/// What was heard from a replica on a node that is to have no power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Power {
    /// Nobody; how.
    Off(String),
    /// Somebody; how.
    On(String),
}

pub(super) fn power(answer: &HttpAnswer) -> Power {
    let how = answer.to_string();
    match answer {
        HttpAnswer::Silent => Power::Off(how),
        HttpAnswer::Broken(why) if NO_MACHINE.iter().any(|it| why.contains(it)) => Power::Off(how),
        // A machine without power refuses nothing.
        HttpAnswer::Status(_) | HttpAnswer::Refused | HttpAnswer::Broken(_) => Power::On(how),
    }
}

/// What the control plane holds of a node, for people.
pub(super) fn platform_says(node: Option<&NodeLook>) -> String {
    match node.map(|node| (&node.name, node.ready.status)) {
        None => "the platform does not know the node".to_string(),
        Some((name, Readiness::Ready)) => format!("the platform still takes {name} for ready"),
        Some((name, Readiness::NotReady)) => format!("the platform says that {name} is not ready"),
        Some((name, Readiness::Unknown)) => format!("the platform has lost {name}"),
    }
}

/// What shows that a node was started anew, though it answers again.
pub(super) fn started_anew(
    before: &NodeLook,
    now: Option<&NodeLook>,
    pod_before: &PodLook,
    pod_now: Option<&PodLook>,
) -> Option<String> {
    let now = now?;
    if !now.boot_id.is_empty() && now.boot_id != before.boot_id {
        return Some(format!("{} has another boot id: {}", now.name, now.boot_id));
    }
    let pod_now = pod_now.filter(|pod| pod.uid == pod_before.uid)?;
    let id_before = |name: &str| {
        let mut all = pod_before.containers.iter();
        all.find(|it| it.name == name)?.id.clone()
    };
    let anew = pod_now
        .containers
        .iter()
        .find(|it| match (id_before(&it.name), &it.id) {
            (Some(before), Some(now)) => before != *now,
            (None, _) | (_, None) => false,
        })?;
    let pod = pod_now.full_name();
    Some(format!(
        "container {} of pod {pod} was made anew on {}",
        anew.name, now.name
    ))
}

pub(super) fn cordoned(node: &NodeLook, since_ms: u64) -> Result<String, String> {
    let name = &node.name;
    match node.unschedulable {
        true => Ok(format!(
            "{name} takes no new pods, seen {since_ms} ms after the injection"
        )),
        false => Err(format!("{name} is not cordoned")),
    }
}

pub(super) fn tainted(node: &NodeLook, taint: &Taint, since_ms: u64) -> Result<String, String> {
    let name = &node.name;
    match node.taints.contains(taint) {
        true => Ok(format!(
            "{name} has the taint {taint}, seen {since_ms} ms after the injection"
        )),
        false => Err(format!("{name} does not have the taint {taint}")),
    }
}

/// Whether nobody answers for the cluster: silence, or a balancer that finds nobody behind it.
pub(super) fn api_server_down(asked: Result<(), &ClusterError>) -> Result<String, String> {
    match asked {
        Err(error) if error.is_silence() => Ok(error.to_string()),
        Err(error @ ClusterError::Other { status, .. })
            if status.is_some_and(|status| matches!(status, 502..=504)) =>
        {
            Ok(error.to_string())
        }
        Err(error) => Err(format!("the API server still answers: {error}")),
        Ok(()) => Err("the API server still answers".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{node, pod};
    use super::*;
    use crate::mechanisms::kubernetes::Ask;
    use crate::mechanisms::kubernetes::look::{ContainerLook, ContainerState};

    fn taint() -> Taint {
        Taint {
            key: "drill".into(),
            value: "yes".into(),
            effect: "NoExecute".into(),
        }
    }

    fn tolerates(tolerations: &str) -> Tolerance {
        let text = format!(r#"{{"spec":{{"containers":[],"tolerations":{tolerations}}}}}"#);
        tolerance(&serde_json::from_str(&text).unwrap(), &taint())
    }

    #[test]
    fn a_toleration_counts_as_the_taint_manager_counts_it() {
        assert_eq!(tolerates("[]"), Tolerance::None);
        let not_ready = r#"[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}]"#;
        assert_eq!(tolerates(not_ready), Tolerance::None);
        assert_eq!(tolerates(r#"[{"operator":"Exists"}]"#), Tolerance::Always);
        assert_eq!(
            tolerates(r#"[{"key":"drill","value":"no"}]"#),
            Tolerance::None
        );
        assert_eq!(
            tolerates(r#"[{"key":"drill","value":"yes","effect":"NoSchedule"}]"#),
            Tolerance::None
        );
        let both = r#"[{"key":"drill","value":"yes","tolerationSeconds":20},{"operator":"Exists","tolerationSeconds":5}]"#;
        assert_eq!(tolerates(both), Tolerance::For(5));
        assert_eq!(Tolerance::None.note("e"), None);
        assert!(
            Tolerance::For(5)
                .note("engine-1")
                .unwrap()
                .contains("for 5 s")
        );
    }

    #[test]
    fn only_silence_or_no_machine_is_a_node_without_power() {
        assert!(matches!(power(&HttpAnswer::Silent), Power::Off(_)));
        let no_route = HttpAnswer::Broken("No route to host (os error 113)".into());
        assert!(matches!(power(&no_route), Power::Off(_)));
        for alive in [
            HttpAnswer::Refused,
            HttpAnswer::Status(503),
            HttpAnswer::Broken("Connection reset by peer (os error 104)".into()),
        ] {
            assert!(matches!(power(&alive), Power::On(_)), "{alive:?}");
        }
    }

    #[test]
    fn a_new_boot_or_a_new_container_shows_a_start() {
        let container = |id: &str| ContainerLook {
            name: "engine".into(),
            id: Some(id.into()),
            image: String::new(),
            image_id: String::new(),
            restarts: 0,
            ready: true,
            state: ContainerState::Running { started_at: None },
            last_end: None,
            memory_limit_bytes: None,
            cpu_limit_millis: None,
        };
        let (before, mut pod_before) = (node("node-1"), pod("engine-0", "u1"));
        pod_before.containers = vec![container("c1")];
        let same = started_anew(&before, Some(&before), &pod_before, Some(&pod_before));
        assert_eq!(same, None);
        let mut booted = before.clone();
        booted.boot_id = "boot-2".into();
        let seen = started_anew(&before, Some(&booted), &pod_before, None).unwrap();
        assert!(seen.contains("boot-2"), "{seen}");
        let mut pod_now = pod_before.clone();
        pod_now.containers = vec![container("c2")];
        let seen = started_anew(&before, Some(&before), &pod_before, Some(&pod_now)).unwrap();
        assert!(seen.contains("made anew"), "{seen}");
        pod_now.uid = "u2".into();
        assert_eq!(
            started_anew(&before, Some(&before), &pod_before, Some(&pod_now)),
            None
        );
    }

    #[test]
    fn marks_are_seen_on_the_node_or_not_believed() {
        let mut closed = node("node-1");
        assert!(cordoned(&closed, 3).is_err() && tainted(&closed, &taint(), 3).is_err());
        closed.unschedulable = true;
        closed.taints = vec![taint()];
        assert!(cordoned(&closed, 3).unwrap().contains("3 ms"));
        assert!(
            tainted(&closed, &taint(), 3)
                .unwrap()
                .contains("drill=yes:NoExecute")
        );
        closed.taints[0].value = "other".into();
        assert!(tainted(&closed, &taint(), 3).is_err());
    }

    #[test]
    fn an_api_server_that_refuses_a_request_is_there() {
        let ask = || Ask::of("get", "services", "default", "kubernetes");
        let silent = ClusterError::Timeout {
            server: "https://c:6443".into(),
            ask: ask(),
            within_ms: 500,
        };
        assert!(api_server_down(Err(&silent)).is_ok());
        let balancer = ClusterError::Other {
            ask: ask(),
            status: Some(503),
            why: "nobody".into(),
        };
        assert!(api_server_down(Err(&balancer)).is_ok());
        assert!(api_server_down(Err(&ClusterError::NotFound(ask()))).is_err());
        assert!(api_server_down(Ok(())).is_err());
    }

    #[test]
    fn the_platform_may_not_have_noticed_yet() {
        let mut look = node("node-1");
        assert!(platform_says(Some(&look)).contains("still takes node-1 for ready"));
        look.ready.status = Readiness::Unknown;
        assert!(platform_says(Some(&look)).contains("has lost node-1"));
        assert!(platform_says(None).contains("does not know"));
    }
}
