//! One node of a local cluster, over all of its incarnations.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::Signal;

use super::error::EnvironmentError;
use super::health::PlainRequest;
use crate::journal::{Entry, Journal};
use crate::mechanisms::disk::DiskMount;
use crate::mechanisms::net::Netns;
use crate::mechanisms::time_ns::TimeNamespace;
use crate::mechanisms::{Child, Exit, ProcessId, SpawnThread};

/// What a node may know of Shakedown's own environment variables. Everything else stays out, secrets above all.
pub const INHERITED: [&str; 8] = [
    "PATH",
    "HOME",
    "LANG",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "RUST_LOG",
    "RUST_BACKTRACE",
];
const LOG_TAIL_BYTES: u64 = 8192;
const LOG_TAIL_LINES: usize = 40;

/// What is executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// In PID and IPC namespaces of its own, so that all of its processes end together.
    pub(super) is_apart: bool,
    /// What ends it in good order.
    pub(super) farewell: Signal,
}

/// How a node is started, and what runs of it now.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// Several processes that end together.
    pub(super) is_apart: bool,
    pub(super) farewell: Signal,
    pub(super) log: PathBuf,
    pub(super) http: SocketAddr,
    pub(super) peer: SocketAddr,
    /// Where it is asked whether it is ready.
    pub(super) asked_at: SocketAddr,
    /// How it is asked that; `None`: a listening socket has to do.
    pub(super) ready: Option<PlainRequest>,
    /// Where its network is; `None`: where ours is.
    netns: Option<Netns>,
    /// Between it and its data; `None`: nothing.
    disk: Mutex<Option<Arc<DiskMount>>>,
    /// For its next start; `None`: the machine's.
    clock: Mutex<Option<TimeNamespace>>,
    now: Mutex<Option<Incarnation>>,
    /// Faults that are injected into it and not healed.
    faults: AtomicU32,
}

#[derive(Debug)]
struct Incarnation {
    child: Child,
    /// Where in the log its own output begins.
    log_from: u64,
    exit_expected: bool,
    exit_told: bool,
}

impl Node {
    pub(super) fn new(
        name: String,
        Line {
            program,
            arguments,
            is_apart,
            farewell,
        }: Line,
        ready: Option<PlainRequest>,
        log: PathBuf,
        [http, peer, asked_at]: [SocketAddr; 3],
        netns: Option<Netns>,
    ) -> Node {
        Node {
            name,
            program,
            arguments,
            is_apart,
            farewell,
            ready,
            log,
            http,
            peer,
            asked_at,
            netns,
            disk: Mutex::new(None),
            clock: Mutex::new(None),
            now: Mutex::new(None),
            faults: AtomicU32::new(0),
        }
    }

    /// Starts it, on the thread whose end is its end.
    pub(super) fn start(
        &self,
        here: &SpawnThread,
        journal: &Journal,
    ) -> Result<(), EnvironmentError> {
        let mut now = self.now();
        if let Some(previous) = now.as_ref() {
            if previous.child.exit().is_none() {
                return Err(EnvironmentError::StillRuns {
                    name: self.name.clone(),
                });
            }
            journal.record(&self.gone(previous.child.handle().id()))?;
        }
        let log = self.open_log()?;
        let log_from = log.metadata().map_err(self.log_failed())?.len();
        let mut command = self.command(log)?;
        if let Some(netns) = &self.netns {
            netns.enter_on_exec(&mut command);
        }
        if let Some(clock) = self.clock().as_ref() {
            clock.prepare(&mut command);
        }
        if let Some(disk) = self.disk() {
            // All of its paths are absolute.
            disk.namespace()
                .join(&mut command, Path::new("/"))
                .map_err(|source| EnvironmentError::Io {
                    what: "enter the namespace of the disk over",
                    path: disk.folder().to_path_buf(),
                    source,
                })?;
        }
        let started = match self.is_apart {
            true => here.spawn_apart(&mut command),
            false => here.spawn(&mut command),
        };
        let started = started.map_err(|source| EnvironmentError::Start {
            name: self.name.clone(),
            command: self.program.display().to_string(),
            source,
        })?;
        let child = Child::adopt(started).map_err(|source| EnvironmentError::Adopt {
            name: self.name.clone(),
            source,
        })?;
        let process = child.handle().id();
        *now = Some(Incarnation {
            child,
            log_from,
            exit_expected: false,
            exit_told: false,
        });
        journal.record(&Entry::ChildStarted {
            name: self.name.clone(),
            process,
        })?;
        Ok(())
    }

    pub(super) fn set_clock(&self, clock: Option<TimeNamespace>) {
        *self.clock() = clock;
    }

