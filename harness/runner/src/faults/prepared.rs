//! One firing of a fault, through its whole life.

use std::time::Duration;

use shakedown_record::fault::{Effect, FaultTarget, Firing};
use shakedown_scenarios::plan::{FaultKind, RestartedBy};

use super::error::{FaultError, NotClean};
use super::freeze::Freeze;
use super::kill::Kill;
use super::restart::Restart;
use super::snapshot::{Expected, Snapshot};
use super::target::Target;
use crate::environment::{Environment, Handle};
use crate::journal::{Entry, Journal, Undo};
use crate::mechanisms::ProcessState;

/// A target as the selector resolved it just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultTargetRef {
    /// Name of the replica.
    pub name: String,
    /// The role it has now, if the profile knows roles.
    pub role: Option<String>,
}

/// A fault that can be done, and later is being done. Dropping one that was injected thaws what it froze; what it
/// killed stays down.
#[derive(Debug)]
pub struct Prepared {
    label: String,
    action: Action,
    targets: Vec<Target>,
    armed: Option<Armed>,
    /// Injected, perhaps only in part, and not healed.
    at_work: bool,
}

/// What is known once the journal has it.
#[derive(Debug)]
struct Armed {
    before: Snapshot,
    run_id: String,
}

#[derive(Debug)]
enum Action {
    Kill(Kill),
    Freeze(Freeze),
    Restart(Restart),
}

/// Can it be done to these targets in this environment? Pins the targets; touches nothing.
///
/// # Errors
/// When a target has no handle that the kind can act on, or is frozen already.
pub fn preflight(
    firing: &Firing,
    kind: &FaultKind,
    targets: &[FaultTargetRef],
    environment: &Environment,
) -> Result<Prepared, FaultError> {
    let label = firing.label();
    if targets.is_empty() {
        return Err(FaultError::NoTarget { fault: label });
    }
    let targets = targets
        .iter()
        .map(|target| pin(&label, kind, target, environment))
        .collect::<Result<Vec<Target>, FaultError>>()?;
    let action = match kind {
        FaultKind::Kill { signal } => Action::Kill(Kill::new(*signal)),
        FaultKind::Freeze => Action::Freeze(Freeze::default()),
        FaultKind::Restart { grace_ns } => {
            Action::Restart(Restart::new(Duration::from_nanos(*grace_ns)))
        }
    };
    Ok(Prepared {
        label,
        action,
        targets,
        armed: None,
        at_work: false,
    })
}

