//! Restart: an orderly stop and a start, one target after the other, each ready before the next is touched.

use std::time::Duration;

use rustix::process::Signal;

use super::error::FaultError;
use super::kill::{signal_all, start_missing};
use super::strength::Strength;
use super::target::Target;
use crate::environment::{Environment, Handle};

const KILLED_WITHIN: Duration = Duration::from_secs(2);
const READY_WITHIN: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Restart {
    grace: Duration,
}

impl Restart {
    pub(super) fn new(grace: Duration) -> Restart {
        Restart { grace }
    }

    pub(super) fn mechanism(&self) -> String {
        format!(
            "signal TERM by pidfd, KILL after {:.1} s, then a new process with the same data",
            self.grace.as_secs_f64()
        )
    }

    pub(super) async fn inject(
        &mut self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
        strength: Strength,
    ) -> Result<(), FaultError> {
        if strength == Strength::Blunt {
            return Ok(());
        }
        for target in targets {
            self.restart_one(fault, target, environment).await?;
        }
        Ok(())
    }

    async fn restart_one(
        &self,
        fault: &str,
        target: &Target,
        environment: &Environment,
    ) -> Result<(), FaultError> {
        let one = std::slice::from_ref(target);
        environment.expect_exit(&target.name, true);
        signal_all(fault, one, Signal::TERM)?;
        if !ended(fault, target, self.grace).await? {
            signal_all(fault, one, Signal::KILL)?;
            if !ended(fault, target, KILLED_WITHIN).await? {
                return Err(FaultError::DoesNotEnd {
                    fault: fault.to_string(),
                    target: target.label(),
                });
            }
        }
        let failed = |source| FaultError::Environment {
            fault: fault.to_string(),
            source: Box::new(source),
        };
        environment.respawn(&target.name).await.map_err(failed)?;
        environment
            .wait_ready(&target.name, READY_WITHIN)
            .await
            .map_err(failed)
    }

    /// Another process runs in the place of the one that was to be restarted.
    pub(super) fn confirm(target: &Target, environment: &Environment) -> Result<String, String> {
        match environment.handle(&target.name) {
            Some(Handle::Process(now)) if now.id() != target.process.id() => {
                Ok(format!("{} is now {}", target.label(), now.id()))
            }
            Some(Handle::Process(_)) => Err(format!("{} was not restarted", target.label())),
            None => Err(format!("{} does not run", target.label())),
        }
    }

    /// Nothing is left of a restart but a target that was being restarted when it was interrupted.
    pub(super) async fn heal(
        fault: &str,
        targets: &[Target],
        environment: &Environment,
    ) -> Result<(), FaultError> {
        start_missing(fault, targets, environment).await
    }
}

async fn ended(fault: &str, target: &Target, at_most: Duration) -> Result<bool, FaultError> {
    target
        .process
        .wait_exit(at_most)
        .await
        .map_err(|source| FaultError::Process {
            fault: fault.to_string(),
            source,
        })
}
