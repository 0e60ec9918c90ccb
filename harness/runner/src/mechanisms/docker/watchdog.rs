//! Takes changes to containers back if Shakedown dies: a tiny process of its own.
//!
//! A container stays paused when whoever paused it is killed. As with the other watchdogs, a socket to the parent
//! closes however the parent dies. It speaks with the engine *before* it says that it is armed, so that the way is
//! known to be open; and it has a process group of its own, so that Ctrl-C does not reach it.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use shakedown_record::ExitCode;

use super::engine::Engine;
use super::error::EngineError;
use super::undo::Undo;
use crate::mechanisms::child::Child;
use crate::mechanisms::process::ProcessId;
use crate::mechanisms::watchdog::WatchdogError;

/// The hidden subcommand under which the binary runs [`container_watchdog_main`].
pub const CONTAINER_WATCHDOG_COMMAND: &str = "__container-watchdog";

const ARMED: u8 = b'a';
const DISMISSED: u8 = b'd';
const ARMED_WITHIN: Duration = Duration::from_secs(5);
const ENDS_WITHIN: Duration = Duration::from_secs(2);
/// An engine may be busy with what Shakedown asked last.
const TRIES_FOR: Duration = Duration::from_secs(20);
/// For so long after the parent's death its last request may still take effect.
const SETTLED_AFTER: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);

/// An armed watchdog. Dropping it takes everything back.
#[derive(Debug)]
pub struct ContainerWatchdog {
    child: Child,
    line: UnixStream,
    target: ProcessId,
}

impl ContainerWatchdog {
    /// Starts a watchdog that takes these back, and waits until it is armed.
    ///
    /// # Errors
    /// When it cannot be started, or does not report in time. Nothing may be changed then.
    pub async fn arm(
        exe: &Path,
        target: ProcessId,
        undo: Vec<Undo>,
    ) -> Result<ContainerWatchdog, WatchdogError> {
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
            tracing::warn!("the container watchdog of {target} was gone before its time: {error}");
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
) -> Result<ContainerWatchdog, WatchdogError> {
    let start = |source| WatchdogError::Start {
        exe: exe.display().to_string(),
        source,
    };
    let (mut line, far_end) = UnixStream::pair().map_err(start)?;
    let text = serde_json::to_string(undo).map_err(|error| start(error.into()))?;
    let started = Command::new(exe)
        .arg(CONTAINER_WATCHDOG_COMMAND)
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
        ARMED => Ok(ContainerWatchdog {
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

/// The watchdog's `main`. `arguments` are those after [`CONTAINER_WATCHDOG_COMMAND`]: `--undo` and a JSON array of
/// [`Undo`]; standard input is the line to its parent. Exits 0 when it was dismissed or has taken everything back, 64
/// for wrong arguments, 70 when something stayed.
pub fn container_watchdog_main(arguments: &[String]) -> ExitCode {
    let Some(undo) = parse(arguments) else {
        return ExitCode::Usage;
    };
    match watch(&undo) {
        Ok(()) => ExitCode::Pass,
        Err(error) => {
            tracing::error!("the container watchdog: {error}");
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // Everything that can fail early does so before it is armed.
    for undo in undo {
        runtime.block_on(Engine::at(undo.host()))?;
    }
    let mut line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    line.write_all(&[ARMED])?;
    let mut word = [0u8];
    loop {
        match line.read(&mut word) {
            Ok(1) if word[0] == DISMISSED => return Ok(()),
            Ok(1) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The parent is gone: end of file, or a reset line.
            Ok(_) | Err(_) => return runtime.block_on(take_back(undo)),
        }
    }
}

/// All of them at once; each is tried until it is done. What the parent asked for last may still be under way: it is
/// looked at once more.
async fn take_back(undo: &[Undo]) -> Result<(), WatchError> {
    let begun = Instant::now();
    let all = undo.iter().map(|undo| async move {
        loop {
            let done = async { undo.replay(&Engine::at(undo.host()).await?).await };
            match done.await {
                Ok(true) => return Ok(()),
                Ok(false) if begun.elapsed() >= SETTLED_AFTER => return Ok(()),
                Ok(false) => {}
                Err(error) if begun.elapsed() >= TRIES_FOR => return Err(error),
                Err(error) => tracing::warn!("{error}"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    for done in futures_util::future::join_all(all).await {
        done?;
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("the line to the parent: {0}")]
    Line(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_exact() {
        let arguments = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(parse(&arguments(&["--undo", "[]"])), Some(Vec::new()));
        for wrong in [
            &[][..],
            &["--undo"],
            &["--undo", "x"],
            &["--undo", "[]", "x"],
        ] {
            assert_eq!(parse(&arguments(wrong)), None, "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn a_watchdog_without_an_engine_never_counts_as_armed() {
        let own = crate::mechanisms::ProcessHandle::of_pid(std::process::id())
            .unwrap()
            .unwrap();
        let error = ContainerWatchdog::arm(Path::new("/bin/true"), own.id(), Vec::new()).await;
        assert!(
            matches!(error, Err(WatchdogError::NotArmed { .. })),
            "{error:?}"
        );
    }
}
