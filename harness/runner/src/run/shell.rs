//! The shell around the state machine: from the guards to the last event, and back down whatever happens.
//!
//! Everything that must be taken down again is in [`Standing`], outside the code that can fail: an error, an
//! interrupt and a panic all end in the same teardown, which heals first.

use std::sync::{Arc, Mutex};

use shakedown_record::ExitCode;
use shakedown_record::event::{Event, Moment};
use shakedown_record::run_dir::RunDir;
use shakedown_scenarios::plan::Plan;
use tokio::sync::watch;

use super::after::After;
use super::drive::Drive;
use super::events::EventLog;
use super::interrupt::Interrupt;
use super::request::{Progress, RunEnd, RunRequest, order_prefix};
use super::setup::{Digested, Watching};
use super::teardown::{Standing, caught};
use crate::drill::DrillError;
use crate::error::RunError;
use crate::isolation::IsolationWatch;
use crate::lock::LockError;
use crate::probes::state::look;
use crate::probes::{AlertWatch, Watch};
use crate::state_dir::{StateDir, StateDirError};

/// Where progress goes.
pub(super) type Tell<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// Runs a scenario and writes what happened into the run directory. Never panics out.
pub async fn run(
    request: RunRequest,
    interrupt: watch::Receiver<Option<String>>,
    progress: impl FnMut(Progress) + Send,
) -> RunEnd {
    run_in(StateDir::from_environment(), request, interrupt, progress).await
}

/// The same, with journal and lock in a folder of one's own choice.
pub(super) async fn run_in(
    state: Result<StateDir, StateDirError>,
    request: RunRequest,
    interrupt: watch::Receiver<Option<String>>,
    mut progress: impl FnMut(Progress) + Send,
) -> RunEnd {
    let events = match EventLog::create(&request.run_dir.events()) {
        Ok(events) => Arc::new(events),
        Err(error) => {
            return RunEnd {
                exit_floor: Some(ExitCode::Unavailable),
                message: Some(format!("the events cannot be written: {error}")),
            };
        }
    };
    let run = Run {
        prefix: order_prefix(&request.run_id),
        started_at: jiff::Timestamp::now().to_string(),
        events,
        standing: Standing::default(),
        end: watch::Sender::new(None),
        digest: Arc::default(),
        state,
        request,
    };
    let mut interrupt = Interrupt::new(interrupt, run.end.subscribe());
    let tell: Tell<'_> = &mut progress;
    let went = caught(run.go(&mut interrupt, tell)).await;
    let torn_down = caught(run.tear_down()).await;
    run.end(went, torn_down)
}

/// How the middle of a run ended.
#[derive(Debug)]
enum Went {
    /// By itself.
    Through,
    Interrupted,
    /// By itself, but something of ours is broken.
    Bug(String),
}

/// One run, from the outside in: what was asked, where it writes, and what stands.
pub(super) struct Run {
    pub state: Result<StateDir, StateDirError>,
    pub request: RunRequest,
    pub prefix: String,
    pub started_at: String,
    pub events: Arc<EventLog>,
    pub standing: Standing,
    /// By which the run tells itself to end.
    pub end: watch::Sender<Option<String>>,
    pub digest: Arc<Mutex<Option<Digested>>>,
}

impl Run {
    pub(super) fn plan(&self) -> &Plan {
        &self.request.compiled.plan
    }

    pub(super) fn run_dir(&self) -> &RunDir {
        &self.request.run_dir
    }

    async fn go(&self, interrupt: &mut Interrupt, tell: Tell<'_>) -> Result<Went, RunError> {
        self.emit_started();
        self.write_resolved()?;
        let Some(begun) = self.begin(interrupt, tell).await? else {
            let by = interrupt.came().await;
            self.events.emit(Event::Interrupted { by });
            return Ok(Went::Interrupted);
        };
        let (target, load, zero) = (begun.target, begun.load, begun.zero);
        let mut market = begun.market;
        let mut watch = Watch::begin(&target, &self.events);
        let watching = self.watching(&target)?;
        let faults = self.faults(&target, zero, watching.scraper.clone());
        let mut driven = Drive::new(&faults, load, self.run_dir(), tell)
            .joining(market.joiner())
            .run(interrupt)
            .await;
        let (alerts, bugs) = self.end_watching(watching).await;
        driven.bugs.extend(bugs);
        driven.bugs.extend(self.end_publishing(&mut market).await);
        let after = After {
            target: &target,
            events: &self.events,
            run_dir: self.run_dir(),
            zero,
            environment: &faults.environment,
            journal: &faults.journal,
            kept: &driven.kept,
        };
        if let Some(error) = driven.failure {
            let cleaned = after.clean_up_only().await?;
            self.orders_closed(&cleaned);
            return Err(error);
        }
        let (mut interrupted, mut cleaned) = (driven.interrupted, None);
        if let Some(unknown) = driven.unknown {
            // No copy is read: what is compared with guesses is no finding.
            tell(Progress::Note(unknown));
            cleaned = Some(after.clean_up_only().await?);
        } else if !interrupted {
            tokio::select! {
                done = after.all(&driven.redundancy, tell) => cleaned = Some(done?),
                by = interrupt.came() => {
                    self.events.emit(Event::Interrupted { by });
                    interrupted = true;
                }
            }
        }
        if let Some(alerts) = alerts.as_ref().filter(|_| !interrupted) {
            interrupted = self.settle(alerts, interrupt).await;
        }
        if !interrupted {
            self.read_trades(&target).await?;
        }
        self.end_listening(market);
        let mut bugs = driven.bugs;
        bugs.extend(alerts.into_iter().flat_map(|mut alerts| alerts.bugs()));
        bugs.extend(watch.bugs());
        drop(watch);
        let cleaned = match cleaned {
            Some(cleaned) => cleaned,
            None => after.clean_up_only().await?,
        };
        self.orders_closed(&cleaned);
        self.events
            .emit(look(&target, Moment::After, self.digests().await).await);
        Ok(went(bugs.first(), interrupted))
    }