    fn clock(&self) -> MutexGuard<'_, Option<TimeNamespace>> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_disk(&self, disk: DiskMount) {
        *self.disk_slot() = Some(Arc::new(disk));
    }

    pub(super) fn disk(&self) -> Option<Arc<DiskMount>> {
        self.disk_slot().clone()
    }

    /// The disk, no longer the node's.
    pub(super) fn take_disk(&self) -> Option<Arc<DiskMount>> {
        self.disk_slot().take()
    }

    fn disk_slot(&self) -> MutexGuard<'_, Option<Arc<DiskMount>>> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What runs of it now, or ran last.
    pub(super) fn child(&self) -> Option<Child> {
        self.now().as_ref().map(|now| now.child.clone())
    }

    /// How this very process ended; `None` when it runs, or is not the latest of this node.
    pub(super) fn exit_of(&self, process: ProcessId) -> Option<Exit> {
        self.child()
            .filter(|child| child.handle().id() == process)
            .and_then(|child| child.exit())
    }

    /// From now on its end is, or is not, of our doing.
    pub(super) fn expect_exit(&self, expected: bool) {
        if let Some(now) = self.now().as_mut() {
            now.exit_expected = expected;
        }
    }

    pub(super) fn fault_begins(&self) {
        self.faults.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn fault_ends(&self) {
        self.faults.fetch_sub(1, Ordering::SeqCst);
    }

    /// True when a fault of ours is at work on it, or has ended it for good: other faults need not wonder at it.
    pub(super) fn is_explained(&self) -> bool {
        let ended_by_us = |now: &Incarnation| now.exit_expected && now.child.exit().is_some();
        self.faults.load(Ordering::SeqCst) > 0 || self.now().as_ref().is_some_and(ended_by_us)
    }

    /// Tells once that it ended, and how, unless that was of our doing.
    pub(super) fn take_unexpected_exit(&self) -> Option<String> {
        let mut now = self.now();
        let latest = now.as_mut()?;
        let exit = latest.child.exit()?;
        if latest.exit_expected || latest.exit_told {
            return None;
        }
        latest.exit_told = true;
        let from = latest.log_from;
        drop(now);
        Some(format!("{exit}; {}", self.log_tail(from)))
    }

    /// The end of what its latest incarnation wrote, in words.
    pub(super) fn log_end(&self) -> String {
        let from = self.now().as_ref().map_or(0, |now| now.log_from);
        self.log_tail(from)
    }

    pub(super) fn gone(&self, process: ProcessId) -> Entry {
        Entry::ChildGone {
            name: self.name.clone(),
            process,
        }
    }

    fn now(&self) -> MutexGuard<'_, Option<Incarnation>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open_log(&self) -> Result<File, EnvironmentError> {
        if let Some(folder) = self.log.parent() {
            fs::create_dir_all(folder).map_err(self.log_failed())?;
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(self.log_failed())
    }

    fn log_failed(&self) -> impl FnOnce(io::Error) -> EnvironmentError {
        let path = self.log.clone();
        move |source| EnvironmentError::Io {
            what: "write the log",
            path,
            source,
        }
    }

    fn command(&self, log: File) -> Result<Command, EnvironmentError> {
        let errors = log.try_clone().map_err(self.log_failed())?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(
                INHERITED
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        Ok(command)
    }

    fn log_tail(&self, from: u64) -> String {
        match read_tail(&self.log, from) {
            Ok(tail) if tail.is_empty() => format!("it wrote nothing to {}", self.log.display()),
            Ok(tail) => format!("{} ends:\n{tail}", self.log.display()),
            Err(error) => format!("its log {} cannot be read: {error}", self.log.display()),
        }
    }
}

/// The last lines after `from`, indented, without control characters.
fn read_tail(log: &Path, from: u64) -> io::Result<String> {
    let mut file = File::open(log)?;
    let end = file.metadata()?.len();
    file.seek(SeekFrom::Start(
        from.max(end.saturating_sub(LOG_TAIL_BYTES)),
    ))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let shown = &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..];
    let cleaned: Vec<String> = shown
        .iter()
        .map(|line| format!("    {}", line.replace(char::is_control, " ").trim_end()))
        .collect();
    Ok(cleaned.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_end_of_this_incarnation_without_control_characters() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("engine-1.log");
        fs::write(&log, "earlier\nstarting\n\x1b[31mpanic\x1b[0m\n").unwrap();
        assert_eq!(
            read_tail(&log, 8).unwrap(),
            "    starting\n     [31mpanic [0m"
        );
        assert_eq!(read_tail(&log, 1000).unwrap(), "");
        let many: String = (0..2000).map(|n| format!("line {n}\n")).collect();
        fs::write(&log, many).unwrap();
        let tail = read_tail(&log, 0).unwrap();
        assert_eq!(tail.lines().count(), LOG_TAIL_LINES);
        assert!(tail.ends_with("line 1999"));
        assert!(read_tail(&folder.path().join("none"), 0).is_err());
    }
}
