//! Clock skew: a target is restarted with a monotonic clock that is ahead of, or behind, that of the machine, and
//! healed by another restart. Wall-clock time is the same for all processes of a machine and is not offered.

use std::time::Duration;

use super::error::FaultError;
use super::restart::Restart;
use super::target::Target;
use crate::environment::{Environment, Handle};
use crate::mechanisms::time_ns::{ClockOffsets, TimeNamespace};

const GRACE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Clock {
    namespace: TimeNamespace,
    restart: Restart,
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
    ) -> Result<(), FaultError> {
        for target in targets {
            environment.set_clock(&target.name, Some(self.namespace));
        }
        self.restart.inject(fault, targets, environment).await
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
            if let Some(Handle::Process(now)) = environment.handle(&target.name)
                && self.namespace.confirm(&now).is_ok()
            {
                skewed.push(Target {
                    process: now,
                    ..target.clone()
                });
            }
        }
        self.restart.inject(fault, &skewed, environment).await?;
        Restart::heal(fault, targets, environment).await
    }
}
