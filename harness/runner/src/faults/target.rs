//! A target of a fault, resolved and pinned.

use std::net::SocketAddr;
use std::time::Duration;

use shakedown_scenarios::plan::FaultKind;
use tokio::time::Instant;

use super::aim::FaultTargetRef;
use super::error::FaultError;
use crate::environment::{Environment, Handle};
use crate::mechanisms::{Exit, ProcessHandle, ProcessState};

/// Whoever waits for a process learns a moment later how it ended; an engine of containers tells it later still.
const TOLD_WITHIN: Duration = Duration::from_secs(2);
const TOLD_POLL: Duration = Duration::from_millis(5);

/// One target: the process that it was when the fault was prepared.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) role: Option<String>,
    pub(super) process: ProcessHandle,
    /// Where it serves.
    pub(super) address: SocketAddr,
}

impl Target {
    /// The replica as it is now: its process pinned.
    ///
    /// # Errors
    /// When it has no handle that the kind can act on, or is stopped already.
    pub(super) fn pin(
        fault: &str,
        kind: &FaultKind,
        target: &FaultTargetRef,
        environment: &Environment,
    ) -> Result<Target, FaultError> {
        let no_handle = || FaultError::NoHandle {
            fault: fault.to_string(),
            kind: kind.name(),
            target: target.name.clone(),
        };
        let handle = environment.handle(&target.name).ok_or_else(no_handle)?;
        let Handle::Process(process) = handle;
        let address = environment.address(&target.name).ok_or_else(no_handle)?;
        let state = process.state().map_err(|source| FaultError::Process {
            fault: fault.to_string(),
            source,
        })?;
        match state {
            ProcessState::Running => Ok(Target {
                name: target.name.clone(),
                role: target.role.clone(),
                process,
                address,
            }),
            ProcessState::Stopped => Err(FaultError::AlreadyStopped {
                fault: fault.to_string(),
                target: target.name.clone(),
            }),
            ProcessState::Exited => Err(no_handle()),
        }
    }

    /// How it ended; `None` at once while it runs or where nobody can tell, and after a while when nobody does.
    pub(super) async fn exit(&self, environment: &Environment) -> Option<Exit> {
        let until = Instant::now() + TOLD_WITHIN;
        loop {
            let exit = environment.exit_of(&self.name, self.process.id());
            let runs = !self.process.has_exited().unwrap_or(false);
            if exit.is_some() || runs || !environment.tells_exits() || Instant::now() >= until {
                return exit;
            }
            tokio::time::sleep(TOLD_POLL).await;
        }
    }

    /// For people: `engine-1 (pid 4711)`.
    pub(super) fn label(&self) -> String {
        format!("{} ({})", self.name, self.process.id())
    }
}

/// Whoever speaks for all targets of a fault that Shakedown starts again or does not: they are of one part.
pub(super) fn speaker(targets: &[Target]) -> &str {
    targets.first().map_or("", |target| &target.name)
}

/// Names of several targets, for people.
pub(super) fn labels<'a>(targets: impl IntoIterator<Item = &'a Target>) -> String {
    let labels: Vec<String> = targets.into_iter().map(Target::label).collect();
    labels.join(", ")
}
