//! A cgroup filesystem in a folder: the tree on disk is real, and the kernel's part is played after every change.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::io::Errno;
use rustix::process::Signal;

use super::fs::CgroupFs;
use crate::mechanisms::process::ProcessHandle;

const ROOT: &str = "/sys/fs/cgroup";

/// What the kernel would not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Mounted read-only, as in most containers.
    ReadOnly,
    /// A task that cannot be held.
    NeverFreezes,
    /// A limit below use kills nobody.
    NeverKills,
    /// Writes are taken and forgotten.
    Forgets,
}

#[derive(Debug)]
pub(crate) struct FakeTree {
    folder: tempfile::TempDir,
    faults: Mutex<BTreeSet<Fault>>,
}

impl FakeTree {
    /// v2 alone; these controllers are handed on by the root.
    pub(crate) fn unified(handed_on: &[&str]) -> Arc<FakeTree> {
        let tree = FakeTree::empty();
        tree.set(
            "/proc/self/mountinfo",
            "25 20 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n",
        );
        tree.set(&format!("{ROOT}/cgroup.procs"), "");
        tree.hand_on(ROOT, handed_on);
        tree
    }

    /// v1 with all controllers, and v2 beside it with none.
    pub(crate) fn hybrid() -> Arc<FakeTree> {
        let tree = FakeTree::empty();
        let mut mounts = String::from("31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n");
        for name in ["freezer", "cpu", "memory"] {
            mounts += &format!("32 31 0:29 / {ROOT}/{name} rw - cgroup cgroup rw,{name}\n");
            tree.set(&format!("{ROOT}/{name}/cgroup.procs"), "");
            tree.set(&format!("{ROOT}/{name}/release_agent"), "");
        }
        mounts += &format!("41 31 0:38 / {ROOT}/unified rw - cgroup2 cgroup2 rw\n");
        tree.set(&format!("{ROOT}/unified/cgroup.procs"), "");
        tree.set(&format!("{ROOT}/unified/cgroup.subtree_control"), "");
        tree.set("/proc/self/mountinfo", &mounts);
        tree
    }

    fn empty() -> Arc<FakeTree> {
        let tree = Arc::new(FakeTree {
            folder: tempfile::tempdir().unwrap(),
            faults: Mutex::default(),
        });
        tree.set("/proc/sys/vm/panic_on_oom", "0\n");
        tree
    }

    pub(crate) fn with(&self, fault: Fault) {
        self.faults.lock().unwrap().insert(fault);
    }

    fn has(&self, fault: Fault) -> bool {
        self.faults.lock().unwrap().contains(&fault)
    }

    fn real(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref().strip_prefix("/").unwrap();
        self.folder.path().join(path)
    }

    /// Puts a file there, with its folders.
    pub(crate) fn set(&self, path: &str, text: &str) {
        let real = self.real(path);
        fs::create_dir_all(real.parent().unwrap()).unwrap();
        fs::write(real, text).unwrap();
    }

    pub(crate) fn get(&self, path: &str) -> String {
        fs::read_to_string(self.real(path))
            .unwrap()
            .trim()
            .to_string()
    }

    pub(crate) fn has_group(&self, path: &str) -> bool {
        self.real(path).is_dir()
    }

    pub(crate) fn hand_on(&self, group: &str, controllers: &[&str]) {
        self.set(
            &format!("{group}/cgroup.subtree_control"),
            &controllers.join(" "),
        );
    }

    /// Puts a process into groups, one for each named hierarchy; `""` is v2. Groups are made as needed.
    pub(crate) fn put(&self, pid: u32, groups: &[(&str, &str)]) {
        let mut text = String::new();
        for (number, (name, path)) in groups.iter().enumerate() {
            text += &format!("{number}:{name}:{path}\n");
            let is_mount = self.real(format!("{ROOT}/{name}")).is_dir();
            let dir = PathBuf::from(format!("{ROOT}/{name}{path}").replace("//", "/"));
            if is_mount && !path.contains("..") && !path.contains("(deleted)") {
                if !self.real(&dir).is_dir() {
                    self.make_group(&dir).unwrap();
                }
                let procs = self.real(dir.join("cgroup.procs"));
                let inside = fs::read_to_string(&procs).unwrap();
                fs::write(procs, format!("{inside}{pid}\n")).unwrap();
            }
        }
        self.set(&format!("/proc/{pid}/cgroup"), &text);
    }

    /// Moves a process: out of every other group, into this one.
    fn move_to(&self, pid: u32, dir: &Path) -> io::Result<()> {
        let mut open = vec![self.real(ROOT)];
        while let Some(group) = open.pop() {
            let procs = group.join("cgroup.procs");
            if let Ok(text) = fs::read_to_string(&procs) {
                let others: Vec<&str> = text
                    .lines()
                    .filter(|line| *line != pid.to_string())
                    .collect();
                let rest: String = others.iter().map(|line| format!("{line}\n")).collect();
                fs::write(&procs, rest)?;
            }
            for entry in fs::read_dir(group)? {
                let path = entry?.path();
                if path.is_dir() {
                    open.push(path);
                }
            }
        }
        let procs = self.real(dir.join("cgroup.procs"));
        let inside = fs::read_to_string(&procs)?;
        fs::write(procs, format!("{inside}{pid}\n"))?;
        let path = dir.strip_prefix(ROOT).unwrap();
        self.set(
            &format!("/proc/{pid}/cgroup"),
            &format!("0::/{}\n", path.display()),
        );
        Ok(())
    }

