//! Operations on the data: a backup, and a restore to a moment. By commands of the profile, or by the environment, where that has
//! started the servers.
//!
//! Nothing is taken back: a backup stays, and what a restore takes away is gone. The moment of a restore is one of our monotonic
//! clock; what is told to the data's owner is the same by the wall clock, and by how much the two have parted since the run
//! began is part of the error.

use std::time::Duration;

use shakedown_record::fault::{Effect, EffectFigure, FaultTarget};
use shakedown_record::{monotonic_ns, wall_ns};
use shakedown_scenarios::plan::gates::{
    Operation as Planned, OperationBy, OperationCommands, for_moment,
};
use tokio::time::Instant;

use super::error::FaultError;
use super::hook::{Surroundings, confirmed, must};
use super::strength::Strength;
use crate::environment::Environment;

/// Reading two clocks, one after the other.
const READING_NS: u64 = 1_000_000;

/// By how much the wall clock is ahead of the monotonic one, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct ClockOffset(i128);

impl ClockOffset {
    /// As it is now.
    pub fn now() -> ClockOffset {
        ClockOffset(i128::from(wall_ns()) - i128::from(monotonic_ns()))
    }

    /// A reading of the monotonic clock on the wall clock.
    fn wall_ns(self, mono_ns: u64) -> u64 {
        u64::try_from(i128::from(mono_ns) + self.0).unwrap_or(0)
    }

    /// How far they have parted since.
    fn parted_ns(self, since: ClockOffset) -> u64 {
        u64::try_from((self.0 - since.0).abs()).unwrap_or(u64::MAX)
    }
}

/// The moment of a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A reading of the monotonic clock.
    Mono(u64),
    /// So long before the injection, in nanoseconds.
    Before(u64),
}

#[derive(Debug)]
pub(super) struct Operation {
    planned: Planned,
    /// Of a restore.
    moment: Option<Moment>,
    /// When the run began.
    began: ClockOffset,
    /// Replicas that may end meanwhile.
    touched: Vec<String>,
    /// Known once armed.
    surroundings: Option<Surroundings>,
    /// Once it was done: what that came to, and the moment with its error.
    done: Option<Done>,
}

#[derive(Debug, Default)]
struct Done {
    words: String,
    moment: Option<EffectFigure>,
    /// As the data's owner reads it: in nanoseconds since 1970, and in words.
    wall_ns: u64,
    told: String,
}

