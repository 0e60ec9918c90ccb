//! CPU stress: processes of ours that compete with the targets for their CPUs. Proven by the CPU time that the kernel
//! counts for them; gone when they have ended, which they do by themselves when Shakedown does.

use std::sync::Arc;
use std::time::Duration;

use shakedown_record::monotonic_ns;
use tokio::time::Instant;

use super::error::{FaultError, NotClean};
use super::kill::left;
use super::strength::Strength;
use super::target::Target;
use crate::environment::Environment;
use crate::mechanisms::stress::{StressError, StressPlace, StressPlan, StressWorkers};
use crate::mechanisms::{ProcessHandle, Spawner};

/// CPU time that every worker must have used to count as busy.
const WANTED: Duration = Duration::from_millis(100);
/// The last of three things that end a worker; no fault is held for so long.
const ENDS_AT_THE_LATEST: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug)]
pub(super) struct Stress {
    workers: u32,
    /// The workers die with its thread.
    spawner: Option<Spawner>,
    /// One for each target, in order.
    running: Vec<Arc<StressWorkers>>,
}

impl Stress {
    pub(super) fn new(workers: u32) -> Stress {
        Stress {
            workers,
            spawner: None,
            running: Vec::new(),
        }
    }

    pub(super) fn mechanism(&self) -> String {
        format!(
            "{} busy processes on the CPUs that the target may use; they end with Shakedown",
            self.workers
        )
    }

    /// Says what stands against it before anything is started.
    pub(super) fn arm(&mut self, fault: &str, targets: &[Target]) -> Result<(), FaultError> {
        for target in targets {
            StressWorkers::preflight(&self.plan(target)).map_err(failed(fault))?;
        }
        let spawner = Spawner::start().map_err(|error| failed(fault)(error.into()))?;
        self.spawner = Some(spawner);
        Ok(())
    }

    pub(super) async fn inject(
        &mut self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
        strength: Strength,
    ) -> Result<(), FaultError> {
        match strength {
            Strength::Full => {}
            Strength::Blunt => return Ok(()),
        }
        let not_possible = || FaultError::NotPossible {
            fault: fault.to_string(),
            reason: "no worker can be started for targets that are not on this machine".into(),
        };
        let exe = environment.watchdog_exe().ok_or_else(not_possible)?;
        let spawner = self.spawner.as_ref().ok_or_else(not_possible)?;
        for target in targets {
            let workers = StressWorkers::start(spawner, exe, self.plan(target)).await;
            self.running.push(Arc::new(workers.map_err(failed(fault))?));
        }
        Ok(())
    }

    /// The CPU time that the workers took; as an error when it is too little.
    pub(super) async fn confirm(
        &self,
        target: &Target,
        index: usize,
        until: Instant,
    ) -> Result<String, String> {
        let who = target.label();
        let Some(workers) = self.running.get(index).cloned() else {
            return Err(format!("no worker runs on the CPUs of {who}"));
        };
        let (wanted, at_most) = (WANTED * self.workers, left(until));
        let seen = tokio::task::spawn_blocking(move || workers.confirm(wanted, at_most)).await;
        match seen {
            Ok(Ok(burnt)) => Ok(format!("{who}: {burnt} on its CPUs")),
            Ok(Err(why)) => Err(format!("{who}: {why}")),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    pub(super) async fn heal(&self, fault: &str) -> Result<(), FaultError> {
        for workers in &self.running {
            workers.stop().await.map_err(failed(fault))?;
        }
        Ok(())
    }

    pub(super) fn confirm_clean(&self) -> Result<(), NotClean> {
        let processes = self.running.iter().flat_map(|workers| workers.processes());
        for id in processes {
            if let Ok(Some(_)) = ProcessHandle::open(id) {
                return Err(NotClean {
                    left: None,
                    reason: format!("the stress worker {id} still runs"),
                });
            }
        }
        Ok(())
    }

    fn plan(&self, target: &Target) -> StressPlan {
        StressPlan {
            target: target.process.clone(),
            placement: StressPlace::TargetCpus,
            workers: self.workers,
            until_mono_ns: monotonic_ns() + ENDS_AT_THE_LATEST.as_nanos() as u64,
        }
    }
}

fn failed(fault: &str) -> impl Fn(StressError) -> FaultError + '_ {
    move |source| FaultError::Stress {
        fault: fault.to_string(),
        source: Box::new(source),
    }
}
