//! Starting workers, proving that they burn, ending them.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use rustix::thread::{sched_getaffinity, sched_setaffinity};
use shakedown_record::monotonic_ns;

use super::cpu_time::cpu_time_us;
use super::line::{GO, READY};
use super::worker::STRESS_COMMAND;
use crate::mechanisms::cgroup::{CgroupError, Cgroups, Controller, Version};
use crate::mechanisms::child::{AdoptError, Child};
use crate::mechanisms::process::{ProcessError, ProcessHandle, ProcessId};
use crate::mechanisms::spawn::{SpawnError, Spawner};

const MOST_WORKERS: u32 = 256;
const READY_WITHIN: Duration = Duration::from_secs(5);
const ENDS_WITHIN: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);

/// Where workers take CPU time away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StressPlace {
    /// On the CPUs that the target may use, from the groups that Shakedown is in.
    TargetCpus,
    /// In the target's group of the cpu controller, and on its CPUs: whatever limit it has holds for both together.
    /// Such a group is not the target's alone any more, so that no memory limit goes together with it in v2.
    TargetGroup,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct StressPlan {
    pub target: ProcessHandle,
    pub placement: StressPlace,
    /// Busy processes, 1 to 256. As many as the target has CPUs leave it about half of each.
    pub workers: u32,
    /// `CLOCK_MONOTONIC` in nanoseconds at which every worker ends by itself, whatever happens.
    pub until_mono_ns: u64,
}

/// Why there is no stress, or none that is proven.
#[derive(Debug, thiserror::Error)]
pub enum StressError {
    #[error("{0} stress workers were asked for; 1 to 256 are possible")]
    Workers(u32),
    #[error("the deadline of the stress workers has passed already")]
    Deadline,
    #[error("{0} is gone")]
    Gone(ProcessId),
    #[error("cannot start a stress worker {exe}: {source}")]
    Start { exe: PathBuf, source: io::Error },
    #[error("a stress worker did not say within 5 s that it is ready: {0}")]
    NotReady(io::Error),
    #[error("cannot give a stress worker to the CPUs of {target}: {source}")]
    Affinity {
        target: ProcessId,
        source: io::Error,
    },
    #[error(
        "cannot put a stress worker into {file}: {source}; it takes root, or a delegated group"
    )]
    Group { file: PathBuf, source: io::Error },
    #[error("cannot start the stress workers: {0}")]
    Go(io::Error),
    #[error(
        "the stress workers used {used_ms} ms of CPU time within {within_ms} ms, less than the {wanted_ms} ms asked for; {alive} of {workers} are left"
    )]
    TooLittle {
        used_ms: u64,
        wanted_ms: u64,
        within_ms: u64,
        alive: usize,
        workers: usize,
    },
    #[error("the stress worker {0} does not end")]
    Stays(ProcessId),
    #[error("the task that starts stress workers was cancelled")]
    Cancelled,
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

/// CPU time that the workers have used, as the kernel counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuBurnt {
    pub workers: usize,
    pub used_us: u64,
    pub within_us: u64,
}

impl fmt::Display for CpuBurnt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} workers used {} ms of CPU time within {} ms",
            self.workers,
            self.used_us / 1000,
            self.within_us / 1000
        )
    }
}

/// Running workers. Dropping them closes their lines, which ends them.
#[derive(Debug)]
pub struct StressWorkers {
    target: ProcessId,
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    child: Child,
    line: UnixStream,
}

impl StressWorkers {
    /// Says what stands against it, without starting anything.
    ///
    /// # Errors
    /// What stands against it, in words.
    pub fn preflight(plan: &StressPlan) -> Result<(), StressError> {
        if !(1..=MOST_WORKERS).contains(&plan.workers) {
            return Err(StressError::Workers(plan.workers));
        }
        if plan.until_mono_ns <= monotonic_ns() {
            return Err(StressError::Deadline);
        }
        if plan.target.has_exited()? {
            return Err(StressError::Gone(plan.target.id()));
        }
        sched_getaffinity(Some(raw(&plan.target)?)).map_err(|error| StressError::Affinity {
            target: plan.target.id(),
            source: error.into(),
        })?;
        match plan.placement {
            StressPlace::TargetCpus => Ok(()),
            StressPlace::TargetGroup => {
                let file = group_file(&plan.target)?;
                rustix::fs::access(&file, rustix::fs::Access::WRITE_OK).map_err(|error| {
                    StressError::Group {
                        file,
                        source: error.into(),
                    }
                })
            }
        }
    }

    /// Starts the workers, puts them where they belong, and lets them burn. They die with the spawner's thread.
    ///
    /// # Errors
    /// When one of them cannot be started or placed; those that were are ended again.
    pub async fn start(
        spawner: &Spawner,
        exe: &Path,
        plan: StressPlan,
    ) -> Result<StressWorkers, StressError> {
        StressWorkers::preflight(&plan)?;
        let mut own = StressWorkers {
            target: plan.target.id(),
            workers: Vec::new(),
        };
        for _ in 0..plan.workers {
            own.workers
                .push(start_one(spawner, exe, plan.until_mono_ns).await?);
        }
        tokio::task::spawn_blocking(move || {
            for worker in &mut own.workers {
                worker.wait_ready()?;
                place(worker, &plan)?;
            }
            for worker in &mut own.workers {
                worker.line.write_all(&[GO]).map_err(StressError::Go)?;
            }
            Ok(own)
        })
        .await
        .map_err(|_| StressError::Cancelled)?
    }