    /// The load and the faults are over: the last looks and knocks, and the end of the silence. Alerts are watched for longer.
    async fn end_watching(&self, watching: Watching) -> (Option<AlertWatch>, Vec<String>) {
        let Watching {
            scraper,
            alerts,
            guests,
        } = watching;
        let mut bugs = match &scraper {
            Some(scraper) => scraper.end().await,
            None => Vec::new(),
        };
        bugs.extend(guests.into_iter().flat_map(IsolationWatch::end));
        if let Some(left) = self.end_silence().await {
            self.events.emit(Event::LeftBehind { left });
        }
        (alerts, bugs)
    }

    /// Waits for the alerts; true when it was interrupted.
    async fn settle(&self, alerts: &AlertWatch, interrupt: &mut Interrupt) -> bool {
        tokio::select! {
            () = alerts.settle() => false,
            by = interrupt.came() => {
                self.events.emit(Event::Interrupted { by });
                true
            }
        }
    }

    fn emit_started(&self) {
        let plan = self.plan();
        let defects = &self.request.defects;
        self.events.emit(Event::RunStarted {
            run_id: self.request.run_id.clone(),
            scenario: plan.scenario.clone(),
            system: plan.system.name.clone(),
            environment: plan.environment.name().to_string(),
            seed: plan.seed,
            started_at: self.started_at.clone(),
            operator: self.request.operator.clone(),
            shakedown_version: env!("CARGO_PKG_VERSION").to_string(),
            order_prefix: self.prefix.clone(),
            defect: (!defects.is_empty()).then(|| defects.join(", ")),
        });
    }

    /// The texts that compile to this plan again, unless the caller has written them.
    fn write_resolved(&self) -> Result<(), RunError> {
        let compiled = &self.request.compiled;
        let recording = compiled.plan.load.arrival.recording();
        let recording = recording.map(|it| (self.run_dir().recording(), it.text()));
        let files = [
            (self.run_dir().scenario(), compiled.scenario_yaml.as_str()),
            (self.run_dir().system(), compiled.system_yaml.as_str()),
        ];
        for (path, text) in files.into_iter().chain(recording) {
            if !path.exists() {
                std::fs::write(&path, text).map_err(|source| RunError::Write {
                    what: path.display().to_string(),
                    source,
                })?;
            }
        }
        Ok(())
    }

    fn end(
        &self,
        went: Result<Result<Went, RunError>, String>,
        torn_down: Result<(), String>,
    ) -> RunEnd {
        let (exit_floor, message) = match went {
            Ok(Ok(Went::Through)) => (None, None),
            Ok(Ok(Went::Interrupted)) => (Some(ExitCode::Interrupted), None),
            Ok(Ok(Went::Bug(what))) => (Some(ExitCode::Bug), Some(what)),
            Ok(Err(error)) => (Some(error.exit()), Some(self.emit_error(&error))),
            Err(panic) => (
                Some(ExitCode::Bug),
                Some(format!("a bug in Shakedown: {panic}")),
            ),
        };
        let (exit_floor, message) = match torn_down {
            Ok(()) => (exit_floor, message),
            Err(panic) => {
                let what = format!("a bug in Shakedown while taking the run down: {panic}");
                (Some(ExitCode::Bug), Some(what))
            }
        };
        let (exit_floor, message) = match self.events.failure() {
            Some(why) if exit_floor.is_none() => {
                let what = format!("the events could not all be written: {why}");
                (Some(ExitCode::Unavailable), Some(what))
            }
            Some(_) | None => (exit_floor, message),
        };
        if exit_floor.is_none() {
            self.events.emit(Event::RunFinished {
                finished_at: jiff::Timestamp::now().to_string(),
            });
        }
        self.events.sync();
        RunEnd {
            exit_floor,
            message,
        }
    }

    /// Puts why the run could not be carried out into the events, and into words.
    fn emit_error(&self, error: &RunError) -> String {
        let reason = error.to_string();
        match error {
            RunError::Refused(refusal) => {
                self.events.emit(Event::GuardRefused {
                    guard: refusal.guard.clone(),
                    reason: refusal.reason.clone(),
                });
            }
            RunError::Lock(LockError::Held(_)) | RunError::Drill(DrillError::Taken(_)) => {
                self.events.emit(Event::GuardRefused {
                    guard: "lock".to_string(),
                    reason: reason.clone(),
                });
            }
            _ => {
                self.events.emit(Event::EnvironmentFailed {
                    reason: reason.clone(),
                });
            }
        }
        reason
    }
}

/// How a run went whose load has ended.
fn went(bug: Option<&String>, interrupted: bool) -> Went {
    match bug {
        Some(bug) => Went::Bug(bug.clone()),
        None if interrupted => Went::Interrupted,
        None => Went::Through,
    }
}
