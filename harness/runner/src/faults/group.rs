//! Limits on CPU time and memory, death for want of memory, and a freeze, by control groups. Proven by the kernel's
//! counters, and a freeze by silence where there was an answer; taken back by moving the process to where it was.

use std::time::Duration;

use shakedown_scenarios::plan::{FaultKind, FreezeBy, RestartedBy};
use tokio::time::Instant;

use super::error::{FaultError, NotClean};
use super::freeze::SILENT_FOR;
use super::kill::{left, start_missing};
use super::strength::Strength;
use super::target::{Target, speaker};
use crate::environment::{Environment, HttpAnswer, ask};
use crate::journal::{Entry, Journal, Undo};
use crate::mechanisms::cgroup::{
    CgroupError, Cgroups, Controller, CpuCounters, CpuLimit, Freezer, MemoryCounters, MemoryLimit,
    NoEffect, Placement, Snapshot,
};
use crate::mechanisms::{ProcessHandle, Watchdog};

/// After a limit was lowered for the last time.
const LAST_LOOK: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Cpu { milli_cpus: u32 },
    Memory { bytes: u64 },
    OutOfMemory,
    Frozen,
}

#[derive(Debug)]
pub(super) struct Group {
    what: What,
    /// One for each target, in order, from arming on.
    places: Vec<Place>,
    /// Targets that have ended, and not by what was done.
    ended: Vec<String>,
}

#[derive(Debug)]
struct Place {
    placement: Placement,
    before: Snapshot,
    watchdog: Option<Watchdog>,
    bitten: Option<Bite>,
}

/// What was done, and what the kernel had counted before.
#[derive(Debug, Clone)]
enum Bite {
    Cpu(CpuLimit, CpuCounters),
    Memory(MemoryLimit, MemoryCounters),
    /// `None`: not starved at all.
    Starved(MemoryLimit, MemoryCounters, Option<u64>),
    Frozen(Freezer, ProcessHandle),
}

impl Group {
    /// `None` for kinds that are not done by control groups.
    pub(super) fn new(kind: &FaultKind) -> Option<Group> {
        let what = match kind {
            FaultKind::Cpu { milli_cpus } => What::Cpu {
                milli_cpus: *milli_cpus,
            },
            FaultKind::Memory { bytes } => What::Memory { bytes: *bytes },
            FaultKind::OutOfMemory => What::OutOfMemory,
            FaultKind::Freeze {
                by: FreezeBy::Cgroup,
            } => What::Frozen,
            FaultKind::Freeze {
                by: FreezeBy::Signal,
            }
            | FaultKind::Kill { .. }
            | FaultKind::Restart { .. }
            | FaultKind::CpuStress { .. }
            | FaultKind::Stop { .. }
            | FaultKind::Disconnect
            | FaultKind::Partition { .. }
            | FaultKind::Loss { .. }
            | FaultKind::Reset { .. }
            | FaultKind::Delay { .. }
            | FaultKind::Bandwidth { .. }
            | FaultKind::HalfOpen
            | FaultKind::Dns
            | FaultKind::SlowDisk { .. }
            | FaultKind::FailingDisk { .. }
            | FaultKind::DiskFull { .. }
            | FaultKind::PowerCut
            | FaultKind::ClockSkew { .. }
            | FaultKind::Cluster(_)
            | FaultKind::KillSwitch { .. }
            | FaultKind::Operation(_)
            | FaultKind::Hook(_) => return None,
        };
        Some(Group {
            what,
            places: Vec::new(),
            ended: Vec::new(),
        })
    }

