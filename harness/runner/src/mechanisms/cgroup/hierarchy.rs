//! Which cgroup hierarchies are mounted here, and in which group of each a process is.
//!
//! Three layouts occur: v1 only, v2 only, and both at once ("hybrid"), where v2 has no controllers but can freeze.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::CgroupError;
use super::fs::{CgroupFs, KernelFs};
use super::group::{Group, is_gone};
use crate::mechanisms::process::ProcessId;

const MOUNTS: &str = "/proc/self/mountinfo";

/// The two generations of control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    V1,
    V2,
}

/// What is asked of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    Freezer,
    Cpu,
    Memory,
}

impl Controller {
    /// All of them.
    pub const ALL: [Controller; 3] = [Controller::Freezer, Controller::Cpu, Controller::Memory];

    /// The kernel's name.
    pub fn name(self) -> &'static str {
        match self {
            Controller::Freezer => "freezer",
            Controller::Cpu => "cpu",
            Controller::Memory => "memory",
        }
    }

    /// The files that Shakedown writes, in an order in which limits can be raised again.
    pub(super) fn files(self, version: Version) -> &'static [&'static str] {
        match (self, version) {
            (Controller::Freezer, Version::V1) => &["freezer.state"],
            (Controller::Freezer, Version::V2) => &["cgroup.freeze"],
            (Controller::Cpu, Version::V1) => &["cpu.cfs_period_us", "cpu.cfs_quota_us"],
            (Controller::Cpu, Version::V2) => &["cpu.max"],
            (Controller::Memory, Version::V1) => {
                &["memory.memsw.limit_in_bytes", "memory.limit_in_bytes"]
            }
            (Controller::Memory, Version::V2) => &["memory.swap.max", "memory.max"],
        }
    }

    /// The file without which the controller is not there.
    pub(super) fn key_file(self, version: Version) -> &'static str {
        let files = self.files(version);
        files[files.len() - 1]
    }
}

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One mounted hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    pub version: Version,
    pub mount_point: PathBuf,
    /// Which group the mount point shows; `/` unless a part of the hierarchy is mounted, as in some containers.
    mount_root: PathBuf,
    /// v1: what is bound to it, such as `cpu` and `cpuacct`. v2 says so group by group.
    controllers: Vec<String>,
}

impl Hierarchy {
    fn may_have(&self, controller: Controller) -> bool {
        match self.version {
            Version::V1 => self
                .controllers
                .iter()
                .any(|name| name == controller.name()),
            Version::V2 => true,
        }
    }

    /// The path that a line of `/proc/PID/cgroup` gives for this hierarchy.
    fn path_in<'a>(&self, line: &'a str) -> Option<&'a str> {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let is_this = match self.version {
            Version::V1 => controllers
                .split(',')
                .any(|name| !name.is_empty() && self.controllers.iter().any(|own| own == name)),
            Version::V2 => controllers.is_empty(),
        };
        is_this.then_some(path)
    }
}

/// The control groups of one machine, as far as they can be seen from here.
#[derive(Debug, Clone)]
pub struct Cgroups {
    pub(super) fs: Arc<dyn CgroupFs>,
    hierarchies: Vec<Hierarchy>,
}

impl Cgroups {
    /// Looks at what is mounted here.
    ///
    /// # Errors
    /// When `/proc/self/mountinfo` cannot be read.
    pub fn discover() -> Result<Cgroups, CgroupError> {
        Cgroups::discover_with(Arc::new(KernelFs))
    }

    /// As [`Cgroups::discover`], through another filesystem.
    ///
    /// # Errors
    /// When its `/proc/self/mountinfo` cannot be read.
    pub fn discover_with(fs: Arc<dyn CgroupFs>) -> Result<Cgroups, CgroupError> {
        let text = fs
            .read(Path::new(MOUNTS))
            .map_err(|source| CgroupError::Read {
                file: PathBuf::from(MOUNTS),
                source,
            })?;
        let mut hierarchies: Vec<Hierarchy> = text.lines().filter_map(parse_mount).collect();
        // v2 first: a process frozen by it can still be killed.
        hierarchies.sort_by_key(|hierarchy| std::cmp::Reverse(hierarchy.version));
        Ok(Cgroups { fs, hierarchies })
    }