impl Operation {
    pub(super) fn new(
        planned: &Planned,
        moment: Option<Moment>,
        began: ClockOffset,
        environment: &Environment,
    ) -> Operation {
        let replicas = environment.replicas().iter();
        Operation {
            planned: planned.clone(),
            moment,
            began,
            touched: match planned {
                Planned::Backup { .. } => Vec::new(),
                Planned::Restore { .. } => replicas.map(|it| it.name.clone()).collect(),
            },
            surroundings: None,
            done: None,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.planned.name()
    }

    pub(super) fn mechanism(&self) -> String {
        match (&self.planned, self.planned.by()) {
            (_, OperationBy::Commands(commands)) => format!("commands: {}", commands.run.join(" ")),
            (Planned::Backup { .. }, OperationBy::Servers) => {
                "pg_basebackup, and an archive of the log".to_string()
            }
            (Planned::Restore { .. }, OperationBy::Servers) => {
                "the backup, and the archived log up to the moment".to_string()
            }
        }
    }

    pub(super) fn targets(&self) -> Vec<FaultTarget> {
        let target = |name: &String| FaultTarget {
            name: name.clone(),
            role: None,
            handle: "its data".to_string(),
        };
        self.touched.iter().map(target).collect()
    }

    pub(super) fn touched(&self) -> Vec<String> {
        self.touched.clone()
    }

    pub(super) fn arm(
        &mut self,
        fault: &str,
        run_id: &str,
        environment: &Environment,
    ) -> Result<(), FaultError> {
        let here = Surroundings::here(fault, run_id, &self.touched, environment)?;
        self.surroundings = Some(here);
        Ok(())
    }

    /// Does it, and returns when it is done.
    pub(super) async fn inject(
        &mut self,
        fault: &str,
        environment: &Environment,
        strength: Strength,
    ) -> Result<(), FaultError> {
        if strength == Strength::Blunt {
            return Ok(());
        }
        let mut done = self.moment_now(fault)?;
        done.words = match self.planned.by() {
            OperationBy::Commands(commands) => {
                self.by_commands(fault, commands, &done.told).await?
            }
            OperationBy::Servers => self.by_servers(fault, environment, &done).await?,
        };
        self.done = Some(done);
        Ok(())
    }

    /// The moment as a reading of our clock, and as the data's owner reads it.
    fn moment_now(&self, fault: &str) -> Result<Done, FaultError> {
        let (Planned::Restore { clock_error_ns, .. }, Some(moment)) = (&self.planned, self.moment)
        else {
            return Ok(Done::default());
        };
        let now_ns = monotonic_ns();
        let mono_ns = match moment {
            Moment::Mono(mono_ns) => mono_ns,
            Moment::Before(by_ns) => now_ns.saturating_sub(by_ns),
        };
        if mono_ns > now_ns {
            return Err(FaultError::NotPossible {
                fault: fault.to_string(),
                reason: format!(
                    "the moment to go back to is {:.3} s ahead",
                    (mono_ns - now_ns) as f64 / 1e9
                ),
            });
        }
        let offset = ClockOffset::now();
        let error_ns = clock_error_ns + offset.parted_ns(self.began) + READING_NS;
        Ok(Done {
            words: String::new(),
            moment: Some(EffectFigure {
                name: EffectFigure::RESTORED_TO.to_string(),
                measured: Some(mono_ns as f64),
                unit: EffectFigure::MOMENT.to_string(),
                error: Some(error_ns as f64),
                ..EffectFigure::default()
            }),
            wall_ns: offset.wall_ns(mono_ns),
            told: rfc3339(offset.wall_ns(mono_ns)),
        })
    }

    async fn by_commands(
        &self,
        fault: &str,
        commands: &OperationCommands,
        told: &str,
    ) -> Result<String, FaultError> {
        let surroundings = self.surroundings(fault)?;
        let words = for_moment(&commands.run, told);
        let ended = must(fault, &surroundings.invocation(&words, deadline(commands))).await?;
        Ok(format!(
            "`{}`: {}",
            words.join(" "),
            super::hook::how(&ended)
        ))
    }

    async fn by_servers(
        &self,
        fault: &str,
        environment: &Environment,
        done: &Done,
    ) -> Result<String, FaultError> {
        let did = match &self.planned {
            Planned::Backup { .. } => environment.back_up().await,
            Planned::Restore { .. } => environment.restore((done.wall_ns, &done.told)).await,
        };
        did.map_err(|source| FaultError::Environment {
            fault: fault.to_string(),
            source: Box::new(source),
        })
    }

    /// Whether it is done, by whoever can tell.
    pub(super) async fn confirm(&self, fault: &str, until: Instant) -> Effect {
        let Some(done) = &self.done else {
            return Effect::not_seen("it was not done");
        };
        let looked = match self.planned.by() {
            OperationBy::Servers => Ok(done.words.clone()),
            OperationBy::Commands(commands) => self.looked(fault, commands, done, until).await,
        };
        let to = match done.told.as_str() {
            "" => String::new(),
            told => format!("as of {told}: "),
        };
        let confirmed = looked.is_ok();
        let (Ok(words) | Err(words)) = looked;
        Effect {
            confirmed,
            text: format!("{to}{words}"),
            figures: done.moment.iter().cloned().collect(),
        }
    }

    async fn looked(
        &self,
        fault: &str,
        commands: &OperationCommands,
        done: &Done,
        until: Instant,
    ) -> Result<String, String> {
        let surroundings = self
            .surroundings(fault)
            .map_err(|error| error.to_string())?;
        let words = for_moment(&commands.confirm, &done.told);
        let seen = confirmed(&surroundings.invocation(&words, deadline(commands)), until).await?;
        Ok(format!("{}; {seen}", done.words))
    }

    fn surroundings(&self, fault: &str) -> Result<&Surroundings, FaultError> {
        self.surroundings
            .as_ref()
            .ok_or_else(|| FaultError::NotArmed {
                fault: fault.to_string(),
            })
    }
}

fn deadline(commands: &OperationCommands) -> Duration {
    Duration::from_nanos(commands.deadline_ns)
}

/// In UTC, with microseconds: finer than that no store keeps times.
fn rfc3339(wall_ns: u64) -> String {
    let timestamp = jiff::Timestamp::from_nanosecond(i128::from(wall_ns)).unwrap_or_default();
    timestamp.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_utc_with_microseconds() {
        assert_eq!(
            rfc3339(1_714_564_800_123_456_789),
            "2024-05-01T12:00:00.123456Z"
        );
        assert_eq!(
            rfc3339(1_714_564_800_000_000_000),
            "2024-05-01T12:00:00.000000Z"
        );
    }

    #[test]
    fn clocks_that_part_are_told_apart() {
        let (then, now) = (ClockOffset(5_000), ClockOffset(-1_000));
        assert_eq!(then.wall_ns(7_000), 12_000);
        assert_eq!((now.parted_ns(then), then.parted_ns(now)), (6_000, 6_000));
        assert_eq!(now.wall_ns(7_000), 6_000);
    }
}