    pub(super) fn name(&self) -> &'static str {
        match self.what {
            What::Cpu { .. } => "cpu",
            What::Memory { .. } => "memory",
            What::OutOfMemory => "out-of-memory",
            What::Frozen => "freeze",
        }
    }

    pub(super) fn mechanism(&self) -> String {
        let what = match self.what {
            What::Cpu { milli_cpus } => format!("{milli_cpus} thousandths of a CPU at most"),
            What::Memory { bytes } => format!("{bytes} bytes of memory at most"),
            What::OutOfMemory => "a memory limit below what is in use".to_string(),
            What::Frozen => "its freezer".to_string(),
        };
        format!("control group: {what}, with a watchdog that takes it back")
    }

    /// True when its targets end, or may end, and have to be started again then.
    pub(super) fn may_end_its_targets(&self) -> bool {
        match self.what {
            What::Cpu { .. } | What::Frozen => false,
            What::Memory { .. } | What::OutOfMemory => true,
        }
    }

    /// Finds a group for each target, starts the watchdogs, and says how all of it is taken back.
    pub(super) async fn arm(
        &mut self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
        journal: &Journal,
    ) -> Result<Vec<Undo>, FaultError> {
        let exe = environment
            .watchdog_exe()
            .ok_or_else(|| FaultError::NoHandle {
                fault: fault.to_string(),
                kind: self.name(),
                target: targets.first().map(Target::label).unwrap_or_default(),
            })?
            .to_path_buf();
        let mut undo = Vec::new();
        for target in targets {
            let (what, process) = (self.what, target.process.clone());
            let tag = format!("{}-{}", self.name(), target.process.pid());
            let found = blocking(fault, move || {
                let cgroups = Cgroups::discover()?;
                let before = Snapshot::take(&cgroups, process.id())?;
                let controller = match what {
                    What::Cpu { .. } => Controller::Cpu,
                    What::Memory { .. } | What::OutOfMemory => Controller::Memory,
                    What::Frozen => Controller::Freezer,
                };
                let placement = Placement::plan(&cgroups, &process, controller, &tag)?;
                if what == What::OutOfMemory {
                    MemoryLimit::preflight(placement.group(), process.id())?;
                }
                Ok((placement, before))
            });
            let (placement, before) = found.await?;
            let taken_back = placement.undo();
            undo.push(Undo::Group {
                name: target.name.clone(),
                back: taken_back.clone(),
            });
            let watchdog = Watchdog::over_groups(&exe, target.process.id(), vec![taken_back]).await;
            let watchdog = watchdog.map_err(|source| FaultError::Watchdog {
                fault: fault.to_string(),
                source,
            })?;
            let started = Entry::ChildStarted {
                name: watchdog_of(target),
                process: watchdog.process(),
            };
            record(fault, journal, &started)?;
            self.places.push(Place {
                placement,
                before,
                watchdog: Some(watchdog),
                bitten: None,
            });
        }
        Ok(undo)
    }

    pub(super) async fn inject(
        &mut self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
        strength: Strength,
    ) -> Result<(), FaultError> {
        for (place, target) in self.places.iter_mut().zip(targets) {
            if self.what == What::OutOfMemory {
                environment.expect_exit(&target.name, true);
            }
            let (what, placement) = (self.what, place.placement.clone());
            place.bitten = Some(blocking(fault, move || bite(what, &placement, strength)).await?);
        }
        Ok(())
    }

    /// What the kernel counted; as an error when the limit did not bite.
    pub(super) async fn confirm(
        &self,
        fault: &str,
        target: &Target,
        index: usize,
        until: Instant,
    ) -> Result<String, String> {
        let Some(bite) = self
            .places
            .get(index)
            .and_then(|place| place.bitten.clone())
        else {
            return Err(format!("{fault} was not injected into {}", target.label()));
        };
        let at_most = left(until);
        let seen = tokio::task::spawn_blocking(move || seen(&bite, at_most)).await;
        let who = target.label();
        let text = match seen {
            Ok(Ok(text)) => format!("{who}: {text}"),
            Ok(Err(why)) => return Err(why.to_string()),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        match self.what {
            What::Cpu { .. } | What::Memory { .. } | What::OutOfMemory => Ok(text),
            What::Frozen => match ask(target.address, "/", SILENT_FOR).await {
                HttpAnswer::Silent => Ok(format!(
                    "{text}; {} gave no answer for {} ms",
                    target.address,
                    SILENT_FOR.as_millis()
                )),
                answer => Err(format!("{text}, but {} {answer}", target.address)),
            },
        }
    }

    /// Moves the targets back, dismisses the watchdogs, and starts again what was ended.
    pub(super) async fn heal(
        &mut self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
        journal: &Journal,
    ) -> Result<(), FaultError> {
        for (place, target) in self.places.iter_mut().zip(targets) {
            if let Some(exit) = target.exit(environment).await
                && !ended_by_us(fault, place.bitten.clone()).await?
            {
                self.ended.push(format!("{} {exit}", target.label()));
            }
            let placement = place.placement.clone();
            blocking(fault, move || placement.leave()).await?;
            if let Some(watchdog) = place.watchdog.take() {
                let gone = Entry::ChildGone {
                    name: watchdog_of(target),
                    process: watchdog.process(),
                };
                match watchdog.dismiss().await {
                    Ok(()) => record(fault, journal, &gone)?,
                    // Harmless: it ends, and takes back what has been taken back, when we do.
                    Err(error) => tracing::warn!("{error}"),
                }
            }
        }
        match (
            self.may_end_its_targets(),
            environment.restarted_by(speaker(targets)),
        ) {
            (true, RestartedBy::Platform) => start_missing(fault, targets, environment).await,
            (true, RestartedBy::Nobody) | (false, _) => Ok(()),
        }
    }

    /// Compares the groups and the files of them with what they were.
    pub(super) async fn confirm_clean(&self, fault: &str) -> Result<(), NotClean> {
        if !self.ended.is_empty() {
            return Err(NotClean {
                left: None,
                reason: format!("not by the fault: {}", self.ended.join(", ")),
            });
        }
        for place in &self.places {
            let (before, placement) = (place.before.clone(), place.placement.clone());
            let changed = blocking(fault, move || {
                let cgroups = Cgroups::discover()?;
                Ok(before.differences_at(&before.again(&cgroups)?, &placement))
            });
            let changed = changed.await.map_err(|error| NotClean {
                left: None,
                reason: error.to_string(),
            })?;
            // Where a process was that has ended is nowhere.
            if !changed.is_empty() && !place.placement.process().has_exited().unwrap_or(false) {
                return Err(NotClean {
                    left: None,
                    reason: changed.join("; "),
                });
            }
        }
        Ok(())
    }
}

