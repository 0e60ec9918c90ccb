//! Rounds of a freeze whose owner is killed.

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use shakedown_record::monotonic_ns;

use super::container::Container;
use super::cut::millis;
use super::owner::{FREEZE, Owner, TARGET};
use super::traffic::Arrivals;
use crate::proc::with_command_line;

/// What does not run after this time does not run again.
const NEVER: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(2);

/// What holds the frozen process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrozenBy {
    Signal,
    Cgroup,
    /// A pause by the Docker Engine; the target is a container.
    Engine,
}

impl FrozenBy {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            FrozenBy::Signal => "signal",
            FrozenBy::Cgroup => "cgroup",
            FrozenBy::Engine => "engine",
        }
    }
}

/// A process that shows every millisecond that it runs.
#[derive(Debug)]
pub struct FrozenWorld {
    campaign: PathBuf,
    /// The binary that can be a watchdog.
    shakedown: PathBuf,
    target: Running,
    arrivals: Arrivals,
    /// Groups of the target before any round.
    groups: String,
    /// Processes that name the target and were there before any round: its container has one that looks after it.
    bystanders: Vec<u32>,
}

#[derive(Debug)]
enum Running {
    Process(Child),
    Container(Container),
}

/// One kill.
#[derive(Debug, Clone)]
pub struct FrozenRound {
    pub number: u64,
    pub by: FrozenBy,
    /// From the proof of the freeze to the kill, in milliseconds.
    pub after_ms: f64,
    /// Signs of life from the proof of the freeze to the kill.
    pub signs_while_frozen: u64,
    /// From SIGKILL to the first sign of life, in milliseconds; `None`: never.
    pub back_ms: Option<f64>,
    /// From SIGKILL until no watchdog and no control group of the fault was left; `None`: never.
    pub gone_ms: Option<f64>,
    /// What is left of the fault in the end, in words.
    pub left: Vec<String>,
}

impl FrozenWorld {
    /// Starts the target. `campaign` plays it and its owners, `shakedown` the watchdogs.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn new(campaign: &Path, shakedown: &Path) -> FrozenWorld {
        FrozenWorld::of(campaign, shakedown, |to| {
            let child = Command::new(campaign)
                .args([TARGET, "--to", to])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .expect("the campaign's binary can be started");
            Running::Process(child)
        })
    }

    /// The same, with a target in a container of the Docker Engine.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn in_container(campaign: &Path, shakedown: &Path) -> FrozenWorld {
        FrozenWorld::of(campaign, shakedown, |to| {
            Running::Container(Container::start(campaign, &[TARGET, "--to", to]))
        })
    }

    fn of(campaign: &Path, shakedown: &Path, start: impl FnOnce(&str) -> Running) -> FrozenWorld {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
        let to = socket.local_addr().expect("it is bound").to_string();
        let target = start(&to);
        let arrivals = Arrivals::at(socket);
        assert!(arrivals.wait_flow(), "the target shows no sign of life");
        FrozenWorld {
            bystanders: with_command_line(&target.tag()),
            campaign: campaign.to_path_buf(),
            shakedown: shakedown.to_path_buf(),
            groups: groups_of(target.pid()),
            target,
            arrivals,
        }
    }

    /// One round: an owner freezes the target and is killed `after` that was proven.
    ///
    /// # Panics
    /// When the target does not run before, or is not frozen: such a round shows nothing.
    pub fn round(&self, number: u64, by: FrozenBy, after: Duration) -> FrozenRound {
        assert!(self.arrivals.wait_flow(), "no sign of life before {number}");
        let (pid, tag) = (self.target.pid().to_string(), self.target.tag());
        let exe = self
            .shakedown
            .to_str()
            .expect("paths of the tests are text");
        let mut owner = Owner::start(
            &self.campaign,
            FREEZE,
            &[
                "--pid",
                &pid,
                "--by",
                by.name(),
                "--tag",
                &tag,
                "--exe",
                exe,
            ],
        );
        let silent_ns = self.arrivals.wait_silence();
        let silent_ns = silent_ns.expect("the owner freezes the target");
        thread::sleep(after);
        let killed_ns = monotonic_ns();
        owner.kill();
        let back_ns = self.arrivals.first_from(killed_ns, NEVER);
        owner.wait();
        let (gone_ns, left) = self.gone(&pid, &tag);
        let since_kill = |at_ns: u64| (at_ns - killed_ns) as f64 / 1e6;
        FrozenRound {
            number,
            by,
            after_ms: after.as_secs_f64() * 1e3,
            signs_while_frozen: self.arrivals.between(silent_ns, killed_ns),
            back_ms: back_ns.map(since_kill),
            gone_ms: gone_ns.map(since_kill),
            left,
        }
    }

    /// Waits until neither a watchdog, nor an owner, nor a control group is left: when that was, or what is left.
    fn gone(&self, pid: &str, tag: &str) -> (Option<u64>, Vec<String>) {
        let until_ns = monotonic_ns() + NEVER.as_nanos() as u64;
        let marks = [format!("--pid\0{pid}\0"), tag.to_string()];
        loop {
            let processes = marks.iter().flat_map(|mark| with_command_line(mark));
            let mut left: Vec<String> = processes
                .filter(|pid| !self.bystanders.contains(pid))
                .map(|pid| format!("process {pid}"))
                .collect();
            let groups = groups_of(self.target.pid());
            if groups != self.groups {
                left.push(format!("groups {groups}"));
            }
            let seen_ns = monotonic_ns();
            if left.is_empty() {
                return (Some(seen_ns), left);
            }
            if seen_ns > until_ns {
                return (None, left);
            }
            thread::sleep(POLL);
        }
    }
}

impl Running {
    /// Stands in the command line of whoever has to do with the target's fault.
    fn tag(&self) -> String {
        match self {
            Running::Process(child) => format!("survival-{}", child.id()),
            Running::Container(container) => container.id().to_string(),
        }
    }

    fn pid(&self) -> u32 {
        match self {
            Running::Process(child) => child.id(),
            Running::Container(container) => container.pid(),
        }
    }
}

impl Drop for FrozenWorld {
    fn drop(&mut self) {
        match &mut self.target {
            Running::Process(child) => {
                // It ends with its standard input as well.
                let _ = child.kill();
                let _ = child.wait();
            }
            Running::Container(container) => container.remove(),
        }
    }
}

impl FrozenRound {
    /// Its row in the table.
    pub fn row(&self) -> Vec<String> {
        vec![
            self.number.to_string(),
            self.by.name().to_string(),
            format!("{:.1}", self.after_ms),
            self.signs_while_frozen.to_string(),
            millis(self.back_ms),
            millis(self.gone_ms),
            self.left.len().to_string(),
        ]
    }
}

fn groups_of(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default()
}
