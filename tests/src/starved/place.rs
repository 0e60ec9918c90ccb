//! Where a starved program runs.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::fixture::Fixture;
use crate::shakedown::{Sandbox, binary, within_s};

use super::shortage::Shortage;

/// CPU time that the quota leaves, of each 100 ms.
const QUOTA_US: u64 = 5_000;

/// Descriptors that the program may have, and numbers of those that it is born with: it asks for enough at the start, and
/// finds them taken.
const DESCRIPTORS: u64 = 264;
const TAKEN: &str = "100..219";

/// Ports that are left, of the namespace's own.
const PORTS: &str = "40000 40015";

static GROUPS: AtomicU64 = AtomicU64::new(0);

/// A place with a shortage; it is given up when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    program: Command,
    _group: Option<Group>,
    /// The copy of the binary that runs here.
    pub copy: Option<PathBuf>,
    /// The file that the program takes for `/proc/stat`.
    pub stat: Option<PathBuf>,
    namespace: Option<Fixture>,
    pid: u64,
}

impl Place {
    /// Makes a place.
    ///
    /// # Panics
    /// When this machine does not let it be made: it needs root, control groups and namespaces.
    pub fn of(shortage: Shortage, sandbox: &Sandbox) -> Place {
        let mut place = Place {
            program: Command::new(binary()),
            _group: None,
            copy: None,
            stat: None,
            namespace: None,
            pid: 0,
        };
        match shortage {
            Shortage::Nothing | Shortage::Time => {}
            Shortage::Quota => {
                let group = Group::with_quota(QUOTA_US).expect("a control group can be made");
                place.program = within(&group);
                place._group = Some(group);
            }
            Shortage::Core => {
                place.program = Command::new("taskset");
                place.program.args(["-c", &last_core()]).arg(binary());
            }
            Shortage::Descriptors => {
                let taken = format!(
                    "for n in {{{TAKEN}}}; do eval \"exec $n</dev/null\"; done; ulimit -n {DESCRIPTORS} && exec \"$@\""
                );
                place.program = Command::new("bash");
                place.program.args(["-c", &taken, "bash"]).arg(binary());
            }
            Shortage::Ports => {
                let few = format!(
                    "ip link set lo up && echo {PORTS} >/proc/sys/net/ipv4/ip_local_port_range && echo pid $$ && exec cat"
                );
                let holder = Fixture::start("unshare", &["--net", "sh", "-c", &few])
                    .expect("a network namespace can be made");
                place.pid = holder.value("pid").expect("its port range can be set");
                place.namespace = Some(holder);
                place.program = Command::new("nsenter");
                place.program.arg(place.network()).arg(binary());
            }
            Shortage::Memory => {
                // Pages that two programs share are not taken away: it needs a copy of its own.
                let copy = sandbox.path().join("shakedown");
                fs::copy(binary(), &copy).expect("the binary can be copied");
                rustix::fs::sync();
                place.program = Command::new(&copy);
                place.copy = Some(copy);
            }
            Shortage::StealToldByFile => {
                let file = sandbox.path().join("stat");
                fs::copy("/proc/stat", &file).expect("/proc/stat can be copied");
                let text = file.to_str().expect("paths of the tests are text");
                place.program = Command::new("unshare");
                let other = format!("mount --bind '{text}' /proc/stat && exec \"$@\"");
                place.program.args(["--mount", "sh", "-c", &other, "sh"]);
                place.program.arg(binary());
                place.stat = Some(file);
            }
        }
        place
    }

    /// The program with its surroundings, to which arguments are given.
    pub fn program(&self) -> Command {
        let mut copy = Command::new(self.program.get_program());
        copy.args(self.program.get_args());
        copy
    }

    /// A script that starts another program where this place's network is.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn beside(&self, program: &str, sandbox: &Sandbox) -> PathBuf {
        let line = match self.namespace {
            Some(_) => format!("exec nsenter {} {program} \"$@\"", self.network()),
            None => format!("exec {program} \"$@\""),
        };
        let script = sandbox.write("beside", format!("#!/bin/sh\n{line}\n"));
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
            .expect("a script can be made executable");
        script
    }

    fn network(&self) -> String {
        format!("--net=/proc/{}/ns/net", self.pid)
    }
}

/// The last core, as `taskset` counts.
pub(super) fn last_core() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores - 1).to_string()
}

/// A shell that prepares something and becomes the program that is appended.
fn shell(line: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", line, "sh"]);
    shell
}

fn within(group: &Group) -> Command {
    let procs = group.folder.join("cgroup.procs");
    // As in a container: no right to real time, which a quota does not hold for.
    let mut command = shell(&format!(
        "echo $$ >'{}' && exec setpriv --bounding-set=-sys_nice --inh-caps=-sys_nice \"$@\"",
        procs.display()
    ));
    command.arg(binary());
    command
}

/// A control group of ours, of version 1 or 2; removed when this is dropped.
#[derive(Debug)]
struct Group {
    folder: PathBuf,
}

impl Group {
    /// A group that gets so much CPU time in each 100 ms.
    fn with_quota(quota_us: u64) -> io::Result<Group> {
        let root = Path::new("/sys/fs/cgroup");
        let is_v2 = root.join("cgroup.controllers").exists();
        let parent = match is_v2 {
            true => {
                fs::write(root.join("cgroup.subtree_control"), "+cpu")?;
                root.to_path_buf()
            }
            false => root.join("cpu"),
        };
        let number = GROUPS.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("shakedown-starved-{}-{number}", std::process::id()));
        fs::create_dir(&folder)?;
        let group = Group { folder };
        let write = |name: &str, text: &str| fs::write(group.folder.join(name), text);
        match is_v2 {
            true => write("cpu.max", &format!("{quota_us} 100000"))?,
            false => {
                write("cpu.cfs_period_us", "100000")?;
                write("cpu.cfs_quota_us", &quota_us.to_string())?;
            }
        }
        Ok(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Until the kernel has let go of the last process.
        within_s(5.0, || fs::remove_dir(&self.folder).is_ok());
    }
}
