//! Kill: a signal by pidfd; proven by the end of the process and a socket that refuses.

use std::time::Duration;

use rustix::process::Signal;
use shakedown_record::monotonic_ns;
use shakedown_scenarios::plan::{RestartedBy, Signal as PlannedSignal};
use tokio::time::Instant;

use super::error::FaultError;
use super::strength::Strength;
use super::target::{Target, labels, speaker};
use crate::environment::{Environment, refuses};
use crate::mechanisms::{Delivery, Exit};

const SOCKET_POLL: Duration = Duration::from_millis(5);
const ONE_CONNECT_WITHIN: Duration = Duration::from_millis(250);
/// SIGKILL cannot be ignored; another signal can.
const KILLED_WITHIN: Duration = Duration::from_secs(2);
const ANY_SIGNAL_WITHIN: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Kill {
    planned: PlannedSignal,
    /// `CLOCK_MONOTONIC` in nanoseconds; 0 before.
    sent_at_mono_ns: u64,
}

impl Kill {
    pub(super) fn new(planned: PlannedSignal) -> Kill {
        Kill {
            planned,
            sent_at_mono_ns: 0,
        }
    }

    pub(super) fn mechanism(&self) -> String {
        format!("signal {} by pidfd", self.signal_name())
    }

    pub(super) fn inject(
        &mut self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
        strength: Strength,
    ) -> Result<(), FaultError> {
        for target in targets {
            environment.expect_exit(&target.name, true);
        }
        self.sent_at_mono_ns = monotonic_ns();
        match strength {
            Strength::Full => signal_all(fault, targets, system_signal(self.planned)),
            Strength::Blunt => Ok(()),
        }
    }

    /// What was seen; as an error when it is not the effect.
    pub(super) async fn confirm(
        &self,
        target: &Target,
        environment: &Environment,
        until: Instant,
    ) -> Result<String, String> {
        let who = target.label();
        let signal = self.signal_name();
        match target.process.wait_exit(left(until)).await {
            Ok(true) => {}
            Ok(false) => {
                let state = target.process.state();
                let state = state.map_or_else(|error| error.to_string(), |state| state.to_string());
                return Err(format!("{who} got signal {signal} and still {state}"));
            }
            Err(error) => return Err(error.to_string()),
        }
        let exit = target.exit(environment).await;
        let how = self.judge(exit).map_err(|why| format!("{who} {why}"))?;
        loop {
            if refuses(target.address, ONE_CONNECT_WITHIN).await {
                return Ok(format!(
                    "{who} {how}; {} refuses connections",
                    target.address
                ));
            }
            if left(until).is_zero() {
                return Err(format!(
                    "{who} {how}, but {} still accepts connections",
                    target.address
                ));
            }
            tokio::time::sleep(SOCKET_POLL).await;
        }
    }

    /// How it ended, if our signal can have been the cause.
    fn judge(&self, exit: Option<Exit>) -> Result<String, String> {
        let Some(exit) = exit else {
            return Ok(format!("has ended after signal {}", self.signal_name()));
        };
        // KILL cannot be handled, so it is the cause exactly when it was sent; another signal may be taken as a reason
        // to end in another way.
        let killed = exit.by_signal(Signal::KILL);
        if killed != (self.planned == PlannedSignal::Kill) {
            return Err(format!("{exit}: not by our signal {}", self.signal_name()));
        }
        let took_ns = exit.at_mono_ns.saturating_sub(self.sent_at_mono_ns);
        Ok(format!(
            "{exit}, {:.1} ms after signal {}",
            took_ns as f64 / 1e6,
            self.signal_name()
        ))
    }

    /// What was killed is started again where the platform does that, which in a local environment is Shakedown.
    pub(super) async fn heal(
        &self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
    ) -> Result<(), FaultError> {
        self.let_it_end(fault, targets).await?;
        match environment.restarted_by(speaker(targets)) {
            RestartedBy::Platform => start_missing(fault, targets, environment).await,
            RestartedBy::Nobody => Ok(()),
        }
    }

