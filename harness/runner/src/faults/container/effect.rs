//! What a fault on a container has done, seen from outside.

use std::time::Duration;

use rustix::process::Signal;
use shakedown_scenarios::plan::Signal as PlannedSignal;
use tokio::time::Instant;

use super::{Container, Place, What, short};
use crate::environment::{Environment, Handle, HttpAnswer, ask};
use crate::faults::kill::left;
use crate::faults::target::Target;
use crate::mechanisms::Exit;
use crate::mechanisms::docker::ContainerState;

const POLL: Duration = Duration::from_millis(20);
/// A container that answers does so long before this on one machine; a paused one never does.
const SILENT_FOR: Duration = Duration::from_millis(250);

impl Container {
    /// What was seen; as an error when it is not the effect.
    pub(in crate::faults) async fn confirm(
        &self,
        target: &Target,
        index: usize,
        environment: &Environment,
        until: Instant,
    ) -> Result<String, String> {
        let Some(place) = self.places.get(index) else {
            return Err(format!("{} was not armed", target.label()));
        };
        let who = format!("{} (container {})", target.name, short(&place.id));
        match self.what {
            What::Kill(_) | What::Stop(_) => {
                self.confirm_end(&who, target, environment, until).await
            }
            What::Restart(_) => match environment.handle(&target.name) {
                Some(Handle::Process(now)) if now.id() != target.process.id() => {
                    Ok(format!("{who} runs as {} now", now.id()))
                }
                Some(Handle::Process(_)) => Err(format!("{who} was not restarted")),
                None => Err(format!("{who} does not run")),
            },
            What::Pause => self.confirm_pause(&who, place, target, until).await,
            What::Disconnect => self.confirm_parting(&who, place, target, until).await,
        }
    }

    async fn confirm_end(
        &self,
        who: &str,
        target: &Target,
        environment: &Environment,
        until: Instant,
    ) -> Result<String, String> {
        let ended = target.process.wait_exit(left(until)).await;
        if !ended.map_err(|error| error.to_string())? {
            return Err(format!("{who} still runs"));
        }
        let exit = target.exit(environment).await;
        let how = self
            .what
            .judge(self.begun_at_mono_ns, exit)
            .map_err(|why| format!("{who} {why}"))?;
        match ask(target.address, "/", SILENT_FOR).await {
            HttpAnswer::Status(status) => Err(format!(
                "{who} {how}, but {} still answers, with status {status}",
                target.address
            )),
            HttpAnswer::Silent | HttpAnswer::Refused | HttpAnswer::Broken(_) => {
                Ok(format!("{who} {how}; nobody answers at {}", target.address))
            }
        }
    }

    async fn confirm_pause(
        &self,
        who: &str,
        place: &Place,
        target: &Target,
        until: Instant,
    ) -> Result<String, String> {
        loop {
            match self.engine.look(&place.id).await {
                Ok(look) => match look.state {
                    ContainerState::Paused { .. } => break,
                    ContainerState::Down { exit_code, .. } => {
                        return Err(format!("{who} is down (exit code {exit_code}), not paused"));
                    }
                    ContainerState::Running { .. } if left(until).is_zero() => {
                        return Err(format!("{who} still runs"));
                    }
                    ContainerState::Running { .. } => tokio::time::sleep(POLL).await,
                },
                Err(error) => return Err(error.to_string()),
            }
        }
        match ask(target.address, "/", SILENT_FOR).await {
            HttpAnswer::Silent => Ok(format!(
                "{who} is paused and {} gave no answer for {} ms",
                target.address,
                SILENT_FOR.as_millis()
            )),
            answer => Err(format!("{who} is paused, but {} {answer}", target.address)),
        }
    }

    async fn confirm_parting(
        &self,
        who: &str,
        place: &Place,
        target: &Target,
        until: Instant,
    ) -> Result<String, String> {
        loop {
            let look = self.engine.look(&place.id).await;
            let look = look.map_err(|error| error.to_string())?;
            if look.state.pid().is_none() {
                return Err(format!("{who} is down, not disconnected"));
            }
            let parted = !look.networks.contains_key(&place.network);
            let answer = ask(target.address, "/", SILENT_FOR).await;
            match (parted, &answer) {
                (true, HttpAnswer::Silent | HttpAnswer::Refused | HttpAnswer::Broken(_)) => {
                    return Ok(format!(
                        "{who} runs, is not in {} any more, and nobody answers at {}",
                        place.network, target.address
                    ));
                }
                (_, _) if left(until).is_zero() => {
                    return Err(format!(
                        "{who} is {}in {}, and {} {answer}",
                        if parted { "not " } else { "still " },
                        place.network,
                        target.address
                    ));
                }
                (_, _) => tokio::time::sleep(POLL).await,
            }
        }
    }
}

impl What {
    /// How it ended, if we can have been the cause.
    fn judge(self, begun_at_mono_ns: u64, exit: Option<Exit>) -> Result<String, String> {
        let Some(exit) = exit else {
            return Ok("has ended".to_string());
        };
        if self == What::Kill(PlannedSignal::Kill) && !exit.by_signal(Signal::KILL) {
            return Err(format!("{exit}: not by our signal KILL"));
        }
        let took_ns = exit.at_mono_ns.saturating_sub(begun_at_mono_ns);
        Ok(format!("{exit}, seen {:.0} ms later", took_ns as f64 / 1e6))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    #[test]
    fn a_container_that_ended_by_itself_was_not_killed_by_us() {
        let exit = |raw| {
            Some(Exit {
                status: ExitStatus::from_raw(raw),
                at_mono_ns: 41_000_000,
            })
        };
        let kill = What::Kill(PlannedSignal::Kill);
        let by_us = kill.judge(1_000_000, exit(9)).unwrap();
        assert_eq!(by_us, "ended by signal 9 (KILL), seen 40 ms later");
        assert!(kill.judge(1_000_000, exit(101 << 8)).is_err());
        // An engine may take its stop signal as a reason to exit in order.
        assert!(What::Stop(Duration::ZERO).judge(0, exit(0)).is_ok());
    }
}
