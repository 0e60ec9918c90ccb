//! Containers that must not be touched, whoever orders it.

use std::io::ErrorKind;

use super::find::{PodContainer, arguments};
use super::path::{ContainerPath, is_static};
use crate::mechanisms::net::{Netns, NetnsError};
use crate::mechanisms::process::{ProcessError, ProcessHandle};

/// The first process of this pid namespace: the node's.
const FIRST: u32 = 1;
const BINARY: &str = "shakedown";
/// The one command under which the binary is a system under test.
const STAND_IN: &str = "engine";

/// Why a container is left alone.
#[derive(Debug, thiserror::Error)]
pub enum Forbidden {
    #[error("its pod is on the network of the node, which a fault would hit with everything on it")]
    HostNetwork,
    #[error(
        "the kubelet runs its pod from a file, as it does those of the control plane: Shakedown touches no such pod"
    )]
    Static,
    #[error("it is one of Shakedown's own")]
    Ours,
    #[error("it has just ended")]
    Gone,
    #[error(transparent)]
    Netns(#[from] NetnsError),
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// The namespace of a container that may be touched.
///
/// # Errors
/// When it must not be, with the reason; or when that cannot be found out.
pub fn forbidden(container: &PodContainer) -> Result<Netns, Forbidden> {
    if is_static(&container.path.pod_uid) {
        return Err(Forbidden::Static);
    }
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = ContainerPath::of_process(&own);
    if own.is_some_and(|own| own.pod_uid == container.path.pod_uid) || is_ours(container) {
        return Err(Forbidden::Ours);
    }
    let netns = Netns::of_process(&container.main)?.ok_or(Forbidden::Gone)?;
    match of_node()?.is_some_and(|of_node| of_node.id() == netns.id()) || netns.is_own()? {
        true => Err(Forbidden::HostNetwork),
        false => Ok(netns),
    }
}

/// The namespace of the node's first process; `None` where it may not be looked at. Whoever acts on a node is on its
/// network, so that its own namespace says the same.
fn of_node() -> Result<Option<Netns>, Forbidden> {
    let first = ProcessHandle::of_pid(FIRST)?.ok_or(Forbidden::Gone)?;
    match Netns::of_process(&first) {
        Err(NetnsError::Open { source, .. }) if source.kind() == ErrorKind::PermissionDenied => {
            Ok(None)
        }
        other => Ok(other?),
    }
}

/// A runner, a worker, an agent: Shakedown's binary under any command but the one that plays an engine.
fn is_ours(container: &PodContainer) -> bool {
    let now = arguments(container.main.pid());
    runs_shakedown(&now.unwrap_or_else(|_| container.arguments.clone()))
}

fn runs_shakedown(arguments: &[String]) -> bool {
    let mut words = arguments.iter();
    let program = words.next().map_or("", String::as_str);
    let name = program.rsplit('/').next().unwrap_or(program);
    let command = words.find(|word| !word.starts_with('-'));
    name == BINARY && command.is_none_or(|command| command != STAND_IN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(line: &str) -> bool {
        let words: Vec<String> = line.split(' ').map(str::to_string).collect();
        runs_shakedown(&words)
    }

    #[test]
    fn the_reference_engine_is_a_target_and_the_harness_is_none() {
        assert!(ours("/usr/bin/shakedown agent --order {}"));
        assert!(ours("shakedown -v run leader-kill"));
        assert!(ours("shakedown"));
        assert!(!ours("/usr/bin/shakedown engine node --id 1"));
        assert!(!ours("/usr/bin/shakedown -v engine node"));
        assert!(!ours("/app/acme shakedown run"));
        assert!(!ours(""));
    }

    #[test]
    fn what_is_on_the_network_of_the_node_or_static_is_refused() {
        let main = ProcessHandle::of_pid(std::process::id()).unwrap().unwrap();
        let container = |pod_uid: &str| PodContainer {
            path: ContainerPath {
                pod_uid: pod_uid.to_string(),
                container_id: "c".repeat(64),
            },
            main: main.clone(),
            arguments: vec!["/app/acme".into()],
        };
        let here = forbidden(&container("2c48913c-b29f-11e7-9350-020968147796"));
        assert!(matches!(here, Err(Forbidden::HostNetwork)), "{here:?}");
        let static_pod = forbidden(&container("4f1ee2bd8a1f0b5a0a1b2c3d4e5f6071"));
        assert!(matches!(static_pod, Err(Forbidden::Static)));
    }
}
