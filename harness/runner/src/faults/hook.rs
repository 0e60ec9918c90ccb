//! Hook: commands of somebody else's tool inject, confirm and heal. Shakedown keeps their time, the journal, and the
//! rule that an effect that was not seen did not happen.

use std::time::Duration;

use shakedown_record::event::{Leftover, LeftoverKind};
use shakedown_record::fault::FaultTarget;
use shakedown_scenarios::plan::Hook as PlannedHook;
use tokio::time::Instant;

use super::aim::FaultTargetRef;
use super::error::{FaultError, NotClean};
use super::kill::left;
use super::strength::Strength;
use crate::environment::Environment;
use crate::journal::Undo;
use crate::mechanisms::{CommandError, Ended, Invocation, start_folder};

const POLL: Duration = Duration::from_millis(200);
const CLEAN_WITHIN: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Hook {
    planned: PlannedHook,
    targets: Vec<FaultTargetRef>,
    /// Known once armed.
    surroundings: Option<Surroundings>,
}

/// Where commands run, and what they are told.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    folder: std::path::PathBuf,
    variables: Vec<(String, String)>,
}

impl Surroundings {
    /// Of a fault of a run, on these targets.
    pub(super) fn here(
        fault: &str,
        run_id: &str,
        targets: &[String],
        environment: &Environment,
    ) -> Result<Surroundings, FaultError> {
        let folder = start_folder().map_err(|source| FaultError::NoFolder {
            fault: fault.to_string(),
            source,
        })?;
        let variable = |name: &str, value: &str| (name.to_string(), value.to_string());
        Ok(Surroundings {
            folder,
            variables: vec![
                variable("SHAKEDOWN_RUN", run_id),
                variable("SHAKEDOWN_FAULT", fault),
                variable("SHAKEDOWN_TARGETS", &targets.join(" ")),
                variable("SHAKEDOWN_ENTRY", &environment.entry().join(" ")),
            ],
        })
    }

    /// A command there.
    pub(super) fn invocation(&self, words: &[String], deadline: Duration) -> Invocation {
        Invocation {
            words: words.to_vec(),
            folder: self.folder.clone(),
            variables: self.variables.clone(),
            deadline,
        }
    }
}

impl Hook {
    pub(super) fn new(planned: &PlannedHook, targets: &[FaultTargetRef]) -> Hook {
        Hook {
            planned: planned.clone(),
            targets: targets.to_vec(),
            surroundings: None,
        }
    }

    pub(super) fn mechanism(&self) -> String {
        format!("commands: {}", self.planned.inject.join(" "))
    }

    pub(super) fn targets(&self) -> Vec<FaultTarget> {
        let target = |target: &FaultTargetRef| FaultTarget {
            name: target.name.clone(),
            role: target.role.clone(),
            handle: "by command".to_string(),
        };
        self.targets.iter().map(target).collect()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.targets
            .iter()
            .map(|target| target.name.clone())
            .collect()
    }

    /// Says how to take back what is about to be done.
    pub(super) fn arm(
        &mut self,
        fault: &str,
        run_id: &str,
        environment: &Environment,
    ) -> Result<Vec<Undo>, FaultError> {
        self.surroundings = Some(Surroundings::here(
            fault,
            run_id,
            &self.names(),
            environment,
        )?);
        let heal = self.invocation(fault, &self.planned.heal)?;
        Ok(vec![Undo::Command { heal }])
    }

    fn invocation(&self, fault: &str, words: &[String]) -> Result<Invocation, FaultError> {
        let surroundings = self
            .surroundings
            .as_ref()
            .ok_or_else(|| FaultError::NotArmed {
                fault: fault.to_string(),
            })?;
        let deadline = Duration::from_nanos(self.planned.deadline_ns);
        Ok(surroundings.invocation(words, deadline))
    }

    pub(super) async fn inject(&self, fault: &str, strength: Strength) -> Result<(), FaultError> {
        match strength {
            Strength::Full => self.must(fault, &self.planned.inject).await,
            Strength::Blunt => Ok(()),
        }
    }

