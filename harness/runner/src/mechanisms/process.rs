//! A process, pinned: by its pid *and* its start time, held by a pidfd.
//!
//! A pid alone is a name that the kernel gives to the next process as soon as the first is reaped. A signal sent by
//! pid, or a `recover` hours later, could hit a stranger. Everything here goes through the pidfd, which refers to
//! one process for ever, and a handle is opened only when the start time is the one that was written down.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// One process of one boot: never equal for two processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessId {
    pub pid: u32,
    /// Field 22 of `/proc/PID/stat`: clock ticks since boot.
    pub start_time_ticks: u64,
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}", self.pid)
    }
}

/// What a process is doing, over all of its threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessState {
    /// At least one thread runs, or could.
    Running,
    /// Every thread is stopped by a signal (state T) or by a tracer (t).
    Stopped,
    /// It has ended; it may still wait to be reaped.
    Exited,
}

impl fmt::Display for ProcessState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProcessState::Running => "runs",
            ProcessState::Stopped => "is stopped",
            ProcessState::Exited => "has ended",
        })
    }
}

/// Where a signal went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Sent,
    /// The process had ended already.
    Gone,
}

/// Why a process could not be looked at or signalled.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("cannot open a pidfd for pid {pid}: {source}")]
    Open { pid: u32, source: io::Error },
    #[error("cannot read the state of pid {pid} from /proc: {source}")]
    Look { pid: u32, source: io::Error },
    #[error("cannot send signal {signal} to pid {pid}: {source}")]
    Signal {
        pid: u32,
        signal: i32,
        source: io::Error,
    },
    #[error("cannot wait for the end of pid {pid}: {source}")]
    Wait { pid: u32, source: io::Error },
}

/// A pinned process.
#[derive(Debug, Clone)]
pub struct ProcessHandle {
    id: ProcessId,
    pidfd: Arc<OwnedFd>,
}

impl ProcessHandle {
    /// Opens exactly this process; `None` when it is gone, whoever has its pid now.
    ///
    /// # Errors
    /// When the kernel refuses a pidfd, or `/proc` cannot be read.
    pub fn open(id: ProcessId) -> Result<Option<ProcessHandle>, ProcessError> {
        Ok(Self::of_pid(id.pid)?.filter(|handle| handle.id == id))
    }

