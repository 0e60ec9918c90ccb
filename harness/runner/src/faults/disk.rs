//! Disks: a slow, failing or full one between a node and its data folder, told what to do while the node runs. Proven
//! by what the disk counted; nothing else on the machine is touched.

use std::sync::Arc;

use rustix::process::Signal;
use shakedown_record::fault::{Effect, EffectFigure, FaultTarget, Firing};
use shakedown_scenarios::plan::{FaultKind, RestartedBy};
use tokio::time::{Duration, Instant};

use super::aim::{Aim, FaultTargetRef};
use super::error::{FaultError, NotClean};
use super::kill::{left, start_missing};
use super::strength::Strength;
use super::target::{Target, speaker};
use crate::environment::Environment;
use crate::mechanisms::Exit;
use crate::mechanisms::disk::{DiskError, DiskFault, DiskMount, DiskStatus};

const POLL: Duration = Duration::from_millis(100);
const CLEAN_WITHIN: Duration = Duration::from_secs(5);
/// The mean delay may be off by a tenth, and by what a busy machine adds.
const ERROR_SHARE: f64 = 0.1;
const ERROR_NS: f64 = 5e6;

#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Slow { sync_ns: u64 },
    Failing { share: f64 },
    Full { leave_bytes: u64 },
}

#[derive(Debug)]
pub(super) struct Disk {
    what: What,
    /// Which operations fail is decided by this.
    seed: u64,
    targets: Vec<FaultTargetRef>,
    disks: Vec<Arc<DiskMount>>,
    /// Looks before the fault, once armed.
    before: Vec<DiskStatus>,
    /// Targets that have ended, and cannot have because of the disk.
    ended: Vec<String>,
}

impl Disk {
    /// Finds the disks of the targets.
    pub(super) fn new(
        firing: &Firing,
        kind: &FaultKind,
        aim: &Aim,
        environment: &Environment,
    ) -> Result<Disk, FaultError> {
        let not_possible = |reason: String| FaultError::NotPossible {
            fault: firing.label(),
            reason,
        };
        let what = match kind {
            FaultKind::SlowDisk { sync_ns } => What::Slow { sync_ns: *sync_ns },
            FaultKind::FailingDisk { share } => What::Failing { share: *share },
            FaultKind::DiskFull { leave_bytes } => What::Full {
                leave_bytes: *leave_bytes,
            },
            FaultKind::Kill { .. }
            | FaultKind::Freeze { .. }
            | FaultKind::Restart { .. }
            | FaultKind::Stop { .. }
            | FaultKind::Disconnect
            | FaultKind::Cpu { .. }
            | FaultKind::CpuStress { .. }
            | FaultKind::Memory { .. }
            | FaultKind::OutOfMemory
            | FaultKind::PowerCut
            | FaultKind::Partition { .. }
            | FaultKind::Loss { .. }
            | FaultKind::Reset { .. }
            | FaultKind::Delay { .. }
            | FaultKind::Bandwidth { .. }
            | FaultKind::HalfOpen
            | FaultKind::Dns
            | FaultKind::ClockSkew { .. }
            | FaultKind::Cluster(_)
            | FaultKind::KillSwitch { .. }
            | FaultKind::Operation(_)
            | FaultKind::Hook(_) => return Err(not_possible("it is not done to disks".into())),
        };
        let disk = |target: &FaultTargetRef| {
            let disk = environment.disk(&target.name);
            disk.ok_or_else(|| not_possible(format!("{} has no disk of ours", target.name)))
        };
        Ok(Disk {
            what,
            seed: u64::from(firing.occurrence) + 1,
            targets: aim.targets.clone(),
            disks: aim.targets.iter().map(disk).collect::<Result<_, _>>()?,
            before: Vec::new(),
            ended: Vec::new(),
        })
    }