fn pin(
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

impl Prepared {
    /// The targets with the handles that will be acted on, for the events.
    pub fn targets(&self) -> Vec<FaultTarget> {
        let target = |target: &Target| {
            Handle::Process(target.process.clone()).as_target(&target.name, target.role.as_deref())
        };
        self.targets.iter().map(target).collect()
    }

    /// How it will be done, in words.
    pub fn mechanism(&self) -> String {
        match &self.action {
            Action::Kill(kill) => kill.mechanism(),
            Action::Freeze(freeze) => freeze.mechanism(),
            Action::Restart(restart) => restart.mechanism(),
        }
    }

    /// Everything that must be in place before the first change: the snapshot, the watchdogs, and the undo journal,
    /// synced to disk. Kept apart from [`Prepared::inject`], because it takes time that is not failover time.
    ///
    /// # Errors
    /// When one of them cannot be had. Nothing has been done to the targets then.
    pub async fn arm(
        &mut self,
        environment: &Environment,
        journal: &Journal,
    ) -> Result<(), FaultError> {
        let before = Snapshot::take(environment).await;
        let undo = match &mut self.action {
            Action::Kill(_) | Action::Restart(_) => Vec::new(),
            Action::Freeze(freeze) => {
                freeze
                    .arm(&self.label, &self.targets, environment, journal)
                    .await?
            }
        };
        self.record(journal, &self.intent(undo))?;
        self.armed = Some(Armed {
            before,
            run_id: journal.run_id().to_string(),
        });
        Ok(())
    }

    /// Does it. The caller stamps the injection immediately before this call. A restart takes until the last target
    /// is ready again; the others return at once.
    ///
    /// # Errors
    /// When it is not armed, a target is gone, or the kernel refuses. It must be healed also then.
    pub async fn inject(&mut self, environment: &Environment) -> Result<(), FaultError> {
        if self.armed.is_none() {
            return Err(FaultError::NotArmed {
                fault: self.label.clone(),
            });
        }
        if !self.at_work {
            self.at_work = true;
            for target in &self.targets {
                environment.fault_begins(&target.name);
            }
        }
        match &mut self.action {
            Action::Kill(kill) => kill.inject(&self.label, &self.targets, environment),
            Action::Freeze(freeze) => freeze.inject(&self.label, &self.targets),
            Action::Restart(restart) => {
                restart
                    .inject(&self.label, &self.targets, environment)
                    .await
            }
        }
    }

    /// Looks for the effect from the target's side, for as long as the deadline allows.
    pub async fn confirm(&self, environment: &Environment, deadline: Duration) -> Effect {
        let mut confirmed = true;
        let mut texts = Vec::new();
        let until = tokio::time::Instant::now() + deadline;
        for target in &self.targets {
            let seen = match &self.action {
                Action::Kill(kill) => kill.confirm(target, environment, until).await,
                Action::Freeze(_) => Freeze::confirm(target, environment, until).await,
                Action::Restart(_) => Restart::confirm(target, environment),
            };
            let text = match seen {
                Ok(text) => text,
                Err(text) => {
                    confirmed = false;
                    text
                }
            };
            texts.push(text);
        }
        Effect {
            confirmed,
            text: texts.join("; "),
        }
    }

    /// Takes it back, also when it was injected only in part, or when it was already healed. Returns when the
    /// processes run again; whether they serve again is for [`Prepared::confirm_clean`].
    ///
    /// # Errors
    /// When a target cannot be thawed or started.
    pub async fn heal(
        &mut self,
        environment: &Environment,
        journal: &Journal,
    ) -> Result<(), FaultError> {
        match &mut self.action {
            Action::Kill(kill) => kill.heal(&self.label, &self.targets, environment).await?,
            Action::Freeze(freeze) => freeze.heal(&self.label, &self.targets, journal).await?,
            Action::Restart(_) => Restart::heal(&self.label, &self.targets, environment).await?,
        }
        if self.at_work {
            self.at_work = false;
            for target in &self.targets {
                environment.fault_ends(&target.name);
            }
        }
        self.record(
            journal,
            &Entry::FaultHealed {
                fault: self.label.clone(),
            },
        )
    }

    /// Waits, for 20 s at most, until the state is the one before the fault: same processes running (a killed one
    /// stays down where nobody restarts it), none stopped, the targets listening and ready.
    ///
    /// # Errors
    /// When it is not, with what is different, and whether that is of our doing.
    pub async fn confirm_clean(&self, environment: &Environment) -> Result<(), NotClean> {
        let Some(armed) = &self.armed else {
            return Ok(());
        };
        let expected = match &self.action {
            Action::Kill(_) => match environment.restarted_by() {
                RestartedBy::Platform => Expected::Restarted,
                RestartedBy::Nobody => Expected::MayBeDown,
            },
            Action::Freeze(_) => Expected::AsBefore,
            Action::Restart(_) => Expected::Restarted,
        };
        armed
            .before
            .wait_until_restored(environment, &self.targets, expected, &armed.run_id)
            .await
    }

    fn intent(&self, undo: Vec<Undo>) -> Entry {
        let kind = match &self.action {
            Action::Kill(_) => "kill",
            Action::Freeze(_) => "freeze",
            Action::Restart(_) => "restart",
        };
        Entry::FaultIntent {
            fault: self.label.clone(),
            kind: kind.to_string(),
            targets: self.targets.iter().map(Target::label).collect(),
            undo,
        }
    }

    fn record(&self, journal: &Journal, entry: &Entry) -> Result<(), FaultError> {
        journal.record(entry).map_err(|source| FaultError::Journal {
            fault: self.label.clone(),
            source,
        })
    }
}
