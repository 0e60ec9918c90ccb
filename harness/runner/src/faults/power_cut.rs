//! Power cut: a target is killed and loses what it had not synced, as a machine does whose power fails; healed by a start
//! on what is left. Proven as a kill is, and by what the disk between the target and its data gave up.
//!
//! The undo of the disk dies with the process that keeps it, so there is nothing for `recover` to take back.

use std::time::Duration;

use shakedown_record::event::Dropped;
use shakedown_record::fault::{Effect, EffectFigure};
use shakedown_scenarios::plan::Signal;
use tokio::time::Instant;

use super::aim::Aim;
use super::error::{FaultError, NotClean};
use super::kill::Kill;
use super::strength::Strength;
use super::target::Target;
use crate::environment::Environment;

const KILLED_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct PowerCut {
    kill: Kill,
    /// What each target has lost, once it has.
    dropped: Vec<Dropped>,
}

impl PowerCut {
    /// Looks whether each target has a disk that can lose something.
    pub(super) fn new(
        fault: &str,
        aim: &Aim,
        environment: &Environment,
    ) -> Result<PowerCut, FaultError> {
        let mut targets = aim.targets.iter();
        match targets.find(|target| environment.disk(&target.name).is_none()) {
            Some(target) => Err(FaultError::NotPossible {
                fault: fault.to_string(),
                reason: format!("{} has no disk of ours", target.name),
            }),
            None => Ok(PowerCut {
                kill: Kill::new(Signal::Kill),
                dropped: Vec::new(),
            }),
        }
    }

    pub(super) fn mechanism(&self) -> String {
        format!(
            "{}, then each file of its data folder goes back to what it held when it was last synced (a file system of \
             Shakedown's own, FUSE)",
            self.kill.mechanism()
        )
    }

    /// Kills the targets, and takes from their disks what is not synced. They stay down.
    pub(super) async fn inject(
        &mut self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
        strength: Strength,
    ) -> Result<(), FaultError> {
        self.kill.inject(fault, targets, environment, strength)?;
        if strength == Strength::Blunt {
            return Ok(());
        }
        for target in targets {
            let ended = target.process.wait_exit(KILLED_WITHIN).await;
            let ended = ended.map_err(|source| FaultError::Process {
                fault: fault.to_string(),
                source,
            })?;
            if !ended {
                return Err(FaultError::DoesNotEnd {
                    fault: fault.to_string(),
                    target: target.label(),
                });
            }
        }
        let names: Vec<String> = targets.iter().map(|it| it.name.clone()).collect();
        let dropped = environment.cut_power(&names).await;
        self.dropped = dropped.map_err(|source| FaultError::Environment {
            fault: fault.to_string(),
            source: Box::new(source),
        })?;
        Ok(())
    }

    /// Each target was ended by us, and its disk has told what it gave up; nothing, where all was synced.
    pub(super) async fn confirm(
        &self,
        targets: &[Target],
        environment: &Environment,
        until: Instant,
    ) -> Effect {
        let (mut texts, mut figures, mut confirmed) = (Vec::new(), Vec::new(), true);
        for target in targets {
            let killed = self.kill.confirm(target, environment, until).await;
            let dropped = self.dropped.iter().find(|it| it.replica == target.name);
            confirmed &= killed.is_ok() && dropped.is_some();
            let (Ok(text) | Err(text)) = killed;
            texts.push(text);
            if let Some(dropped) = dropped {
                texts.push(lost(dropped));
                figures.extend(counted(dropped));
            }
        }
        Effect {
            confirmed,
            text: texts.join("; "),
            figures,
        }
    }

    pub(super) async fn heal(
        &self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
    ) -> Result<(), FaultError> {
        self.kill.heal(fault, targets, environment).await
    }

    /// Each target has a disk again, which serves.
    pub(super) fn confirm_clean(
        targets: &[Target],
        environment: &Environment,
    ) -> Result<(), NotClean> {
        let without = |target: &&Target| {
            let disk = environment.disk(&target.name);
            !disk.is_some_and(|disk| disk.is_serving())
        };
        match targets.iter().find(without) {
            None => Ok(()),
            Some(target) => Err(NotClean {
                left: None,
                reason: format!("{} is on its bare data folder since", target.name),
            }),
        }
    }
}

fn lost(dropped: &Dropped) -> String {
    let Dropped {
        replica,
        files,
        bytes,
    } = dropped;
    match (files, bytes) {
        (0, _) => format!("{replica} had synced all that it wrote"),
        (files, bytes) => {
            format!("{replica} lost {bytes} bytes in {files} files, which it had not synced")
        }
    }
}

fn counted(dropped: &Dropped) -> [EffectFigure; 2] {
    let count = |unit: &str, count: u64| EffectFigure {
        name: format!("not synced, {}", dropped.replica),
        measured: Some(count as f64),
        unit: unit.into(),
        ..EffectFigure::default()
    };
    [count("files", dropped.files), count("bytes", dropped.bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_is_told_in_words_and_figures() {
        let dropped = |files, bytes| Dropped {
            replica: "engine-1".into(),
            files,
            bytes,
        };
        assert_eq!(
            lost(&dropped(0, 0)),
            "engine-1 had synced all that it wrote"
        );
        let some = dropped(2, 4_096);
        assert_eq!(
            lost(&some),
            "engine-1 lost 4096 bytes in 2 files, which it had not synced"
        );
        let told = counted(&some).map(|it| (it.measured, it.unit));
        assert_eq!(told[0], (Some(2.0), "files".to_string()));
        assert_eq!(told[1], (Some(4_096.0), "bytes".to_string()));
    }
}