fn bite(what: What, placement: &Placement, strength: Strength) -> Result<Bite, CgroupError> {
    let group = placement.enter()?;
    match what {
        What::Cpu { milli_cpus } => {
            let limit = CpuLimit::of(group);
            let before = limit.counters()?;
            if strength == Strength::Full {
                limit.apply(milli_cpus)?;
            }
            Ok(Bite::Cpu(limit, before))
        }
        What::Memory { bytes } => {
            let limit = MemoryLimit::of(group, placement.process())?;
            let before = limit.counters()?;
            if strength == Strength::Full {
                limit.apply(bytes)?;
            }
            Ok(Bite::Memory(limit, before))
        }
        What::OutOfMemory => {
            let limit = MemoryLimit::of(group, placement.process())?;
            let before = limit.counters()?;
            let bytes = match strength {
                Strength::Full => Some(limit.starve()?),
                Strength::Blunt => None,
            };
            Ok(Bite::Starved(limit, before, bytes))
        }
        What::Frozen => {
            let freezer = Freezer::of(group);
            if strength == Strength::Full {
                freezer.freeze()?;
            }
            Ok(Bite::Frozen(freezer, placement.process().clone()))
        }
    }
}

fn seen(bite: &Bite, at_most: Duration) -> Result<String, NoEffect> {
    match bite {
        Bite::Cpu(limit, before) => Ok(limit.confirm(*before, at_most)?.to_string()),
        Bite::Memory(limit, before) => Ok(limit.confirm_limited(*before, at_most)?.to_string()),
        Bite::Starved(limit, before, None) => {
            Ok(limit.confirm_oom(*before, u64::MAX, at_most)?.to_string())
        }
        Bite::Starved(limit, before, Some(bytes)) => {
            let bytes = limit.starve_on(*bytes, at_most.saturating_sub(LAST_LOOK))?;
            Ok(limit.confirm_oom(*before, bytes, LAST_LOOK)?.to_string())
        }
        Bite::Frozen(freezer, process) => Ok(freezer.confirm_frozen(process, at_most)?.to_string()),
    }
}

/// True when what was done may have ended the target.
async fn ended_by_us(fault: &str, bitten: Option<Bite>) -> Result<bool, FaultError> {
    match bitten {
        Some(Bite::Memory(limit, before)) => {
            let now = blocking(fault, move || limit.counters()).await?;
            Ok(now.oom_kills != before.oom_kills)
        }
        // Whether it starved is told by the look for the effect.
        Some(Bite::Starved(..)) => Ok(true),
        Some(Bite::Cpu(..) | Bite::Frozen(..)) | None => Ok(false),
    }
}

async fn blocking<T: Send + 'static>(
    fault: &str,
    work: impl FnOnce() -> Result<T, CgroupError> + Send + 'static,
) -> Result<T, FaultError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|source| FaultError::Group {
            fault: fault.to_string(),
            source: Box::new(source),
        }),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

fn watchdog_of(target: &Target) -> String {
    format!("group watchdog of {}", target.name)
}

fn record(fault: &str, journal: &Journal, entry: &Entry) -> Result<(), FaultError> {
    journal.record(entry).map_err(|source| FaultError::Journal {
        fault: fault.to_string(),
        source,
    })
}
