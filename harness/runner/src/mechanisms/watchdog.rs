//! Thaws what Shakedown froze if Shakedown dies: a tiny process of its own for each frozen one.
//!
//! A stopped process stays stopped when whoever stopped it is killed. The watchdog holds the target's pidfd and one
//! end of a socket; the other end closes with Shakedown, however it dies, and then the watchdog sends SIGCONT and
//! ends. It says that it is armed *before* anything is frozen. It has its own process group, so that Ctrl-C does
//! not reach it, and it listens on nothing else.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use shakedown_record::ExitCode;

use super::child::{AdoptError, Child};
use super::process::{ProcessError, ProcessHandle, ProcessId};

/// The hidden subcommand under which the binary runs [`watchdog_main`].
pub const WATCHDOG_COMMAND: &str = "__watchdog";

const ARMED: u8 = b'a';
const DISMISSED: u8 = b'd';
const ARMED_WITHIN: Duration = Duration::from_secs(5);
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// An armed watchdog. Dropping it thaws the target.
#[derive(Debug)]
pub struct Watchdog {
    child: Child,
    line: UnixStream,
}

/// Why there is no watchdog. Nothing may be frozen then.
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
    #[error("the watchdog of {target} does not end; it will thaw it when Shakedown ends")]
    Stays { target: ProcessId },
    #[error("the task that arms the watchdog was cancelled")]
    Cancelled,
}

impl Watchdog {
    /// Starts a watchdog over a process and waits until it is armed.
    ///
    /// # Errors
    /// When it cannot be started, or does not report in time.
    pub async fn arm(exe: &Path, target: ProcessId) -> Result<Watchdog, WatchdogError> {
        let exe = exe.to_path_buf();
        tokio::task::spawn_blocking(move || arm_blocking(&exe, target))
            .await
            .map_err(|_| WatchdogError::Cancelled)?
    }

    /// The watchdog's own process.
    pub fn process(&self) -> ProcessId {
        self.child.handle().id()
    }

    /// Ends it without thawing: the target has been thawed already.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn dismiss(mut self, target: ProcessId) -> Result<(), WatchdogError> {
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

fn arm_blocking(exe: &Path, target: ProcessId) -> Result<Watchdog, WatchdogError> {
    let start = |source| WatchdogError::Start {
        exe: exe.display().to_string(),
        source,
    };
    let (mut line, far_end) = UnixStream::pair().map_err(start)?;
    let started = Command::new(exe)
        .arg(WATCHDOG_COMMAND)
        .args(["--pid", &target.pid.to_string()])
        .args(["--start", &target.start_time_ticks.to_string()])
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
        ARMED => Ok(Watchdog { child, line }),
        other => Err(not_armed(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it said {other:#04x}"),
        ))),
    }
}

/// The watchdog's `main`. `arguments` are those after [`WATCHDOG_COMMAND`]; standard input is the line to its parent.
/// Exits 0 when it was dismissed or has thawed its target, 64 for wrong arguments, 70 when it could do neither.
pub fn watchdog_main(arguments: &[String]) -> ExitCode {
    let Some(target) = parse(arguments) else {
        return ExitCode::Usage;
    };
    match watch(target) {
        Ok(()) => ExitCode::Pass,
        Err(error) => {
            tracing::error!("the watchdog of {target}: {error}");
            ExitCode::Bug
        }
    }
}

fn parse(arguments: &[String]) -> Option<ProcessId> {
    match arguments {
        [pid_key, pid, start_key, start] if pid_key == "--pid" && start_key == "--start" => {
            Some(ProcessId {
                pid: pid.parse().ok()?,
                start_time_ticks: start.parse().ok()?,
            })
        }
        _ => None,
    }
}

fn watch(target: ProcessId) -> Result<(), WatchError> {
    let Some(target) = ProcessHandle::open(target)? else {
        return Ok(());
    };
    let mut line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    line.write_all(&[ARMED])?;
    let mut word = [0u8];
    loop {
        match line.read(&mut word) {
            Ok(1) if word[0] == DISMISSED => return Ok(()),
            Ok(1) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The parent is gone: end of file, or a reset line.
            Ok(_) | Err(_) => {
                target.signal(Signal::CONT)?;
                return Ok(());
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("the line to the parent: {0}")]
    Line(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_string).collect()
    }

    #[test]
    fn arguments_are_exact() {
        assert_eq!(
            parse(&arguments("--pid 7 --start 99")),
            Some(ProcessId {
                pid: 7,
                start_time_ticks: 99
            })
        );
        for wrong in [
            "",
            "--pid 7",
            "--pid x --start 9",
            "--start 9 --pid 7",
            "--pid 7 --start 9 x",
        ] {
            assert_eq!(parse(&arguments(wrong)), None, "{wrong}");
        }
        assert_eq!(watchdog_main(&arguments("--pid 7")), ExitCode::Usage);
    }

    #[tokio::test]
    async fn a_program_that_is_no_watchdog_never_counts_as_armed() {
        let target = ProcessHandle::of_pid(std::process::id()).unwrap().unwrap();
        let error = Watchdog::arm(Path::new("/bin/true"), target.id()).await;
        assert!(
            matches!(error, Err(WatchdogError::NotArmed { .. })),
            "{error:?}"
        );
        let error = Watchdog::arm(Path::new("/nonexistent"), target.id()).await;
        assert!(
            matches!(error, Err(WatchdogError::Start { .. })),
            "{error:?}"
        );
    }
}
