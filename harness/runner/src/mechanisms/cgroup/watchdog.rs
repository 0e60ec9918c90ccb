//! Takes groups back if Shakedown dies: a tiny process of its own that replays [`Undo`] records.
//!
//! A frozen process stays frozen, and a limited one limited, when whoever did it is killed. As with the watchdog for
//! SIGSTOP, a socket to the parent closes however the parent dies; then this one thaws, moves back, removes, sets back,
//! and ends. It says that it is armed *before* anything is changed. It lives outside of the groups that it takes back,
//! and in a process group of its own, so that Ctrl-C does not reach it.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use shakedown_record::ExitCode;

use super::error::CgroupError;
use super::hierarchy::Cgroups;
use super::undo::Undo;
use crate::mechanisms::child::Child;
use crate::mechanisms::process::ProcessId;
use crate::mechanisms::watchdog::WatchdogError;

/// The hidden subcommand under which the binary runs [`freezer_watchdog_main`].
pub const FREEZER_WATCHDOG_COMMAND: &str = "__freezer-watchdog";

const ARMED: u8 = b'a';
const DISMISSED: u8 = b'd';
const ARMED_WITHIN: Duration = Duration::from_secs(5);
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// An armed watchdog. Dropping it takes everything back.
#[derive(Debug)]
pub struct CgroupWatchdog {
    child: Child,
    line: UnixStream,
    target: ProcessId,
}

impl CgroupWatchdog {
    /// Starts a watchdog that takes these back, the last first, and waits until it is armed.
    ///
    /// # Errors
    /// When it cannot be started, or does not report in time. Nothing may be changed then.
    pub async fn arm(
        exe: &Path,
        target: ProcessId,
        undo: Vec<Undo>,
    ) -> Result<CgroupWatchdog, WatchdogError> {
        let exe = exe.to_path_buf();
        tokio::task::spawn_blocking(move || arm_blocking(&exe, target, &undo))
            .await
            .map_err(|_| WatchdogError::Cancelled)?
    }

    /// The watchdog's own process.
    pub fn process(&self) -> ProcessId {
        self.child.handle().id()
    }

    /// Ends it: everything has been taken back already.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn dismiss(mut self) -> Result<(), WatchdogError> {
        let target = self.target;
        // A watchdog that is gone cannot be written to, and need not be.
        if let Err(error) = self.line.write_all(&[DISMISSED]) {
            tracing::warn!("the group watchdog of {target} was gone before its time: {error}");
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
    undo: &[Undo],
) -> Result<CgroupWatchdog, WatchdogError> {
    let start = |source| WatchdogError::Start {
        exe: exe.display().to_string(),
        source,
    };
    let (mut line, far_end) = UnixStream::pair().map_err(start)?;
    let text = serde_json::to_string(undo).map_err(|error| start(error.into()))?;
    let started = Command::new(exe)
        .arg(FREEZER_WATCHDOG_COMMAND)
        .args(["--undo", &text])
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
        ARMED => Ok(CgroupWatchdog {
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

/// The watchdog's `main`. `arguments` are those after [`FREEZER_WATCHDOG_COMMAND`]: `--undo` and a JSON array of
/// [`Undo`]; standard input is the line to its parent. Exits 0 when it was dismissed or has taken everything back, 64
/// for wrong arguments, 70 when something stayed.
pub fn freezer_watchdog_main(arguments: &[String]) -> ExitCode {
    let Some(undo) = parse(arguments) else {
        return ExitCode::Usage;
    };
    match watch(&undo) {
        Ok(()) => ExitCode::Pass,
        Err(error) => {
            tracing::error!("the group watchdog: {error}");
            ExitCode::Bug
        }
    }
}

fn parse(arguments: &[String]) -> Option<Vec<Undo>> {
    match arguments {
        [key, text] if key == "--undo" => serde_json::from_str(text).ok(),
        _ => None,
    }
}

fn watch(undo: &[Undo]) -> Result<(), WatchError> {
    // Everything that can fail early does so before it is armed.
    let cgroups = Cgroups::discover()?;
    let mut line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    line.write_all(&[ARMED])?;
    let mut word = [0u8];
    loop {
        match line.read(&mut word) {
            Ok(1) if word[0] == DISMISSED => return Ok(()),
            Ok(1) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The parent is gone: end of file, or a reset line.
            Ok(_) | Err(_) => return take_back(&cgroups, undo),
        }
    }
}

/// All of them are tried, whatever becomes of one.
fn take_back(cgroups: &Cgroups, undo: &[Undo]) -> Result<(), WatchError> {
    let mut result = Ok(());
    for undo in undo.iter().rev() {
        if let Err(error) = undo.replay(cgroups) {
            tracing::error!("{undo}: {error}");
            result = Err(error.into());
        }
    }
    result
}

#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    #[error("the line to the parent: {0}")]
    Line(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::mechanisms::process::ProcessHandle;

    #[test]
    fn arguments_are_exact() {
        let undo = vec![Undo::Leave {
            group: PathBuf::from("/g/shakedown-a b"),
            previous: PathBuf::from("/g"),
            process: ProcessId {
                pid: 7,
                start_time_ticks: 99,
            },
        }];
        let text = serde_json::to_string(&undo).unwrap();
        assert!(text.starts_with(r#"[{"cgroup":"leave""#), "{text}");
        assert_eq!(parse(&["--undo".into(), text.clone()]), Some(undo));
        assert_eq!(parse(&["--undo".into(), "[{}]".into()]), None);
        assert_eq!(parse(&["--undo".into()]), None);
        assert_eq!(freezer_watchdog_main(&[text]), ExitCode::Usage);
    }

    #[tokio::test]
    async fn a_program_that_is_no_watchdog_never_counts_as_armed() {
        let target = ProcessHandle::of_pid(std::process::id()).unwrap().unwrap();
        let error = CgroupWatchdog::arm(Path::new("/bin/true"), target.id(), vec![]).await;
        assert!(
            matches!(error, Err(WatchdogError::NotArmed { .. })),
            "{error:?}"
        );
    }
}