    /// The same without the hierarchies of the other version.
    pub fn only(&self, version: Version) -> Cgroups {
        let mut own = self.clone();
        own.hierarchies
            .retain(|hierarchy| hierarchy.version == version);
        own
    }

    /// The filesystem that they are read through, which holds `/proc` too.
    pub(in crate::mechanisms) fn fs(&self) -> &dyn CgroupFs {
        &*self.fs
    }

    /// What is mounted.
    pub fn hierarchies(&self) -> &[Hierarchy] {
        &self.hierarchies
    }

    /// Hierarchies in which this can be asked of a group, the best first.
    ///
    /// # Errors
    /// When there is none.
    pub fn with_controller(&self, controller: Controller) -> Result<Vec<&Hierarchy>, CgroupError> {
        // Only freezing is built into v2. The other two are bound to one hierarchy: to v1 if v1 has them.
        let in_v1 = self.hierarchies.iter().any(|hierarchy| {
            hierarchy.version == Version::V1
                && controller != Controller::Freezer
                && hierarchy.may_have(controller)
        });
        let found: Vec<&Hierarchy> = self
            .hierarchies
            .iter()
            .filter(|hierarchy| hierarchy.may_have(controller))
            .filter(|hierarchy| !in_v1 || hierarchy.version == Version::V1)
            .collect();
        match found.is_empty() {
            true => Err(CgroupError::NotMounted(controller)),
            false => Ok(found),
        }
    }

    /// The group of a process in one hierarchy.
    ///
    /// # Errors
    /// When the process is gone, or its group cannot be seen from here.
    pub fn group_of(
        &self,
        process: ProcessId,
        hierarchy: &Hierarchy,
    ) -> Result<Group, CgroupError> {
        let file = PathBuf::from(format!("/proc/{}/cgroup", process.pid));
        let text = match self.fs.read(&file) {
            Ok(text) => text,
            Err(error) if is_gone(&error) => return Err(CgroupError::Gone(process)),
            Err(source) => return Err(CgroupError::Read { file, source }),
        };
        let Some(path) = text.lines().find_map(|line| hierarchy.path_in(line)) else {
            return Err(CgroupError::Format { file, text });
        };
        let outside = || CgroupError::Outside {
            process,
            path: path.to_string(),
        };
        if path.ends_with(" (deleted)") || path.split('/').any(|part| part == "..") {
            return Err(outside());
        }
        let below = Path::new(path)
            .strip_prefix(&hierarchy.mount_root)
            .map_err(|_| outside())?;
        let dir = match below.as_os_str().is_empty() {
            true => hierarchy.mount_point.clone(),
            false => hierarchy.mount_point.join(below),
        };
        Ok(Group::at(self.fs.clone(), dir, hierarchy.version))
    }

    /// The group in a folder; `None` when the folder is in none of the mounted hierarchies.
    pub(super) fn group_at(&self, dir: &Path) -> Option<Group> {
        let plain = dir
            .components()
            .all(|part| !matches!(part, std::path::Component::ParentDir));
        self.hierarchies
            .iter()
            .find(|hierarchy| plain && dir.starts_with(&hierarchy.mount_point))
            .map(|hierarchy| Group::at(self.fs.clone(), dir.to_path_buf(), hierarchy.version))
    }
}

/// A line of `mountinfo`: `36 31 0:33 ROOT POINT OPTIONS [FIELDS] - TYPE SOURCE SUPER-OPTIONS`.
fn parse_mount(line: &str) -> Option<Hierarchy> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(3);
    let (mount_root, mount_point) = (mount.next()?, mount.next()?);
    let mut filesystem = filesystem.split(' ');
    let kind = filesystem.next()?;
    let options = filesystem.nth(1)?;
    let version = match kind {
        "cgroup" => Version::V1,
        "cgroup2" => Version::V2,
        _ => return None,
    };
    Some(Hierarchy {
        version,
        mount_point: unescape(mount_point),
        mount_root: unescape(mount_root),
        controllers: match version {
            Version::V1 => options.split(',').map(str::to_string).collect(),
            Version::V2 => Vec::new(),
        },
    })
}

