//! Freeze: SIGSTOP to the whole process; proven by the state of all of its threads and by silence where there was
//! an answer. Its sockets stay: the kernel goes on accepting connections that nobody serves.

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use super::error::FaultError;
use super::kill::{left, signal_all};
use super::strength::Strength;
use super::target::Target;
use crate::environment::{Environment, HttpAnswer, ask};
use crate::journal::{Entry, Journal, Undo};
use crate::mechanisms::{ProcessState, Watchdog};

const STATE_POLL: Duration = Duration::from_millis(2);
/// An engine that answers does so long before this on loopback; a frozen one never does.
pub(super) const SILENT_FOR: Duration = Duration::from_millis(250);
const THAWS_WITHIN: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Freeze {
    /// One for each target, in order, from arming to healing.
    watchdogs: Vec<Watchdog>,
}

impl Freeze {
    pub(super) fn mechanism(&self) -> String {
        "SIGSTOP by pidfd, with a watchdog that thaws".to_string()
    }

    /// Starts the watchdogs and says how to undo what is about to be done.
    pub(super) async fn arm(
        &mut self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
        journal: &Journal,
    ) -> Result<Vec<Undo>, FaultError> {
        let mut undo = Vec::new();
        for target in targets {
            let process = target.process.id();
            let exe = environment
                .watchdog_exe()
                .ok_or_else(|| FaultError::NoHandle {
                    fault: fault.to_string(),
                    kind: "freeze",
                    target: target.name.clone(),
                })?;
            let watchdog = Watchdog::over_stopped(exe, process)
                .await
                .map_err(|source| FaultError::Watchdog {
                    fault: fault.to_string(),
                    source,
                })?;
            let started = Entry::ChildStarted {
                name: watchdog_of(target),
                process: watchdog.process(),
            };
            self.watchdogs.push(watchdog);
            record(fault, journal, &started)?;
            undo.push(Undo::Thaw {
                name: target.name.clone(),
                process,
            });
        }
        Ok(undo)
    }

    pub(super) fn inject(
        &self,
        fault: &str,
        targets: &[Target],
        strength: Strength,
    ) -> Result<(), FaultError> {
        match strength {
            Strength::Full => signal_all(fault, targets, Signal::STOP),
            Strength::Blunt => Ok(()),
        }
    }

    /// What was seen; as an error when it is not the effect.
    pub(super) async fn confirm(
        target: &Target,
        environment: &Environment,
        until: Instant,
    ) -> Result<String, String> {
        let who = target.label();
        loop {
            match target.process.state() {
                Ok(ProcessState::Stopped) => break,
                Ok(ProcessState::Exited) => {
                    let exit = target.exit(environment).await;
                    let how = exit.map_or("has ended".to_string(), |exit| exit.to_string());
                    return Err(format!("{who} {how}: it is gone, not frozen"));
                }
                Ok(ProcessState::Running) if left(until).is_zero() => {
                    return Err(format!("{who} got SIGSTOP and still runs"));
                }
                Ok(ProcessState::Running) => tokio::time::sleep(STATE_POLL).await,
                Err(error) => return Err(error.to_string()),
            }
        }
        match ask(target.address, "/", SILENT_FOR).await {
            HttpAnswer::Silent => Ok(format!(
                "every thread of {who} is stopped and {} gave no answer for {} ms",
                target.address,
                SILENT_FOR.as_millis()
            )),
            answer => Err(format!(
                "every thread of {who} is stopped, but {} {answer}",
                target.address
            )),
        }
    }

    /// SIGCONT to all first, then the looks: no target waits for another's.
    pub(super) async fn heal(
        &mut self,
        fault: &str,
        targets: &[Target],
        journal: &Journal,
    ) -> Result<(), FaultError> {
        match signal_all(fault, targets, Signal::CONT) {
            // What is gone is not frozen.
            Ok(()) | Err(FaultError::TargetGone { .. }) => {}
            Err(error) => return Err(error),
        }
        for target in targets {
            thawed(fault, target).await?;
        }
        for (watchdog, target) in self.watchdogs.drain(..).zip(targets) {
            let gone = Entry::ChildGone {
                name: watchdog_of(target),
                process: watchdog.process(),
            };
            match watchdog.dismiss().await {
                Ok(()) => record(fault, journal, &gone)?,
                // Harmless: it ends, and sends a superfluous SIGCONT, when we do.
                Err(error) => tracing::warn!("{error}"),
            }
        }
        Ok(())
    }
}

async fn thawed(fault: &str, target: &Target) -> Result<(), FaultError> {
    let until = Instant::now() + THAWS_WITHIN;
    loop {
        let state = target
            .process
            .state()
            .map_err(|source| FaultError::Process {
                fault: fault.to_string(),
                source,
            })?;
        match state {
            ProcessState::Running | ProcessState::Exited => return Ok(()),
            ProcessState::Stopped if left(until).is_zero() => {
                return Err(FaultError::StaysStopped {
                    fault: fault.to_string(),
                    target: target.label(),
                });
            }
            ProcessState::Stopped => tokio::time::sleep(STATE_POLL).await,
        }
    }
}

fn watchdog_of(target: &Target) -> String {
    format!("watchdog of {}", target.name)
}

fn record(fault: &str, journal: &Journal, entry: &Entry) -> Result<(), FaultError> {
    journal.record(entry).map_err(|source| FaultError::Journal {
        fault: fault.to_string(),
        source,
    })
}
