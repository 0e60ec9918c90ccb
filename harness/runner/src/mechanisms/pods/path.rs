//! Paths of control groups, as kubelets and container runtimes make them. Pure.
//!
//! The kubelet names a pod's group in one of two ways (`cgroupfs`, `systemd`), the runtime the container's below it in
//! several. All of it may lie below a root of the node's own, or be shown relative to another group (`/../..`).

/// Length of a container id in hexadecimal digits, for every runtime that a kubelet speaks to.
const ID_DIGITS: usize = 64;
/// Digits of a pod uid without its dashes.
const UID_DIGITS: usize = 32;
/// The monitor of a CRI-O container is beside it and is no part of it.
const MONITOR: &str = "conmon";

/// Which container of which pod a group belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerPath {
    /// As the API writes it, with dashes; without them for a static pod.
    pub pod_uid: String,
    /// 64 hexadecimal digits.
    pub container_id: String,
}

impl ContainerPath {
    /// The container of a process, from the text of its `/proc/PID/cgroup`; `None` when it is in none. In cgroup v1
    /// there is a line for each hierarchy: the first one that names a container counts.
    pub fn of_process(text: &str) -> Option<ContainerPath> {
        let path = |line: &str| line.splitn(3, ':').nth(2).map(str::to_string);
        let mut paths = text.lines().filter_map(path);
        paths.find_map(|path| ContainerPath::of_group(&path))
    }

    /// The container that one group belongs to, or a group below it.
    pub fn of_group(path: &str) -> Option<ContainerPath> {
        if path.ends_with(" (deleted)") {
            return None;
        }
        // containerd without systemd puts colons where others put a folder: `…-pod<uid>.slice:cri-containerd:<id>`.
        let parts = path.split(['/', ':']).filter(|part| !part.is_empty());
        let mut pod_uid: Option<String> = None;
        for part in parts {
            if let Some(uid) = pod_of(part) {
                pod_uid = Some(uid);
            } else if let (Some(uid), Some(id)) = (&pod_uid, container_of(part)) {
                return Some(ContainerPath {
                    pod_uid: uid.clone(),
                    container_id: id.to_string(),
                });
            }
        }
        None
    }
}

/// True for the uid of a pod that a kubelet runs from a file, as it runs those of the control plane: a digest of the
/// file, without dashes.
pub fn is_static(pod_uid: &str) -> bool {
    pod_uid.len() == UID_DIGITS && is_hex(pod_uid)
}

/// `pod<uid>`, or `…-pod<uid with _>.slice`.
fn pod_of(part: &str) -> Option<String> {
    let uid = match part.strip_suffix(".slice") {
        Some(slice) => slice.rsplit_once("-pod")?.1.replace('_', "-"),
        None => part.strip_prefix("pod")?.to_string(),
    };
    let digits: String = uid.chars().filter(|it| *it != '-').collect();
    let dashes = uid.len() - digits.len();
    let is_uid = digits.len() == UID_DIGITS && is_hex(&digits) && matches!(dashes, 0 | 4);
    is_uid.then_some(uid)
}

/// `<id>`, `crio-<id>`, or `<runtime>-<id>.scope`.
fn container_of(part: &str) -> Option<&str> {
    let name = part.strip_suffix(".scope").unwrap_or(part);
    let (runtime, id) = name.rsplit_once('-').unwrap_or(("", name));
    let is_container = id.len() == ID_DIGITS && is_hex(id) && !runtime.ends_with(MONITOR);
    is_container.then_some(id)
}

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "2c48913c-b29f-11e7-9350-020968147796";
    const UNDERSCORED: &str = "2c48913c_b29f_11e7_9350_020968147796";
    const ID: &str = "9e8b36ac4a3a2bb3d7b1d1f2a3e9b2c64bf3a6c6a8e1f9d0c7b5a4938271605f";

    fn wanted() -> ContainerPath {
        ContainerPath {
            pod_uid: UID.into(),
            container_id: ID.into(),
        }
    }

    #[test]
    fn every_way_of_naming_a_group_is_understood() {
        for path in [
            format!("/kubepods/burstable/pod{UID}/{ID}"),
            format!("/kubepods/pod{UID}/{ID}"),
            format!("/shk/node-1/kubepods/besteffort/pod{UID}/{ID}"),
            format!("/shk/node-1/kubepods/besteffort/pod{UID}/{ID}/init"),
            format!("/../../burstable/pod{UID}/{ID}"),
            format!(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDERSCORED}.slice/cri-containerd-{ID}.scope"
            ),
            format!("/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/crio-{ID}.scope/container"),
            format!(
                "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{UNDERSCORED}.slice/docker-{ID}.scope"
            ),
            format!(
                "/system.slice/containerd.service/kubepods-burstable-pod{UNDERSCORED}.slice:cri-containerd:{ID}"
            ),
            format!(
                "/../../kubepods-besteffort.slice/kubepods-besteffort-pod{UNDERSCORED}.slice/cri-containerd-{ID}.scope"
            ),
            format!("/kubepods/besteffort/pod{UID}/crio-{ID}"),
        ] {
            assert_eq!(ContainerPath::of_group(&path), Some(wanted()), "{path}");
        }
    }

    #[test]
    fn what_is_no_container_is_none() {
        for path in [
            "/".to_string(),
            "/user.slice/user-1000.slice/session-2.scope".to_string(),
            "/system.slice/kubelet.service".to_string(),
            format!("/docker/{ID}"),
            format!("/kubepods/burstable/pod{UID}"),
            format!("/kubepods/burstable/pod{UID}/{}", &ID[1..]),
            format!("/kubepods/burstable/podnothing/{ID}"),
            format!("/kubepods/burstable/pod{UID}/{ID} (deleted)"),
            format!("/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/crio-conmon-{ID}.scope"),
            format!("/pods/{ID}/pod{UID}"),
        ] {
            assert_eq!(ContainerPath::of_group(&path), None, "{path}");
        }
    }

    #[test]
    fn both_generations_of_proc_files_are_read() {
        let second = format!("0::/kubepods/burstable/pod{UID}/{ID}\n");
        assert_eq!(ContainerPath::of_process(&second), Some(wanted()));
        let first = format!(
            "12:cpuset:/kubepods/burstable/pod{UID}/{ID}\n3:cpu,cpuacct:/kubepods/burstable/pod{UID}/{ID}\n\
             1:name=systemd:/kubepods/burstable/pod{UID}/{ID}\n0::/\n"
        );
        assert_eq!(ContainerPath::of_process(&first), Some(wanted()));
        let hybrid = format!("9:name=systemd:/\n4:memory:/\n0::/kubepods/pod{UID}/{ID}\n");
        assert_eq!(ContainerPath::of_process(&hybrid), Some(wanted()));
        let with_colons = format!("0::/x/kubepods-pod{UNDERSCORED}.slice:cri-containerd:{ID}\n");
        assert_eq!(ContainerPath::of_process(&with_colons), Some(wanted()));
        assert_eq!(ContainerPath::of_process("0::/init.scope\n"), None);
        assert_eq!(ContainerPath::of_process(""), None);
    }

    #[test]
    fn a_static_pod_shows_in_its_uid() {
        let digest = "4f1ee2bd8a1f0b5a0a1b2c3d4e5f6071";
        let path = format!("/kubepods/burstable/pod{digest}/{ID}");
        let found = ContainerPath::of_group(&path).unwrap();
        assert!(is_static(&found.pod_uid));
        assert!(!is_static(UID));
    }
}
