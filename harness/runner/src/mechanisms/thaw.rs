//! Thaws a process that Shakedown stopped, if Shakedown dies: the watchdog holds the target's pidfd, and sends SIGCONT.

use std::io;
use std::path::Path;

use rustix::process::Signal;
use shakedown_record::ExitCode;

use super::process::{ProcessError, ProcessHandle, ProcessId};
use super::watchdog::{Watchdog, WatchdogError, Watched, watch};

/// The hidden subcommand under which the binary runs [`watchdog_main`].
const WATCHDOG_COMMAND: &str = "__watchdog";

impl Watchdog {
    /// Over a process that is going to be stopped.
    ///
    /// # Errors
    /// When it cannot be started, or does not report in time. Nothing may be stopped then.
    pub async fn over_stopped(exe: &Path, target: ProcessId) -> Result<Watchdog, WatchdogError> {
        let words = [
            "--pid".to_string(),
            target.pid.to_string(),
            "--start".to_string(),
            target.start_time_ticks.to_string(),
        ];
        Watchdog::arm(exe, target, WATCHDOG_COMMAND, words.to_vec()).await
    }
}

/// The watchdog's `main`. `arguments` are those after [`WATCHDOG_COMMAND`]; standard input is the line to its parent.
/// Exits 0 when it was dismissed or has thawed its target, 64 for wrong arguments, 70 when it could do neither.
pub fn watchdog_main(arguments: &[String]) -> ExitCode {
    let Some(target) = parse(arguments) else {
        return ExitCode::Usage;
    };
    match over(target) {
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

fn over(target: ProcessId) -> Result<(), WatchError> {
    let Some(target) = ProcessHandle::open(target)? else {
        return Ok(());
    };
    match watch()? {
        Watched::Dismissed => {}
        Watched::Orphaned => {
            target.signal(Signal::CONT)?;
        }
    }
    Ok(())
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
}