    /// Opens the process that has this pid now; `None` when there is none.
    ///
    /// The pidfd is opened first. If the process that it refers to has not ended after its start time was read,
    /// the pid cannot have changed hands in between.
    ///
    /// # Errors
    /// When the kernel refuses a pidfd, or `/proc` cannot be read.
    pub fn of_pid(pid: u32) -> Result<Option<ProcessHandle>, ProcessError> {
        let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return Ok(None);
        };
        let pidfd = match pidfd_open(raw, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            // EINVAL: the pid is a thread that is no process of its own.
            Err(Errno::SRCH | Errno::INVAL) => return Ok(None),
            Err(error) => {
                return Err(ProcessError::Open {
                    pid,
                    source: error.into(),
                });
            }
        };
        let stat = match read_stat(&format!("/proc/{pid}/stat")) {
            Ok(stat) => stat,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(source) => return Err(ProcessError::Look { pid, source }),
        };
        let handle = ProcessHandle {
            id: ProcessId {
                pid,
                start_time_ticks: stat.start_time_ticks,
            },
            pidfd: Arc::new(pidfd),
        };
        // An ended process may have lost its pid to another between the two steps above.
        Ok((!handle.has_exited()?).then_some(handle))
    }

    /// Pins a child of ours that has not been waited for, whether or not it has ended already.
    ///
    /// # Errors
    /// When the kernel refuses a pidfd, or `/proc` cannot be read.
    pub(super) fn of_unreaped_child(pid: u32) -> Result<ProcessHandle, ProcessError> {
        let gone = || ProcessError::Open {
            pid,
            source: Errno::SRCH.into(),
        };
        let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let pidfd = pidfd_open(raw.ok_or_else(gone)?, PidfdFlags::empty()).map_err(|error| {
            ProcessError::Open {
                pid,
                source: error.into(),
            }
        })?;
        let stat = read_stat(&format!("/proc/{pid}/stat"))
            .map_err(|source| ProcessError::Look { pid, source })?;
        Ok(ProcessHandle {
            id: ProcessId {
                pid,
                start_time_ticks: stat.start_time_ticks,
            },
            pidfd: Arc::new(pidfd),
        })
    }

    pub fn id(&self) -> ProcessId {
        self.id
    }

    pub fn pid(&self) -> u32 {
        self.id.pid
    }

    /// Sends a signal to this process and to no other. One that has ended and waits to be reaped would take it
    /// without a word, and counts as gone.
    ///
    /// # Errors
    /// When the kernel refuses, for want of permission.
    pub fn signal(&self, signal: Signal) -> Result<Delivery, ProcessError> {
        if self.has_exited()? {
            return Ok(Delivery::Gone);
        }
        match pidfd_send_signal(&*self.pidfd, signal) {
            Ok(()) => Ok(Delivery::Sent),
            Err(Errno::SRCH) => Ok(Delivery::Gone),
            Err(error) => Err(ProcessError::Signal {
                pid: self.id.pid,
                signal: signal.as_raw(),
                source: error.into(),
            }),
        }
    }

    /// What the process is doing now.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn state(&self) -> Result<ProcessState, ProcessError> {
        let threads = match thread_states(self.id.pid) {
            Ok(threads) => threads,
            Err(error) if is_gone(&error) => Vec::new(),
            Err(source) => {
                return Err(ProcessError::Look {
                    pid: self.id.pid,
                    source,
                });
            }
        };
        // Asked last: as long as it has not ended, what was read above was read of this process.
        if self.has_exited()? {
            return Ok(ProcessState::Exited);
        }
        Ok(summarise(&threads))
    }

    /// True once the process has ended, reaped or not.
    ///
    /// # Errors
    /// When the pidfd cannot be polled.
    pub fn has_exited(&self) -> Result<bool, ProcessError> {
        self.poll_exit(Duration::ZERO)
    }

    /// Waits until the process has ended; false when it has not within `at_most`. The pidfd is watched on a thread
    /// of the runtime's pool, which is free again when the process ends, even if the caller stops waiting.
    ///
    /// # Errors
    /// When the pidfd cannot be watched.
    pub async fn wait_exit(&self, at_most: Duration) -> Result<bool, ProcessError> {
        let own = self.clone();
        match tokio::task::spawn_blocking(move || own.wait_exit_blocking(at_most)).await {
            Ok(ended) => ended,
            // The runtime is being shut down.
            Err(_) => self.has_exited(),
        }
    }

    /// As [`ProcessHandle::wait_exit`], for threads without a runtime.
    ///
    /// # Errors
    /// When the pidfd cannot be polled.
    pub fn wait_exit_blocking(&self, at_most: Duration) -> Result<bool, ProcessError> {
        let deadline = Instant::now() + at_most;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // A poll that was interrupted by a signal ends early with "no".
            if self.poll_exit(left)? {
                return Ok(true);
            } else if left.is_zero() {
                return Ok(false);
            }
        }
    }

    fn poll_exit(&self, at_most: Duration) -> Result<bool, ProcessError> {
        let timeout = Timespec {
            tv_sec: at_most.as_secs() as i64,
            tv_nsec: i64::from(at_most.subsec_nanos()),
        };
        let mut fds = [PollFd::new(&*self.pidfd, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(ProcessError::Wait {
                pid: self.id.pid,
                source: error.into(),
            }),
        }
    }
}

struct Stat {
    state: char,
    start_time_ticks: u64,
}

fn read_stat(path: &str) -> io::Result<Stat> {
    let text = fs::read_to_string(path)?;
    parse_stat(&text).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{path} is not in the known format"),
        )
    })
}

/// The name in brackets may hold anything, brackets and blanks too: fields are counted from the last bracket.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, after_name) = text.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        start_time_ticks: fields.get(19)?.parse().ok()?,
    })
}