    /// Healed right after the injection, a target may still be about to end.
    async fn let_it_end(&self, fault: &str, targets: &[Target]) -> Result<(), FaultError> {
        let at_most = match (self.sent_at_mono_ns, self.planned) {
            (0, _) => return Ok(()),
            (_, PlannedSignal::Kill) => KILLED_WITHIN,
            (_, _) => ANY_SIGNAL_WITHIN,
        };
        let until = Instant::now() + at_most;
        for target in targets {
            target
                .process
                .wait_exit(left(until))
                .await
                .map_err(|source| FaultError::Process {
                    fault: fault.to_string(),
                    source,
                })?;
        }
        Ok(())
    }

    fn signal_name(&self) -> &'static str {
        match self.planned {
            PlannedSignal::Kill => "KILL",
            PlannedSignal::Term => "TERM",
            PlannedSignal::Int => "INT",
            PlannedSignal::Quit => "QUIT",
            PlannedSignal::Abrt => "ABRT",
            PlannedSignal::Segv => "SEGV",
            PlannedSignal::Hup => "HUP",
            PlannedSignal::Usr1 => "USR1",
            PlannedSignal::Usr2 => "USR2",
        }
    }
}

/// Starts every target that does not run. One that survived is not to be expected to end any more.
pub(super) async fn start_missing(
    fault: &str,
    targets: &[Target],
    environment: &Environment,
) -> Result<(), FaultError> {
    for target in targets {
        if environment.handle(&target.name).is_some() {
            environment.expect_exit(&target.name, false);
            continue;
        }
        environment
            .respawn(&target.name)
            .await
            .map_err(|source| FaultError::Environment {
                fault: fault.to_string(),
                source: Box::new(source),
            })?;
    }
    Ok(())
}

/// Sends a signal to all of them. Those that are gone already are an error, after the others got theirs.
pub(super) fn signal_all(
    fault: &str,
    targets: &[Target],
    signal: Signal,
) -> Result<(), FaultError> {
    let mut gone = Vec::new();
    for target in targets {
        let delivery = target
            .process
            .signal(signal)
            .map_err(|source| FaultError::Process {
                fault: fault.to_string(),
                source,
            })?;
        match delivery {
            Delivery::Sent => {}
            Delivery::Gone => gone.push(target),
        }
    }
    if gone.is_empty() {
        Ok(())
    } else {
        Err(FaultError::TargetGone {
            fault: fault.to_string(),
            targets: labels(gone),
        })
    }
}

pub(super) fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

fn system_signal(planned: PlannedSignal) -> Signal {
    match planned {
        PlannedSignal::Kill => Signal::KILL,
        PlannedSignal::Term => Signal::TERM,
        PlannedSignal::Int => Signal::INT,
        PlannedSignal::Quit => Signal::QUIT,
        PlannedSignal::Abrt => Signal::ABORT,
        PlannedSignal::Segv => Signal::SEGV,
        PlannedSignal::Hup => Signal::HUP,
        PlannedSignal::Usr1 => Signal::USR1,
        PlannedSignal::Usr2 => Signal::USR2,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn exit(raw: i32) -> Option<Exit> {
        Some(Exit {
            status: ExitStatus::from_raw(raw),
            at_mono_ns: 3_000_000,
        })
    }

    #[test]
    fn a_process_that_ended_by_itself_was_not_killed_by_us() {
        let kill = Kill {
            planned: PlannedSignal::Kill,
            sent_at_mono_ns: 1_000_000,
        };
        let by_us = kill.judge(exit(9)).unwrap();
        assert_eq!(by_us, "ended by signal 9 (KILL), 2.0 ms after signal KILL");
        assert!(kill.judge(exit(101 << 8)).is_err());
        assert!(kill.judge(exit(11)).is_err());
        // An engine may take SIGTERM as a reason to exit in order.
        let term = Kill::new(PlannedSignal::Term);
        assert!(term.judge(exit(0)).is_ok());
        // But not to be killed: somebody else did that.
        assert!(term.judge(exit(9)).is_err());
    }
}