    pub(super) fn name(&self) -> &'static str {
        match self.what {
            What::Slow { .. } => "slow-disk",
            What::Failing { .. } => "failing-disk",
            What::Full { .. } => "disk-full",
        }
    }

    pub(super) fn mechanism(&self) -> String {
        let what = match self.what {
            What::Slow { sync_ns } => {
                format!("each sync takes {:.1} ms longer", sync_ns as f64 / 1e6)
            }
            What::Failing { share } => {
                format!("{:.3} % of writes and syncs fail with EIO", share * 100.0)
            }
            What::Full { leave_bytes } => format!("room for {leave_bytes} bytes more"),
        };
        format!("a file system of Shakedown's own (FUSE) over the data folder: {what}")
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.targets
            .iter()
            .map(|target| target.name.clone())
            .collect()
    }

    pub(super) fn targets(&self) -> Vec<FaultTarget> {
        let target = |(target, disk): (&FaultTargetRef, &Arc<DiskMount>)| FaultTarget {
            name: target.name.clone(),
            role: target.role.clone(),
            handle: format!("disk over {}", disk.folder().display()),
        };
        self.targets.iter().zip(&self.disks).map(target).collect()
    }

    /// Looks at the disks. One that another fault has now cannot have this one too: a disk does one thing at a time.
    pub(super) async fn arm(&mut self, fault: &str) -> Result<(), FaultError> {
        self.before.clear();
        for (disk, name) in self.disks.iter().zip(self.names()) {
            let status = disk.status().await.map_err(failed(fault))?;
            if !status.fault.is_pass_through() {
                return Err(FaultError::NotPossible {
                    fault: fault.to_string(),
                    reason: format!("another fault is on the disk of {name}"),
                });
            }
            self.before.push(status);
        }
        Ok(())
    }

    pub(super) async fn inject(&self, fault: &str, strength: Strength) -> Result<(), FaultError> {
        if strength == Strength::Blunt {
            return Ok(());
        }
        let wanted = match self.what {
            What::Slow { sync_ns } => DiskFault::slow_sync(sync_ns),
            What::Failing { share } => DiskFault::failing(share, self.seed),
            What::Full { leave_bytes } => DiskFault::full(leave_bytes),
        };
        for disk in &self.disks {
            disk.set(wanted).await.map_err(failed(fault))?;
        }
        Ok(())
    }

    /// Looks until each disk has counted operations that were hit.
    pub(super) async fn confirm(&self, fault: &str, until: Instant) -> Effect {
        loop {
            let effect = match self.look(fault).await {
                Ok(effect) => effect,
                Err(error) => Effect::not_seen(error.to_string()),
            };
            if effect.confirmed || left(until).is_zero() {
                return effect;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn look(&self, fault: &str) -> Result<Effect, FaultError> {
        let (mut texts, mut figures, mut confirmed) = (Vec::new(), Vec::new(), true);
        for ((disk, before), name) in self.disks.iter().zip(&self.before).zip(self.names()) {
            let now = disk.status().await.map_err(failed(fault))?;
            let (hit, figure) = self.hit(before, &now);
            let told = figure.within_error() != Some(false);
            confirmed &= hit > 0 && told;
            texts.push(match (hit, told) {
                (0, _) => format!("no operation of {name} was hit"),
                (hit, true) => format!("{hit} operations of {name} were hit"),
                (hit, false) => format!("{hit} operations of {name} were hit, not as asked"),
            });
            figures.push(figure);
        }
        let text = texts.join("; ");
        let effect = match confirmed {
            true => Effect::seen(text),
            false => Effect::not_seen(text),
        };
        Ok(Effect { figures, ..effect })
    }

    /// How many operations were hit since, and the figure that tells how.
    fn hit(&self, before: &DiskStatus, now: &DiskStatus) -> (u64, EffectFigure) {
        let done = now.operations.since(&before.operations);
        let counter = |name: &str, count: u64| EffectFigure {
            name: name.into(),
            measured: Some(count as f64),
            unit: "operations".into(),
            ..EffectFigure::default()
        };
        match self.what {
            What::Slow { sync_ns } => {
                let mean = |delay_ns: u64, delayed: u64| delay_ns.checked_div(delayed);
                let delay_ns = done.sync.delay_ns + done.sync_data.delay_ns;
                let delayed = done.sync.delayed + done.sync_data.delayed;
                let figure = EffectFigure {
                    name: "added to each sync, mean".into(),
                    asked: Some(sync_ns as f64),
                    measured: mean(delay_ns, delayed).map(|ns| ns as f64),
                    unit: "ns".into(),
                    error: Some(sync_ns as f64 * ERROR_SHARE + ERROR_NS),
                };
                (delayed, figure)
            }
            What::Failing { .. } => {
                let failed = done.failed();
                (failed, counter("failed with EIO", failed))
            }
            What::Full { .. } => {
                let refused = now.out_of_room.saturating_sub(before.out_of_room);
                (refused, counter("refused with ENOSPC", refused))
            }
        }
    }

    /// Makes the disks sound, and starts again who has ended because of them.
    pub(super) async fn heal(
        &mut self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
    ) -> Result<(), FaultError> {
        for disk in &self.disks {
            disk.heal().await.map_err(failed(fault))?;
        }
        for target in targets {
            if let Some(exit) = target.exit(environment).await
                && !self.can_end_by(&exit)
            {
                self.ended.push(format!("{} {exit}", target.label()));
            }
        }
        match environment.restarted_by(speaker(targets)) {
            RestartedBy::Platform => start_missing(fault, targets, environment).await,
            RestartedBy::Nobody => Ok(()),
        }
    }

    /// Who is told that a write failed may exit or abort. Nobody ends of a slow disk, or kills itself.
    fn can_end_by(&self, exit: &Exit) -> bool {
        match self.what {
            What::Slow { .. } => false,
            What::Failing { .. } | What::Full { .. } => !exit.by_signal(Signal::KILL),
        }
    }

    /// Sound, serving, and nothing held back any more.
    pub(super) async fn confirm_clean(&self) -> Result<(), NotClean> {
        if !self.ended.is_empty() {
            return Err(NotClean {
                left: None,
                reason: format!("not by the disk: {}", self.ended.join(", ")),
            });
        }
        let until = Instant::now() + CLEAN_WITHIN;
        for (disk, name) in self.disks.iter().zip(self.names()) {
            loop {
                let reason = match disk.status().await {
                    Ok(status) if status.is_sound() && disk.is_serving() => break,
                    Ok(_) => format!("the disk of {name} is not as it was"),
                    Err(error) => error.to_string(),
                };
                if left(until).is_zero() {
                    return Err(NotClean { left: None, reason });
                }
                tokio::time::sleep(POLL).await;
            }
        }
        Ok(())
    }
}

fn failed(fault: &str) -> impl Fn(DiskError) -> FaultError + '_ {
    move |source| FaultError::Disk {
        fault: fault.to_string(),
        source: Box::new(source),
    }
}
