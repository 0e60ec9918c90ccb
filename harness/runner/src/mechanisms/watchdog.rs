//! What takes a change back if Shakedown dies: a tiny process of its own for each, which is told however that happens.
//!
//! A stopped process stays stopped, and a limited one limited, when whoever did it is killed. The watchdog holds one end of
//! a socket; the other end closes with Shakedown, whatever ends it, and then the watchdog takes the change back and ends.
//! It says that it is armed *before* anything is changed. It has its own process group, so that Ctrl-C does not reach it, and
//! it listens on nothing else. What it takes back is its own affair: [`thaw`](super::thaw), `cgroup` and `docker`.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::child::{AdoptError, Child};
use super::process::ProcessId;

const ARMED: u8 = b'a';
const DISMISSED: u8 = b'd';
const ARMED_WITHIN: Duration = Duration::from_secs(5);
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// Before what is to be taken back.
const UNDO: &str = "--undo";

/// An armed watchdog. Dropping it has it take the change back.
#[derive(Debug)]
pub struct Watchdog {
    child: Child,
    line: UnixStream,
    target: ProcessId,
}

/// Why there is no watchdog. Nothing may be changed then.
#[derive(Debug, thiserror::Error)]
pub enum WatchdogError {
    #[error("cannot start the watchdog {exe}: {source}")]
    Start { exe: String, source: io::Error },
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    #[error("the watchdog of {target} did not say within 5 s that it is armed: {source}")]
    NotArmed {
        target: ProcessId,
        source: io::Error,
    },
    #[error(
        "the watchdog of {target} does not end; it will take its change back when Shakedown ends"
    )]
    Stays { target: ProcessId },
    #[error("the task that arms the watchdog was cancelled")]
    Cancelled,
}

/// How a watch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    /// The change has been taken back already.
    Dismissed,
    /// Nobody is left who would take it back.
    Orphaned,
}

impl Watchdog {
    /// Starts a watchdog, the hidden `command` of `exe` with these arguments, and waits until it is armed.
    ///
    /// # Errors
    /// When it cannot be started, or does not report in time.
    pub(super) async fn arm(
        exe: &Path,
        target: ProcessId,
        command: &'static str,
        arguments: Vec<String>,
    ) -> Result<Watchdog, WatchdogError> {
        let exe = exe.to_path_buf();
        tokio::task::spawn_blocking(move || arm_blocking(&exe, target, command, &arguments))
            .await
            .map_err(|_| WatchdogError::Cancelled)?
    }

    /// The watchdog's own process.
    pub fn process(&self) -> ProcessId {
        self.child.handle().id()
    }

    /// Ends it: the change has been taken back already.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn dismiss(mut self) -> Result<(), WatchdogError> {
        let target = self.target;
        // A watchdog that is gone cannot be written to, and need not be.
        if let Err(error) = self.line.write_all(&[DISMISSED]) {
            tracing::warn!("the watchdog of {target} was gone before its time: {error}");
        }
        match self.child.wait(ENDS_WITHIN).await {
            Some(_) => Ok(()),
            None => Err(WatchdogError::Stays { target }),
        }
    }
}

fn arm_blocking(
    exe: &Path,
    target: ProcessId,
    command: &str,
    arguments: &[String],
) -> Result<Watchdog, WatchdogError> {
    let start = |source| WatchdogError::Start {
        exe: exe.display().to_string(),
        source,
    };
    let (mut line, far_end) = UnixStream::pair().map_err(start)?;
    let started = Command::new(exe)
        .arg(command)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(far_end)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(start)?;
    let child = Child::adopt(started)?;
    let not_armed = |source| WatchdogError::NotArmed { target, source };
    line.set_read_timeout(Some(ARMED_WITHIN))
        .map_err(not_armed)?;
    let mut word = [0u8];
    line.read_exact(&mut word).map_err(not_armed)?;
    match word[0] {
        ARMED => Ok(Watchdog {
            child,
            line,
            target,
        }),
        other => Err(not_armed(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it said {other:#04x}"),
        ))),
    }
}

/// What is to be taken back, as arguments of a watchdog: `--undo` and a JSON array.
///
/// # Errors
/// When it cannot be written down.
pub(super) fn undo_arguments<Undo: Serialize>(
    exe: &Path,
    undo: &[Undo],
) -> Result<Vec<String>, WatchdogError> {
    let text = serde_json::to_string(undo).map_err(|error| WatchdogError::Start {
        exe: exe.display().to_string(),
        source: error.into(),
    })?;
    Ok(vec![UNDO.to_string(), text])
}

/// The same, in the watchdog; `None` for anything else.
pub(super) fn undo_of<Undo: DeserializeOwned>(arguments: &[String]) -> Option<Vec<Undo>> {
    match arguments {
        [key, text] if key == UNDO => serde_json::from_str(text).ok(),
        _ => None,
    }
}

/// In the watchdog: says over standard input, the line to the parent, that it is armed, and waits.
///
/// # Errors
/// When there is no such line.
pub(super) fn watch() -> io::Result<Watched> {
    let mut line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    line.write_all(&[ARMED])?;
    let mut word = [0u8];
    loop {
        match line.read(&mut word) {
            Ok(1) if word[0] == DISMISSED => return Ok(Watched::Dismissed),
            Ok(1) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The parent is gone: end of file, or a reset line.
            Ok(_) | Err(_) => return Ok(Watched::Orphaned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanisms::process::ProcessHandle;

    #[test]
    fn what_is_to_be_taken_back_is_read_exactly() {
        let words = undo_arguments(Path::new("exe"), &[7, 9]).unwrap();
        assert_eq!(undo_of(&words), Some(vec![7, 9]));
        let words = |text: &str| text.split(' ').map(str::to_string).collect::<Vec<_>>();
        for wrong in ["", "--undo", "--undo x", "--undo [] x", "--other []"] {
            assert_eq!(undo_of::<u32>(&words(wrong)), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_program_that_is_no_watchdog_never_counts_as_armed() {
        let target = ProcessHandle::of_pid(std::process::id()).unwrap().unwrap();
        let arm = |exe| Watchdog::arm(Path::new(exe), target.id(), "__none", Vec::new());
        let error = arm("/bin/true").await;
        assert!(
            matches!(error, Err(WatchdogError::NotArmed { .. })),
            "{error:?}"
        );
        let error = arm("/nonexistent").await;
        assert!(
            matches!(error, Err(WatchdogError::Start { .. })),
            "{error:?}"
        );
    }
}