/// Blanks, tabs, line ends and backslashes stand there as `\` and three octal digits.
fn unescape(text: &str) -> PathBuf {
    let plain = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n")]
        .iter()
        .fold(text.to_string(), |text, (code, sign)| {
            text.replace(code, sign)
        });
    PathBuf::from(plain.replace("\\134", "\\"))
}

#[cfg(test)]
mod tests {
    use super::super::fake::FakeTree;
    use super::*;

    const ME: ProcessId = ProcessId {
        pid: 42,
        start_time_ticks: 7,
    };

    #[test]
    fn a_hybrid_machine_is_understood() {
        let tree = FakeTree::hybrid();
        tree.put(
            ME.pid,
            &[("freezer", "/a/b"), ("cpu", "/"), ("memory", "/m")],
        );
        let cgroups = Cgroups::discover_with(tree).unwrap();
        let memory = cgroups.with_controller(Controller::Memory).unwrap();
        assert_eq!(memory.len(), 1);
        assert_eq!(memory[0].version, Version::V1);
        let group = cgroups.group_of(ME, memory[0]).unwrap();
        assert_eq!(group.dir(), Path::new("/sys/fs/cgroup/memory/m"));
        let freezer = cgroups.with_controller(Controller::Freezer).unwrap();
        let versions: Vec<_> = freezer.iter().map(|hierarchy| hierarchy.version).collect();
        assert_eq!(versions, [Version::V2, Version::V1]);
        let old = cgroups.group_of(ME, freezer[1]).unwrap();
        assert_eq!(old.dir(), Path::new("/sys/fs/cgroup/freezer/a/b"));
    }

    #[test]
    fn what_is_not_mounted_is_named() {
        let tree = FakeTree::hybrid();
        tree.set("/proc/self/mountinfo", "1 2 0:3 / / rw - ext4 /dev/x rw\n");
        let error = Cgroups::discover_with(tree)
            .unwrap()
            .with_controller(Controller::Memory)
            .unwrap_err();
        assert!(error.to_string().contains("memory controller"), "{error}");
    }

    #[test]
    fn a_group_outside_of_the_mount_is_refused() {
        let tree = FakeTree::unified(&[]);
        let cgroups = Cgroups::discover_with(tree.clone()).unwrap();
        let hierarchy = &cgroups.hierarchies()[0];
        for path in ["/../other", "/x (deleted)"] {
            tree.put(ME.pid, &[("", path)]);
            let error = cgroups.group_of(ME, hierarchy).unwrap_err();
            assert!(matches!(error, CgroupError::Outside { .. }), "{error}");
        }
        tree.set(
            "/proc/self/mountinfo",
            "9 1 0:4 /docker/c1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        );
        let part = Cgroups::discover_with(tree.clone()).unwrap();
        tree.put(ME.pid, &[("", "/docker/c1/in")]);
        let group = part.group_of(ME, &part.hierarchies()[0]).unwrap();
        assert_eq!(group.dir(), Path::new("/sys/fs/cgroup/in"));
        tree.put(ME.pid, &[("", "/docker/c2")]);
        assert!(part.group_of(ME, &part.hierarchies()[0]).is_err());
    }

    #[test]
    fn a_path_with_blanks_is_unescaped() {
        assert_eq!(unescape("/a\\040b"), PathBuf::from("/a b"));
        assert_eq!(unescape("/a\\134040b"), PathBuf::from("/a\\040b"));
        let line = "36 31 0:33 / /x\\040y rw shared:1 - cgroup cgroup rw,cpu,cpuacct";
        let parsed = parse_mount(line).unwrap();
        assert_eq!(parsed.mount_point, PathBuf::from("/x y"));
        assert!(parsed.may_have(Controller::Cpu) && !parsed.may_have(Controller::Memory));
        assert!(parse_mount("36 31 0:33 / /x rw - tmpfs tmpfs rw").is_none());
    }
}
