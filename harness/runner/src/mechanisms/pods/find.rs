//! Looking through `/proc` for the processes of containers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

use super::path::ContainerPath;
use crate::mechanisms::process::{ProcessError, ProcessHandle};

/// The id that the API gives, without the name of the runtime: `containerd://<id>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(String);

/// One container that runs on this node.
#[derive(Debug, Clone)]
pub struct PodContainer {
    pub path: ContainerPath,
    /// The first one in it, pinned.
    pub main: ProcessHandle,
    /// What the main process was started with.
    pub arguments: Vec<String>,
}

/// All containers of one node at one moment.
#[derive(Debug, Default)]
pub struct NodePods {
    members: BTreeMap<ContainerPath, Vec<Member>>,
}

/// A process that may be a container's main one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    pub pid: u32,
    /// Its pid in each pid namespace, from ours inwards.
    pub depth: usize,
    /// The last of them.
    pub innermost: u32,
    pub start_time_ticks: u64,
}

/// Why a container could not be found.
#[derive(Debug, thiserror::Error)]
pub enum PodError {
    #[error("cannot look through /proc: {0}")]
    Look(io::Error),
    #[error("container {id} does not run on this node (any more)")]
    NotHere { id: String },
    #[error(
        "container {id} runs in pod {found}, not in pod {wanted}: the order is older than the pod"
    )]
    OtherPod {
        id: String,
        wanted: String,
        found: String,
    },
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl ContainerId {
    /// With or without the runtime before it.
    pub fn of(text: &str) -> ContainerId {
        let bare = text.rsplit_once("://").map_or(text, |(_, id)| id);
        ContainerId(bare.to_string())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl NodePods {
    /// Looks at every process once. Those that end in the meantime are left out.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub fn look() -> Result<NodePods, PodError> {
        let mut pods = NodePods::default();
        for entry in fs::read_dir("/proc").map_err(PodError::Look)? {
            let name = entry.map_err(PodError::Look)?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if let Some((path, member)) = member(pid) {
                pods.members.entry(path).or_default().push(member);
            }
        }
        Ok(pods)
    }

    /// The ids of the containers that run in a pod, the one that only holds its namespaces among them.
    pub fn in_pod(&self, pod_uid: &str) -> BTreeSet<String> {
        let paths = self.members.keys().filter(|path| path.pod_uid == pod_uid);
        paths.map(|path| path.container_id.clone()).collect()
    }

    /// One container, with its main process pinned.
    ///
    /// # Errors
    /// When it does not run here, or runs in another pod.
    pub fn container(&self, pod_uid: &str, id: &ContainerId) -> Result<PodContainer, PodError> {
        let not_here = || PodError::NotHere {
            id: id.as_str().to_string(),
        };
        let mut known = self.members.iter();
        let (path, members) = known
            .find(|(path, _)| path.container_id == id.as_str())
            .ok_or_else(not_here)?;
        if path.pod_uid != pod_uid {
            return Err(PodError::OtherPod {
                id: id.as_str().to_string(),
                wanted: pod_uid.to_string(),
                found: path.pod_uid.clone(),
            });
        }
        let main = choose_main(members).ok_or_else(not_here)?;
        let handle = ProcessHandle::of_pid(main.pid)?.ok_or_else(not_here)?;
        let is_it = handle.id().start_time_ticks == main.start_time_ticks;
        Ok(PodContainer {
            path: path.clone(),
            arguments: arguments(main.pid).map_err(|_| not_here())?,
            main: is_it.then_some(handle).ok_or_else(not_here)?,
        })
    }
}

/// The one that is pid 1 in the container's own pid namespace; where the pod shares one, or that of the node, the
/// oldest. A process that made a further namespace inside is not the container's first.
pub fn choose_main(members: &[Member]) -> Option<Member> {
    let oldest = |member: &Member| (member.depth, member.start_time_ticks, member.pid);
    let first = |member: &&Member| member.innermost == 1 && member.depth > 1;
    let firsts = members.iter().filter(first).min_by_key(|it| oldest(it));
    let all = || {
        members
            .iter()
            .min_by_key(|it| (it.start_time_ticks, it.pid))
    };
    firsts.or_else(all).copied()
}

/// What a process was started with.
pub(super) fn arguments(pid: u32) -> io::Result<Vec<String>> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline"))?;
    let parts = bytes.split(|byte| *byte == 0);
    let mut words: Vec<String> = parts
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect();
    // The last one ends with a zero too.
    words.pop();
    Ok(words)
}

fn member(pid: u32) -> Option<(ContainerPath, Member)> {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
    let path = ContainerPath::of_process(&read("cgroup")?)?;
    let (depth, innermost) = nested_pids(&read("status")?)?;
    let handle = ProcessHandle::of_pid(pid).ok()??;
    let member = Member {
        pid,
        depth,
        innermost,
        start_time_ticks: handle.id().start_time_ticks,
    };
    Some((path, member))
}

/// In how many pid namespaces a process is, seen from here, and its pid in the innermost one.
fn nested_pids(status: &str) -> Option<(usize, u32)> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("NSpid:"))?;
    let pids: Vec<u32> = line
        .split_ascii_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    Some((pids.len(), *pids.last()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(pid: u32, depth: usize, innermost: u32, start_time_ticks: u64) -> Member {
        Member {
            pid,
            depth,
            innermost,
            start_time_ticks,
        }
    }

    fn main_of(members: &[Member]) -> Option<u32> {
        choose_main(members).map(|member| member.pid)
    }

    #[test]
    fn the_main_process_is_the_first_of_its_namespace() {
        // A command that was started inside is older by its number only.
        let own = [
            member(300, 2, 7, 50),
            member(400, 2, 1, 60),
            member(401, 2, 8, 70),
        ];
        assert_eq!(main_of(&own), Some(400));
        // One that made a namespace of its own inside is pid 1 there, and is not meant.
        let nested = [member(390, 3, 1, 55), member(400, 2, 1, 60)];
        assert_eq!(main_of(&nested), Some(400));
    }

    #[test]
    fn in_a_shared_namespace_it_is_the_oldest() {
        let shared = [member(500, 2, 9, 80), member(499, 2, 8, 79)];
        assert_eq!(main_of(&shared), Some(499));
        let of_the_node = [member(900, 1, 900, 9), member(800, 1, 800, 9)];
        assert_eq!(main_of(&of_the_node), Some(800));
        // The node's own first process is no container's.
        assert_eq!(main_of(&[member(1, 1, 1, 1), member(5, 1, 5, 0)]), Some(5));
        assert_eq!(main_of(&[]), None);
    }

    #[test]
    fn pids_of_all_namespaces_are_read() {
        let status = "Name:\tengine\nTgid:\t4711\nNSpid:\t4711\t83\t1\nNSpgid:\t4711\t83\t1\n";
        assert_eq!(nested_pids(status), Some((3, 1)));
        assert_eq!(nested_pids("NSpid:\t4711\n"), Some((1, 4711)));
        assert_eq!(nested_pids("Name:\tx\n"), None);
    }

    #[test]
    fn ids_come_with_and_without_their_runtime() {
        assert_eq!(ContainerId::of("containerd://ab12").as_str(), "ab12");
        assert_eq!(ContainerId::of("ab12").as_str(), "ab12");
    }

    #[test]
    fn a_container_that_is_not_there_is_told() {
        let id = ContainerId::of(&"a".repeat(64));
        let pods = NodePods::look().unwrap();
        let missing = pods.container("2c48913c-b29f-11e7-9350-020968147796", &id);
        assert!(matches!(missing, Err(PodError::NotHere { .. })));
    }
}