fn thread_states(pid: u32) -> io::Result<Vec<char>> {
    let mut states = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let stat = thread?.path().join("stat");
        match read_stat(&stat.display().to_string()) {
            Ok(stat) => states.push(stat.state),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(states)
}

/// Threads that have ended (Z, X) say nothing about the others.
fn summarise(threads: &[char]) -> ProcessState {
    let mut living = threads
        .iter()
        .filter(|state| !matches!(state, 'Z' | 'X' | 'x'))
        .peekable();
    if living.peek().is_none() {
        ProcessState::Exited
    } else if living.all(|state| matches!(state, 'T' | 't')) {
        ProcessState::Stopped
    } else {
        ProcessState::Running
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(Errno::SRCH.raw_os_error())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn sleeper() -> std::process::Child {
        Command::new("/bin/sleep")
            .arg("30")
            .stdin(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn wait_for(handle: &ProcessHandle, wanted: ProcessState) {
        for _ in 0..400 {
            if handle.state().unwrap() == wanted {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("{:?} instead of {wanted:?}", handle.state());
    }

    #[test]
    fn a_name_full_of_brackets_does_not_shift_the_fields() {
        let tail = "1 ".repeat(18);
        let stat = parse_stat(&format!("42 (a) T (b)) S {tail}777 99\n")).unwrap();
        assert_eq!((stat.state, stat.start_time_ticks), ('S', 777));
        assert!(parse_stat("42 (sleep) S 1 2 3").is_none());
        assert!(parse_stat("").is_none());
    }

    #[test]
    fn one_running_thread_means_not_stopped() {
        assert_eq!(summarise(&['T', 't', 'T']), ProcessState::Stopped);
        assert_eq!(summarise(&['T', 'S', 'T']), ProcessState::Running);
        assert_eq!(summarise(&['Z', 'T']), ProcessState::Stopped);
        assert_eq!(summarise(&['Z']), ProcessState::Exited);
        assert_eq!(summarise(&[]), ProcessState::Exited);
    }

    #[test]
    fn another_process_with_the_same_pid_is_not_ours() {
        let mut child = sleeper();
        let now = ProcessHandle::of_pid(child.id()).unwrap().unwrap();
        assert!(ProcessHandle::open(now.id()).unwrap().is_some());
        // What a journal holds when the pid has been given to a later process.
        let earlier = ProcessId {
            start_time_ticks: now.id().start_time_ticks - 1,
            ..now.id()
        };
        assert!(ProcessHandle::open(earlier).unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(ProcessHandle::open(now.id()).unwrap().is_none());
        assert_eq!(now.signal(Signal::KILL).unwrap(), Delivery::Gone);
        assert_eq!(now.state().unwrap(), ProcessState::Exited);
    }

    #[test]
    fn a_freeze_and_a_thaw_are_seen() {
        let mut child = sleeper();
        let handle = ProcessHandle::of_pid(child.id()).unwrap().unwrap();
        assert_eq!(handle.state().unwrap(), ProcessState::Running);
        handle.signal(Signal::STOP).unwrap();
        wait_for(&handle, ProcessState::Stopped);
        handle.signal(Signal::CONT).unwrap();
        wait_for(&handle, ProcessState::Running);
        handle.signal(Signal::KILL).unwrap();
        assert!(handle.wait_exit_blocking(Duration::from_secs(5)).unwrap());
        // Ended, though nobody has waited for it yet.
        assert_eq!(handle.state().unwrap(), ProcessState::Exited);
        assert_eq!(handle.signal(Signal::KILL).unwrap(), Delivery::Gone);
        child.wait().unwrap();
    }

    #[tokio::test]
    async fn waiting_ends_with_the_process_or_the_deadline() {
        let mut child = sleeper();
        let handle = ProcessHandle::of_pid(child.id()).unwrap().unwrap();
        assert!(!handle.wait_exit(Duration::from_millis(30)).await.unwrap());
        handle.signal(Signal::TERM).unwrap();
        assert!(handle.wait_exit(Duration::from_secs(5)).await.unwrap());
        child.wait().unwrap();
    }

    #[test]
    fn there_is_no_process_zero() {
        assert!(ProcessHandle::of_pid(0).unwrap().is_none());
        assert!(ProcessHandle::of_pid(u32::MAX).unwrap().is_none());
    }
}