    /// For the journal: they die with their parent even if nobody writes this down.
    pub fn processes(&self) -> Vec<ProcessId> {
        self.workers
            .iter()
            .map(|worker| worker.child.handle().id())
            .collect()
    }

    /// Waits until the workers have used this much CPU time together since now. Blocks.
    ///
    /// # Errors
    /// When they have not in time.
    pub fn confirm(&self, wanted: Duration, at_most: Duration) -> Result<CpuBurnt, StressError> {
        let (start, before) = (Instant::now(), self.used_us());
        let wanted_us = wanted.as_micros() as u64;
        loop {
            let used_us = self.used_us().saturating_sub(before);
            let within_us = start.elapsed().as_micros() as u64;
            let alive = self.alive();
            if used_us >= wanted_us && alive == self.workers.len() {
                return Ok(CpuBurnt {
                    workers: alive,
                    used_us,
                    within_us,
                });
            }
            if start.elapsed() >= at_most || alive < self.workers.len() {
                return Err(StressError::TooLittle {
                    used_ms: used_us / 1000,
                    wanted_ms: wanted_us / 1000,
                    within_ms: within_us / 1000,
                    alive,
                    workers: self.workers.len(),
                });
            }
            std::thread::sleep(POLL);
        }
    }

    /// The process that they compete with.
    pub fn target(&self) -> ProcessId {
        self.target
    }

    /// Ends all of them. Doing it twice does no more.
    ///
    /// # Errors
    /// When one does not end.
    pub async fn stop(&self) -> Result<(), StressError> {
        for worker in &self.workers {
            worker.child.handle().signal(Signal::KILL)?;
        }
        for worker in &self.workers {
            if worker.child.wait(ENDS_WITHIN).await.is_none() {
                return Err(StressError::Stays(worker.child.handle().id()));
            }
        }
        Ok(())
    }

    fn alive(&self) -> usize {
        self.workers
            .iter()
            .filter(|worker| worker.child.exit().is_none())
            .count()
    }

    /// One that has ended counts no more; then there are too few alive anyway.
    fn used_us(&self) -> u64 {
        self.workers
            .iter()
            .map(|worker| cpu_time_us(worker.child.handle().pid()).unwrap_or(0))
            .sum()
    }
}

impl Worker {
    fn wait_ready(&mut self) -> Result<(), StressError> {
        self.line
            .set_read_timeout(Some(READY_WITHIN))
            .map_err(StressError::NotReady)?;
        let mut word = [0u8];
        self.line
            .read_exact(&mut word)
            .map_err(StressError::NotReady)?;
        match word[0] {
            READY => Ok(()),
            other => Err(StressError::NotReady(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("it said {other:#04x}"),
            ))),
        }
    }
}

async fn start_one(
    spawner: &Spawner,
    exe: &Path,
    until_mono_ns: u64,
) -> Result<Worker, StressError> {
    let start = |source| StressError::Start {
        exe: exe.to_path_buf(),
        source,
    };
    let (line, far_end) = UnixStream::pair().map_err(start)?;
    let mut command = Command::new(exe);
    command
        .arg(STRESS_COMMAND)
        .args(["--until-mono-ns", &until_mono_ns.to_string()])
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(far_end)))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let started = spawner
        .run(move |here| here.spawn(&mut command))
        .await?
        .map_err(start)?;
    Ok(Worker {
        child: Child::adopt(started)?,
        line,
    })
}

fn place(worker: &Worker, plan: &StressPlan) -> Result<(), StressError> {
    let pid = raw(worker.child.handle())?;
    let affinity = |error: rustix::io::Errno| StressError::Affinity {
        target: plan.target.id(),
        source: error.into(),
    };
    let cpus = sched_getaffinity(Some(raw(&plan.target)?)).map_err(affinity)?;
    match plan.placement {
        StressPlace::TargetCpus => {}
        StressPlace::TargetGroup => {
            let file = group_file(&plan.target)?;
            std::fs::write(&file, worker.child.handle().pid().to_string())
                .map_err(|source| StressError::Group { file, source })?;
        }
    }
    sched_setaffinity(Some(pid), &cpus).map_err(affinity)
}

/// `cgroup.procs` of the target's group in the hierarchy that has the cpu controller.
fn group_file(target: &ProcessHandle) -> Result<PathBuf, StressError> {
    let cgroups = Cgroups::discover()?;
    let hierarchy = cgroups
        .with_controller(Controller::Cpu)?
        .into_iter()
        .next()
        .ok_or(CgroupError::NotMounted(Controller::Cpu))?;
    let group = cgroups.group_of(target.id(), hierarchy)?;
    if group.version() == Version::V2 {
        group.need(Controller::Cpu)?;
    }
    Ok(group.dir().join("cgroup.procs"))
}

fn raw(process: &ProcessHandle) -> Result<Pid, StressError> {
    i32::try_from(process.pid())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or(StressError::Gone(process.id()))
}