    fn starve(&self, dir: &Path, limit: &str) {
        let number = |name: &str| self.get(dir.join(name).to_str().unwrap()).parse::<u64>();
        let in_use = number("memory.current").unwrap_or(0);
        if limit.parse::<u64>().is_ok_and(|limit| limit < in_use) && !self.has(Fault::NeverKills) {
            let events = dir.join("memory.events");
            self.set(
                events.to_str().unwrap(),
                "low 0\nmax 3\noom 1\noom_kill 1\n",
            );
            for pid in self.get(dir.join("cgroup.procs").to_str().unwrap()).lines() {
                let process = ProcessHandle::of_pid(pid.parse().unwrap()).unwrap();
                process.unwrap().signal(Signal::KILL).unwrap();
            }
        }
    }
}

impl CgroupFs for FakeTree {
    fn read(&self, path: &Path) -> io::Result<String> {
        fs::read_to_string(self.real(path))
    }

    fn write(&self, path: &Path, value: &str) -> io::Result<()> {
        if self.has(Fault::ReadOnly) {
            return Err(Errno::ROFS.into());
        }
        if !self.real(path).is_file() {
            return Err(Errno::NOENT.into());
        }
        let dir = path.parent().unwrap();
        match path.file_name().unwrap().to_str().unwrap() {
            "cgroup.procs" => self.move_to(value.parse().unwrap(), dir),
            _ if self.has(Fault::Forgets) => Ok(()),
            name => {
                fs::write(self.real(path), format!("{value}\n"))?;
                if name == "cgroup.freeze" && !self.has(Fault::NeverFreezes) {
                    let events = format!("populated 1\nfrozen {value}\n");
                    fs::write(self.real(dir.join("cgroup.events")), events)?;
                } else if name == "memory.max" {
                    self.starve(dir, value);
                }
                Ok(())
            }
        }
    }

    fn make_group(&self, path: &Path) -> io::Result<()> {
        if self.has(Fault::ReadOnly) {
            return Err(Errno::ROFS.into());
        }
        let above = path.parent().unwrap();
        fs::create_dir(self.real(path)).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => fs::create_dir_all(self.real(path)),
            _ => Err(error),
        })?;
        let put = |name: &str, text: &str| self.set(path.join(name).to_str().unwrap(), text);
        put("cgroup.procs", "");
        let control = self.real(above.join("cgroup.subtree_control"));
        let Ok(handed_on) = fs::read_to_string(control) else {
            return Ok(());
        };
        put("cgroup.type", "domain\n");
        put("cgroup.subtree_control", "");
        put("cgroup.freeze", "0\n");
        put("cgroup.events", "populated 0\nfrozen 0\n");
        put("cpu.stat", "usage_usec 7\n");
        for controller in handed_on.split_whitespace() {
            if controller == "cpu" {
                put("cpu.max", "max 100000\n");
                put(
                    "cpu.stat",
                    "usage_usec 7\nnr_throttled 0\nthrottled_usec 0\n",
                );
            } else if controller == "memory" {
                put("memory.max", "max\n");
                put("memory.swap.max", "max\n");
                put("memory.current", "0\n");
                put("memory.events", "low 0\nmax 0\noom 0\noom_kill 0\n");
            }
        }
        Ok(())
    }

    fn remove_group(&self, path: &Path) -> io::Result<()> {
        let busy = !self.read(&path.join("cgroup.procs"))?.is_empty();
        if busy || !self.subgroups(path)?.is_empty() {
            return Err(Errno::BUSY.into());
        }
        fs::remove_dir_all(self.real(path))
    }

    fn subgroups(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.real(path))? {
            let entry = entry?;
            if entry.path().is_dir() {
                found.push(path.join(entry.file_name()));
            }
        }
        Ok(found)
    }

    fn writable(&self, path: &Path) -> io::Result<()> {
        match self.has(Fault::ReadOnly) {
            true => Err(Errno::ROFS.into()),
            false => fs::metadata(self.real(path)).map(drop),
        }
    }
}

/// A real process to be put into unreal groups.
#[derive(Debug)]
pub(crate) struct Sleeper {
    child: Child,
    pub(crate) handle: ProcessHandle,
}

impl Sleeper {
    pub(crate) fn start() -> Sleeper {
        Sleeper::run("exec sleep 30")
    }

    /// One that is never still for long.
    pub(crate) fn restless() -> Sleeper {
        Sleeper::run("for turn in $(seq 2000); do sleep 0.005; done")
    }

    fn run(script: &str) -> Sleeper {
        let child = Command::new("/bin/sh")
            .args(["-c", script])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let handle = ProcessHandle::of_pid(child.id()).unwrap().unwrap();
        Sleeper { child, handle }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.handle.pid()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