    pub(super) async fn heal(&self, fault: &str) -> Result<(), FaultError> {
        if self.surroundings.is_none() {
            return Ok(());
        }
        self.must(fault, &self.planned.heal).await
    }

    async fn must(&self, fault: &str, words: &[String]) -> Result<(), FaultError> {
        let invocation = self.invocation(fault, words)?;
        must(fault, &invocation).await.map(drop)
    }

    /// Asks until the effect is there; what was said last.
    pub(super) async fn confirm(&self, fault: &str, until: Instant) -> Result<String, String> {
        let invocation = self.invocation(fault, &self.planned.confirm);
        confirmed(&invocation.map_err(|error| error.to_string())?, until).await
    }

    /// Asks until everything is as before.
    pub(super) async fn confirm_clean(&self, fault: &str) -> Result<(), NotClean> {
        let until = Instant::now() + CLEAN_WITHIN;
        loop {
            match self.looks_clean(fault).await {
                Ok(()) => return Ok(()),
                Err(reason) if left(until).is_zero() => {
                    return Err(NotClean {
                        left: Some(Leftover {
                            kind: LeftoverKind::Fault,
                            what: format!("{fault}: {reason}"),
                            remove_with: self.planned.heal.join(" "),
                        }),
                        reason,
                    });
                }
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    async fn looks_clean(&self, fault: &str) -> Result<(), String> {
        let words = |error: CommandError| error.to_string();
        let invocation = |words: &[String]| {
            let invocation = self.invocation(fault, words);
            invocation.map_err(|error| error.to_string())
        };
        if let Some(clean) = &self.planned.clean {
            let clean = invocation(clean)?;
            let ended = clean.run().await.map_err(words)?;
            return match ended.is_success() {
                true => Ok(()),
                false => Err(format!("`{}`: {}", clean.line(), how(&ended))),
            };
        }
        let confirm = invocation(&self.planned.confirm)?;
        let ended = confirm.run().await.map_err(words)?;
        // Only a look that came to its end and did not find the effect is one that shows it to be gone.
        match ended.code {
            Some(code) if code != 0 => Ok(()),
            Some(_) => Err(format!(
                "`{}` still finds the effect: {}",
                confirm.line(),
                how(&ended)
            )),
            None => Err(format!("`{}`: {}", confirm.line(), how(&ended))),
        }
    }
}

/// A command that has to succeed.
pub(super) async fn must(fault: &str, invocation: &Invocation) -> Result<Ended, FaultError> {
    let ended = run(fault, invocation).await?;
    if ended.is_success() {
        return Ok(ended);
    }
    Err(FaultError::CommandFailed {
        fault: fault.to_string(),
        line: invocation.line(),
        how: how(&ended),
    })
}

/// Asks until the answer is yes; what was said last.
pub(super) async fn confirmed(invocation: &Invocation, until: Instant) -> Result<String, String> {
    loop {
        let ended = invocation.run().await.map_err(|error| error.to_string())?;
        let said = format!("`{}`: {}", invocation.line(), how(&ended));
        if ended.is_success() {
            return Ok(said);
        }
        if left(until).is_zero() {
            return Err(said);
        }
        tokio::time::sleep(POLL.min(left(until))).await;
    }
}

pub(super) async fn run(fault: &str, invocation: &Invocation) -> Result<Ended, FaultError> {
    invocation
        .run()
        .await
        .map_err(|source| FaultError::Command {
            fault: fault.to_string(),
            source,
        })
}

pub(super) fn how(ended: &Ended) -> String {
    let end = match (ended.code, ended.over_deadline) {
        (Some(code), _) => format!("exit code {code}"),
        (None, true) => "not done in time, and ended".to_string(),
        (None, false) => "ended by a signal".to_string(),
    };
    match ended.last_line.as_str() {
        "" => end,
        line => format!("{end}, {line}"),
    }
}
