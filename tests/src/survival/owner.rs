//! The process that holds a fault and is killed, and the process that is frozen: hidden subcommands of `campaign`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use shakedown_runner::mechanisms::cgroup::{Cgroups, Controller, Freezer, Placement};
use shakedown_runner::mechanisms::docker::{Engine, Undo};
use shakedown_runner::mechanisms::net::{Action, Direction, Netns, OwnedTable, Peers, Rule, Share};
use shakedown_runner::mechanisms::{ProcessHandle, Watchdog};

use super::traffic::send;
use crate::fixture::Arguments;

pub(super) const CUT: &str = "__own-cut";
pub(super) const FREEZE: &str = "__own-freeze";
pub(super) const TARGET: &str = "__target";
const READY: &str = "READY";
const FROZEN_WITHIN: Duration = Duration::from_secs(2);
/// Nobody waits for longer; an owner that was forgotten ends.
const LIFE: Duration = Duration::from_secs(60);

/// What went wrong, in words.
type Failed = Box<dyn std::error::Error>;

/// Plays a role if the first argument names one; false when it does not.
///
/// # Errors
/// When the role cannot be played, and why.
pub fn play(role: &str, arguments: &Arguments) -> Result<bool, Failed> {
    match role {
        CUT => own_cut(arguments)?,
        FREEZE => own_freeze(arguments)?,
        TARGET => be_target(arguments)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// As the environment does it for a fault: one table for the namespace, with its heartbeat.
fn own_cut(arguments: &Arguments) -> Result<(), Failed> {
    let inside = process(arguments)?;
    let netns = Netns::of_process(&inside)?.ok_or("nobody is in the namespace any more")?;
    let peer: IpAddr = needed(arguments, "peer")?.parse()?;
    let table = OwnedTable::create(&netns, "faults", OwnedTable::DEFAULT_TIMEOUT)?;
    table.replace(vec![Rule {
        name: "cut".to_string(),
        peers: Peers::Addresses([peer].into()),
        direction: Direction::Both,
        ports: Vec::new(),
        share: Share::ALL,
        action: Action::Drop,
    }])?;
    hold()
}

/// As the faults do it: the watchdog is armed first.
fn own_freeze(arguments: &Arguments) -> Result<(), Failed> {
    let target = process(arguments)?;
    let exe = Path::new(needed(arguments, "exe")?);
    let runtime = tokio::runtime::Runtime::new()?;
    match needed(arguments, "by")? {
        "signal" => {
            let _watchdog = runtime.block_on(Watchdog::over_stopped(exe, target.id()))?;
            target.signal(Signal::STOP)?;
            hold()
        }
        "cgroup" => {
            let tag = needed(arguments, "tag")?;
            let placement =
                Placement::plan(&Cgroups::discover()?, &target, Controller::Freezer, tag)?;
            let undo = vec![placement.undo()];
            let _watchdog = runtime.block_on(Watchdog::over_groups(exe, target.id(), undo))?;
            let freezer = Freezer::of(placement.enter()?);
            freezer.freeze()?;
            freezer.confirm_frozen(&target, FROZEN_WITHIN)?;
            hold()
        }
        "engine" => {
            let id = needed(arguments, "tag")?;
            let engine = runtime.block_on(Engine::of_environment())?;
            let undo = vec![Undo::Unpause {
                host: engine.host().to_string(),
                id: id.to_string(),
            }];
            let _watchdog = runtime.block_on(Watchdog::over_container(exe, target.id(), undo))?;
            runtime.block_on(engine.pause(id))?;
            hold()
        }
        other => Err(format!("nothing freezes by {other}").into()),
    }
}

/// Shows that it runs, until whoever started it is gone.
fn be_target(arguments: &Arguments) -> Result<(), Failed> {
    let to: SocketAddr = needed(arguments, "to")?.parse()?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| send(&socket, to, &AtomicU64::new(0), &end));
        let gone = io::stdin().read(&mut [0; 1]);
        end.store(true, std::sync::atomic::Ordering::Relaxed);
        gone.map(drop)
    })?;
    Ok(())
}

fn process(arguments: &Arguments) -> Result<ProcessHandle, Failed> {
    let pid = needed(arguments, "pid")?.parse()?;
    Ok(ProcessHandle::of_pid(pid)?.ok_or("the process has ended")?)
}

fn needed<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a str, Failed> {
    let text = arguments.text(name);
    text.ok_or_else(|| format!("--{name} is missing").into())
}

fn hold() -> Result<(), Failed> {
    let mut out = io::stdout().lock();
    writeln!(out, "{READY}")?;
    out.flush()?;
    thread::sleep(LIFE);
    Ok(())
}

/// An owner, while the fault is on. Killed when dropped.
#[derive(Debug)]
pub(super) struct Owner {
    child: Child,
}

impl Owner {
    /// Starts one and returns when the fault is on.
    pub(super) fn start(campaign: &Path, role: &str, arguments: &[&str]) -> Owner {
        let mut child = Command::new(campaign)
            .arg(role)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the campaign's binary can be started");
        let mut said = String::new();
        let out = child.stdout.as_mut().expect("it is piped");
        let read = BufReader::new(out).read_line(&mut said);
        let owner = Owner { child };
        read.expect("its words can be read");
        assert_eq!(said.trim_end(), READY, "{role} does not hold its fault");
        owner
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().expect("it still runs");
    }

    /// Reaps it.
    pub(super) fn wait(&mut self) {
        self.child.wait().expect("it was killed");
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // It has been killed and reaped already, unless the round broke off.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
