//! Clock skew: a target is restarted with a monotonic clock that is ahead of, or behind, that of the machine, and
//! healed by another restart. Wall-clock time is the same for all processes of a machine and is not offered.

use std::time::Duration;

use super::error::{FaultError, NotClean};
use super::restart::Restart;
use super::strength::Strength;
use super::target::Target;
use crate::environment::{Environment, Handle};
use crate::mechanisms::time_ns::{ClockOffsets, TimeNamespace};

const GRACE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Clock {
    namespace: TimeNamespace,
    restart: Restart,
    /// All targets run with the other clock, as far as we know.
    is_on: bool,
    /// Targets that ended by themselves while it was on. Healing starts them again, but they were not there.
    ended: Vec<String>,
}

impl Clock {
    /// Tries whether this kernel and these rights can do it.
    pub(super) fn new(fault: &str, by_ns: i64) -> Result<Clock, FaultError> {
        let namespace = TimeNamespace::new(ClockOffsets::both(by_ns));
        let tried = namespace.and_then(|namespace| namespace.preflight().map(|()| namespace));
        let namespace = tried.map_err(|why| FaultError::NotPossible {
            fault: fault.to_string(),
            reason: why.to_string(),
        })?;
        Ok(Clock {
            namespace,
            restart: Restart::new(GRACE),
            is_on: false,
            ended: Vec::new(),
        })
    }

    pub(super) fn mechanism(&self) -> String {
        format!(
            "a restart in a time namespace whose monotonic clock is off by {:.3} s, and a restart without it",
            self.namespace.offsets().monotonic_ns as f64 / 1e9
        )
    }

    pub(super) async fn inject(
        &mut self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
        strength: Strength,
    ) -> Result<(), FaultError> {
        let clock = match strength {
            Strength::Full => Some(self.namespace),
            // A restart that changes no clock.
            Strength::Blunt => None,
        };
        for target in targets {
            environment.set_clock(&target.name, clock);
        }
        self.restart
            .inject(fault, targets, environment, Strength::Full)
            .await?;
        self.is_on = true;
        Ok(())
    }

    /// The process that runs now has the other clock.
    pub(super) fn confirm(
        &self,
        target: &Target,
        environment: &Environment,
    ) -> Result<String, String> {
        match environment.handle(&target.name) {
            Some(Handle::Process(now)) if now.id() != target.process.id() => self
                .namespace
                .confirm(&now)
                .map(|_| {
                    let by_s = self.namespace.offsets().monotonic_ns as f64 / 1e9;
                    format!(
                        "{} runs as {} with its clock off by {by_s:.3} s",
                        target.name,
                        now.id()
                    )
                })
                .map_err(|why| why.to_string()),
            Some(Handle::Process(_)) => Err(format!("{} was not restarted", target.label())),
            None => Err(format!("{} does not run", target.label())),
        }
    }

    /// Restarts whoever runs with the other clock, and starts whoever does not run.
    pub(super) async fn heal(
        &mut self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
    ) -> Result<(), FaultError> {
        let mut skewed = Vec::new();
        for target in targets {
            environment.set_clock(&target.name, None);
            if self.is_on && environment.handle(&target.name).is_none() {
                self.ended.push(target.name.clone());
            }
            if let Some(Handle::Process(now)) = environment.handle(&target.name)
                && self.namespace.confirm(&now).is_ok()
            {
                skewed.push(Target {
                    process: now,
                    ..target.clone()
                });
            }
        }
        self.is_on = false;
        self.restart
            .inject(fault, &skewed, environment, Strength::Full)
            .await?;
        Restart::heal(fault, targets, environment).await
    }

    /// Whoever ended while its clock was off was started again by the heal, and looks as if nothing had been.
    pub(super) fn confirm_clean(&self) -> Result<(), NotClean> {
        match self.ended.is_empty() {
            true => Ok(()),
            false => Err(NotClean {
                left: None,
                reason: format!("ended while the clock was off: {}", self.ended.join(", ")),
            }),
        }
    }
}
