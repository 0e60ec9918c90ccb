//! A child process that is waited for, so that its end is noticed at once and explained.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;
use shakedown_record::monotonic_ns;
use tokio::sync::watch;

use super::process::{ProcessError, ProcessHandle};

/// How and when a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    pub status: ExitStatus,
    /// `CLOCK_MONOTONIC` in nanoseconds, when the kernel told us.
    pub at_mono_ns: u64,
}

impl Exit {
    /// True when this signal ended it.
    pub fn by_signal(&self, signal: Signal) -> bool {
        self.status.signal() == Some(signal.as_raw())
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => write!(f, "exited with code {code}"),
            (None, Some(signal)) => write!(f, "ended by signal {}", signal_name(signal)),
            (None, None) => write!(f, "ended: {}", self.status),
        }
    }
}

fn signal_name(raw: i32) -> String {
    let name = match Signal::from_named_raw(raw) {
        Some(Signal::KILL) => "KILL",
        Some(Signal::TERM) => "TERM",
        Some(Signal::INT) => "INT",
        Some(Signal::QUIT) => "QUIT",
        Some(Signal::ABORT) => "ABRT",
        Some(Signal::SEGV) => "SEGV",
        Some(Signal::BUS) => "BUS",
        Some(Signal::HUP) => "HUP",
        Some(Signal::USR1) => "USR1",
        Some(Signal::USR2) => "USR2",
        _ => return raw.to_string(),
    };
    format!("{raw} ({name})")
}

/// A child of ours. Dropping it neither kills nor forgets it: a thread of its own waits for its end.
#[derive(Debug, Clone)]
pub struct Child {
    handle: ProcessHandle,
    exit: watch::Receiver<Option<Exit>>,
}

/// Why a started child could not be taken charge of. It has been killed again.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("cannot start the thread that waits for a child: {0}")]
    Thread(io::Error),
}

impl Child {
    /// Takes charge of a child just started: pins it, and waits for its end on a thread.
    ///
    /// # Errors
    /// When it cannot be pinned or there is no thread to wait for it; the child is killed then.
    pub fn adopt(mut started: std::process::Child) -> Result<Child, AdoptError> {
        let handle = match ProcessHandle::of_unreaped_child(started.id()) {
            Ok(handle) => handle,
            Err(error) => {
                abandon(&mut started);
                return Err(error.into());
            }
        };
        let (tell, exit) = watch::channel(None);
        let reaper = std::thread::Builder::new()
            .name(format!("reap-{}", handle.pid()))
            .stack_size(64 * 1024)
            .spawn(move || reap(started, &tell));
        match reaper {
            Ok(_) => Ok(Child { handle, exit }),
            Err(error) => {
                // The closure, and the child in it, went down with the thread; the pidfd is left.
                if let Err(error) = handle.signal(Signal::KILL) {
                    tracing::warn!("{error}");
                }
                Err(AdoptError::Thread(error))
            }
        }
    }

    pub fn handle(&self) -> &ProcessHandle {
        &self.handle
    }

    /// How it ended; `None` as long as it runs.
    pub fn exit(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Waits for its end; `None` when it still runs after `at_most`.
    pub async fn wait(&self, at_most: std::time::Duration) -> Option<Exit> {
        let mut exit = self.exit.clone();
        let ended = tokio::time::timeout(at_most, exit.wait_for(Option::is_some)).await;
        match ended {
            Ok(Ok(exit)) => *exit,
            Ok(Err(_)) | Err(_) => self.exit(),
        }
    }
}

fn reap(mut child: std::process::Child, tell: &watch::Sender<Option<Exit>>) {
    match child.wait() {
        Ok(status) => {
            tell.send_replace(Some(Exit {
                status,
                at_mono_ns: monotonic_ns(),
            }));
        }
        Err(error) => tracing::error!("cannot wait for pid {}: {error}", child.id()),
    }
}

fn abandon(child: &mut std::process::Child) {
    if let Err(error) = child.kill().and_then(|()| child.wait().map(drop)) {
        tracing::warn!("cannot end pid {}: {error}", child.id());
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::*;

    fn sh(script: &str) -> Child {
        let started = Command::new("/bin/sh").args(["-c", script]).spawn();
        Child::adopt(started.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn an_end_is_explained() {
        let failed = sh("exit 3").wait(Duration::from_secs(5)).await.unwrap();
        assert_eq!(failed.to_string(), "exited with code 3");
        let killed = sh("kill -SEGV $$")
            .wait(Duration::from_secs(5))
            .await
            .unwrap();
        assert_eq!(killed.to_string(), "ended by signal 11 (SEGV)");
        assert!(killed.by_signal(Signal::SEGV) && !killed.by_signal(Signal::KILL));
    }

    #[tokio::test]
    async fn a_running_child_has_no_exit() {
        let child = sh("exec sleep 30");
        assert!(child.wait(Duration::from_millis(20)).await.is_none());
        child.handle().signal(Signal::KILL).unwrap();
        assert!(child.wait(Duration::from_secs(5)).await.is_some());
    }
}
