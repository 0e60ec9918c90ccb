//! The two services that make a machine a node, the kubelet and the container runtime, as processes.
//!
//! They are found by their names among the node's own processes: what runs in a container, or in a pid namespace of its
//! own, is none of the node's services, whatever it is called. Where a runtime listens is asked of the kernel, because
//! every distribution puts its socket elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::pods::ContainerPath;
use super::process::{ProcessError, ProcessHandle};

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeService {
    Kubelet,
    Runtime,
}

/// Why a service was not found.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("cannot look through /proc: {0}")]
    Look(io::Error),
    #[error("no {wanted} runs on this node; the agent's pod needs hostPID")]
    None { wanted: String },
    #[error("several processes may be meant: {found}")]
    Several { found: String },
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl NodeService {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            NodeService::Kubelet => "kubelet",
            NodeService::Runtime => "container runtime",
        }
    }

    /// What its process can be called.
    fn called(self) -> &'static [&'static str] {
        match self {
            NodeService::Kubelet => &["kubelet"],
            NodeService::Runtime => &["containerd", "crio"],
        }
    }

    /// Finds and pins its process, with what it is called.
    ///
    /// # Errors
    /// When there is none, or there are several.
    pub fn find(self) -> Result<(ProcessHandle, String), ServiceError> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").map_err(ServiceError::Look)? {
            let name = entry.map_err(ServiceError::Look)?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let read = |file: &str| {
                // What ends in the meantime is none.
                fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default()
            };
            if is_it(self, &read("comm"), &read("cgroup"), &read("status"))
                && let Some(process) = ProcessHandle::of_pid(pid)?
            {
                found.push((process, read("comm").trim().to_string()));
            }
        }
        let called = || {
            let each = found
                .iter()
                .map(|(process, name)| format!("{name} ({})", process.id()));
            each.collect::<Vec<_>>().join(", ")
        };
        match &found[..] {
            [_] => Ok(found.remove(0)),
            [] => Err(ServiceError::None {
                wanted: self.called().join(" or "),
            }),
            _ => Err(ServiceError::Several { found: called() }),
        }
    }
}

fn is_it(service: NodeService, name: &str, groups: &str, status: &str) -> bool {
    let pids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let depth = pids.map_or(0, |pids| pids.split_ascii_whitespace().count());
    service.called().contains(&name.trim())
        && depth == 1
        && ContainerPath::of_process(groups).is_none()
}

/// The unix sockets on which a process listens, as paths that can be opened from here; those that are named after it
/// first.
///
/// # Errors
/// When `/proc` does not let us look.
pub fn listens_on(process: &ProcessHandle, name: &str) -> io::Result<Vec<PathBuf>> {
    let folder = PathBuf::from(format!("/proc/{}", process.pid()));
    let mut inodes = BTreeSet::new();
    for entry in fs::read_dir(folder.join("fd"))? {
        // A file that was closed since is none.
        let Ok(link) = fs::read_link(entry?.path()) else {
            continue;
        };
        let inode = link.to_str().and_then(|link| {
            let number = link.strip_prefix("socket:[")?.strip_suffix(']')?;
            number.parse::<u64>().ok()
        });
        inodes.extend(inode);
    }
    let table = fs::read_to_string(folder.join("net/unix"))?;
    let mut paths = listening(&table, &inodes);
    let own = format!("{name}.sock");
    paths.sort_by_key(|path| !path.ends_with(&own));
    // Its own view of files: the socket may be where nobody else sees it.
    let seen = |path: PathBuf| {
        folder
            .join("root")
            .join(path.strip_prefix("/").unwrap_or(&path))
    };
    Ok(paths.into_iter().map(seen).collect())
}

/// Paths of listening stream sockets with one of these inodes, from the text of `/proc/PID/net/unix`.
fn listening(table: &str, inodes: &BTreeSet<u64>) -> Vec<PathBuf> {
    const LISTENS: &str = "00010000";
    const STREAM: &str = "0001";
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, _, _, flags, kind, _, inode, path] = fields[..] else {
            return None;
        };
        let is_one = flags == LISTENS && kind == STREAM && inodes.contains(&inode.parse().ok()?);
        is_one.then(|| Path::new(path).to_path_buf())
    };
    table
        .lines()
        .filter_map(socket)
        .filter(|path| path.is_absolute())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON_NODE: &str = "0::/system.slice/kubelet.service\n";

    #[test]
    fn only_the_nodes_own_process_is_its_service() {
        let kubelet = |name: &str, groups: &str, pids: &str| {
            is_it(
                NodeService::Kubelet,
                name,
                groups,
                &format!("Name:\tx\nNSpid:\t{pids}\n"),
            )
        };
        assert!(kubelet("kubelet\n", ON_NODE, "812"));
        assert!(!kubelet("kubelet-x\n", ON_NODE, "812"));
        // The kubelet of a node that is itself a container, and a program in a pod that is called so.
        assert!(!kubelet("kubelet\n", ON_NODE, "812\t31"));
        let in_pod = format!(
            "0::/kubepods/pod2c48913c-b29f-11e7-9350-020968147796/{}\n",
            "a".repeat(64)
        );
        assert!(!kubelet("kubelet\n", &in_pod, "812"));
        let runtime = |name| is_it(NodeService::Runtime, name, "0::/\n", "NSpid:\t5\n");
        assert!(runtime("containerd\n") && runtime("crio\n"));
        assert!(!runtime("containerd-shim\n"));
    }

    #[test]
    fn listening_sockets_are_found_in_the_table_of_the_kernel() {
        let table = "Num       RefCount Protocol Flags    Type St Inode Path\n\
             0000000000000000: 00000002 00000000 00010000 0001 01 77 /run/containerd/containerd.sock.ttrpc\n\
             0000000000000000: 00000002 00000000 00010000 0001 01 78 /run/containerd/containerd.sock\n\
             0000000000000000: 00000002 00000000 00010000 0001 01 79 /run/other.sock\n\
             0000000000000000: 00000003 00000000 00000000 0001 03 80 /run/containerd/containerd.sock\n\
             0000000000000000: 00000002 00000000 00010000 0001 01 81 @abstract\n\
             0000000000000000: 00000002 00000000 00000000 0002 01 82\n";
        let own = BTreeSet::from([77, 78, 80, 81, 82]);
        let found = listening(table, &own);
        assert_eq!(
            found,
            [
                PathBuf::from("/run/containerd/containerd.sock.ttrpc"),
                PathBuf::from("/run/containerd/containerd.sock")
            ]
        );
    }

    #[test]
    fn the_own_socket_comes_first_and_can_be_opened_from_here() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["a.sock", "crio.sock"];
        let _held = names
            .map(|name| std::os::unix::net::UnixListener::bind(folder.path().join(name)).unwrap());
        let own = ProcessHandle::of_pid(std::process::id()).unwrap().unwrap();
        let found = listens_on(&own, "crio").unwrap();
        assert!(found[0].ends_with("crio.sock"), "{found:?}");
        assert!(std::os::unix::net::UnixStream::connect(&found[0]).is_ok());
    }
}
