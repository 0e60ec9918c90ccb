//! What the engine of a container does to it: kill, pause, stop, restart, taking it out of its network. Proven by the
//! main process, the state that the engine tells, and silence where there was an answer.

mod effect;

use std::time::Duration;

use shakedown_record::fault::FaultTarget;
use shakedown_record::monotonic_ns;
use shakedown_scenarios::plan::{FaultKind, FreezeBy, RestartedBy, Signal as PlannedSignal};
use tokio::time::Instant;

use super::error::{FaultError, NotClean};
use super::kill::{left, start_missing};
use super::snapshot::Expected;
use super::strength::Strength;
use super::target::Target;
use crate::environment::{DockerTarget, Environment};
use crate::journal::{Entry, Journal, Undo};
use crate::mechanisms::Watchdog;
use crate::mechanisms::docker::{self, ContainerState, Endpoint, Engine};

const ENDS_WITHIN: Duration = Duration::from_secs(2);
const READY_WITHIN: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Kill(PlannedSignal),
    Pause,
    Stop(Duration),
    Restart(Duration),
    Disconnect,
}

#[derive(Debug)]
pub(super) struct Container {
    what: What,
    engine: Engine,
    /// One for each target, in order, from arming on.
    places: Vec<Place>,
    /// `CLOCK_MONOTONIC` in nanoseconds; 0 before.
    begun_at_mono_ns: u64,
}

#[derive(Debug)]
struct Place {
    id: String,
    network: String,
    /// Its place in the network before.
    endpoint: Endpoint,
    watchdog: Option<Watchdog>,
}

impl Container {
    pub(super) fn name(&self) -> &'static str {
        match self.what {
            What::Kill(_) => "kill",
            What::Pause => "freeze",
            What::Stop(_) => "stop",
            What::Restart(_) => "restart",
            What::Disconnect => "disconnect",
        }
    }

    /// `None` for kinds that other mechanisms do, also to containers.
    pub(super) fn new(kind: &FaultKind, docker: &DockerTarget) -> Option<Container> {
        let what = match kind {
            FaultKind::Kill { signal } => What::Kill(*signal),
            FaultKind::Freeze {
                by: FreezeBy::Signal,
            } => What::Pause,
            FaultKind::Stop { grace_ns } => What::Stop(Duration::from_nanos(*grace_ns)),
            FaultKind::Restart { grace_ns } => What::Restart(Duration::from_nanos(*grace_ns)),
            FaultKind::Disconnect => What::Disconnect,
            FaultKind::Freeze {
                by: FreezeBy::Cgroup,
            }
            | FaultKind::Cpu { .. }
            | FaultKind::CpuStress { .. }
            | FaultKind::Delay { .. }
            | FaultKind::Bandwidth { .. }
            | FaultKind::HalfOpen
            | FaultKind::Dns
            | FaultKind::Memory { .. }
            | FaultKind::OutOfMemory
            | FaultKind::ClockSkew { .. }
            | FaultKind::SlowDisk { .. }
            | FaultKind::FailingDisk { .. }
            | FaultKind::DiskFull { .. }
            | FaultKind::PowerCut
            | FaultKind::Partition { .. }
            | FaultKind::Loss { .. }
            | FaultKind::Reset { .. }
            | FaultKind::Cluster(_)
            | FaultKind::KillSwitch { .. }
            | FaultKind::Operation(_)
            | FaultKind::Hook(_) => return None,
        };
        Some(Container {
            what,
            engine: docker.engine().clone(),
            places: Vec::new(),
            begun_at_mono_ns: 0,
        })
    }

    pub(super) fn mechanism(&self) -> String {
        let how = match self.what {
            What::Kill(signal) => format!("kill {}, then start", signal_name(signal)),
            What::Pause => "pause (the freezer of its control group)".to_string(),
            What::Stop(grace) => format!("stop, {:.1} s of grace, then start", grace.as_secs_f64()),
            What::Restart(grace) => {
                format!("stop, {:.1} s of grace, and start", grace.as_secs_f64())
            }
            What::Disconnect => "disconnect from its network".to_string(),
        };
        format!("Docker Engine: {how}, with a watchdog that takes it back")
    }

    pub(super) fn targets(&self, targets: &[Target]) -> Vec<FaultTarget> {
        let one = |(place, target): (&Place, &Target)| FaultTarget {
            name: target.name.clone(),
            role: target.role.clone(),
            handle: format!("container {} ({})", short(&place.id), target.process.id()),
        };
        self.places.iter().zip(targets).map(one).collect()
    }

    /// Looks at the containers, starts the watchdogs, and says how all of it is taken back.
    pub(super) async fn arm(
        &mut self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
        journal: &Journal,
    ) -> Result<Vec<Undo>, FaultError> {
        let mut undo = Vec::new();
        for target in targets {
            let no_handle = || FaultError::NoHandle {
                fault: fault.to_string(),
                kind: self.name(),
                target: target.name.clone(),
            };
            let docker = environment.containers().ok_or_else(no_handle)?;
            let (id, network) = docker.container(&target.name).ok_or_else(no_handle)?;
            let exe = environment.watchdog_exe().ok_or_else(no_handle)?;
            let look = self.engine.look(&id).await.map_err(refused(fault))?;
            if let ContainerState::Paused { .. } = look.state {
                return Err(FaultError::AlreadyStopped {
                    fault: fault.to_string(),
                    target: target.name.clone(),
                });
            }
            let endpoint = look.networks.get(&network).cloned();
            let endpoint = endpoint.ok_or_else(|| FaultError::NotPossible {
                fault: fault.to_string(),
                reason: format!("{} is not in the network {network} any more", target.name),
            })?;
            let mut place = Place {
                id,
                network,
                endpoint,
                watchdog: None,
            };
            if let Some(back) = self.undo(&place, environment.restarted_by(&target.name)) {
                let watchdog =
                    Watchdog::over_container(exe, target.process.id(), vec![back.clone()]).await;
                let watchdog = watchdog.map_err(|source| FaultError::Watchdog {
                    fault: fault.to_string(),
                    source,
                })?;
                let started = Entry::ChildStarted {
                    name: watchdog_of(target),
                    process: watchdog.process(),
                };
                place.watchdog = Some(watchdog);
                record(fault, journal, &started)?;
                undo.push(Undo::Container {
                    name: target.name.clone(),
                    back,
                });
            }
            self.places.push(place);
        }
        Ok(undo)
    }

    fn undo(&self, place: &Place, restarted_by: RestartedBy) -> Option<docker::Undo> {
        let (host, id) = (self.engine.host().to_string(), place.id.clone());
        match self.what {
            What::Pause => Some(docker::Undo::Unpause { host, id }),
            What::Kill(_) | What::Stop(_) if restarted_by == RestartedBy::Nobody => None,
            What::Kill(_) | What::Stop(_) | What::Restart(_) => {
                Some(docker::Undo::Start { host, id })
            }
            What::Disconnect => Some(docker::Undo::Connect {
                host,
                id,
                network: place.network.clone(),
                place: place.endpoint.clone(),
            }),
        }
    }

    /// All targets at once; a restart takes one after the other.
    pub(super) async fn inject(
        &mut self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
        strength: Strength,
    ) -> Result<(), FaultError> {
        if self.ends_its_targets() {
            for target in targets {
                environment.expect_exit(&target.name, true);
            }
        }
        self.begun_at_mono_ns = monotonic_ns();
        match strength {
            Strength::Full => {}
            Strength::Blunt => return Ok(()),
        }
        let (what, engine) = (self.what, &self.engine);
        if let What::Restart(grace) = what {
            for (place, target) in self.places.iter().zip(targets) {
                engine
                    .stop(&place.id, grace)
                    .await
                    .map_err(refused(fault))?;
                self.back_again(fault, target, environment).await?;
            }
            return Ok(());
        }
        let all = self.places.iter().map(|place| async move {
            match what {
                What::Kill(signal) => engine.kill(&place.id, signal_name(signal)).await,
                What::Pause => engine.pause(&place.id).await,
                What::Stop(grace) | What::Restart(grace) => engine.stop(&place.id, grace).await,
                What::Disconnect => {
                    engine
                        .disconnect(&place.id, &place.endpoint.network_id)
                        .await
                }
            }
        });
        let done = futures_util::future::join_all(all).await;
        done.into_iter()
            .collect::<Result<(), _>>()
            .map_err(refused(fault))
    }

    async fn back_again(
        &self,
        fault: &str,
        target: &Target,
        environment: &Environment,
    ) -> Result<(), FaultError> {
        let failed = |source| FaultError::Environment {
            fault: fault.to_string(),
            source: Box::new(source),
        };
        environment.respawn(&target.name).await.map_err(failed)?;
        environment
            .wait_ready(&target.name, READY_WITHIN)
            .await
            .map_err(failed)
    }

    /// True when its targets end, and have to be started again.
    fn ends_its_targets(&self) -> bool {
        match self.what {
            What::Kill(_) | What::Stop(_) | What::Restart(_) => true,
            What::Pause | What::Disconnect => false,
        }
    }

    /// Takes it back. What somebody else has removed needs no healing, and is told by
    /// [`Container::confirm_clean`].
    pub(super) async fn heal(
        &mut self,
        fault: &str,
        targets: &[Target],
        environment: &Environment,
        journal: &Journal,
    ) -> Result<(), FaultError> {
        if let What::Kill(_) = self.what {
            self.let_it_end(fault, targets).await?;
        }
        let mut there = Vec::new();
        for (place, target) in self.places.iter().zip(targets) {
            let Some(back) = self.undo(place, environment.restarted_by(&target.name)) else {
                continue;
            };
            match self.engine.look(&place.id).await {
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(refused(fault)(error)),
                Ok(_) if self.ends_its_targets() => there.push(target.clone()),
                Ok(_) => {
                    back.replay(&self.engine).await.map_err(refused(fault))?;
                }
            }
        }
        start_missing(fault, &there, environment).await?;
        for (place, target) in self.places.iter_mut().zip(targets) {
            let Some(watchdog) = place.watchdog.take() else {
                continue;
            };
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
        Ok(())
    }

    /// Healed right after the injection, a target may still be about to end.
    async fn let_it_end(&self, fault: &str, targets: &[Target]) -> Result<(), FaultError> {
        if self.begun_at_mono_ns == 0 {
            return Ok(());
        }
        let until = Instant::now() + ENDS_WITHIN;
        for target in targets {
            let ended = target.process.wait_exit(left(until)).await;
            ended.map_err(|source| FaultError::Process {
                fault: fault.to_string(),
                source,
            })?;
        }
        Ok(())
    }

    /// Sees that every container is still there, and in its place in the network.
    pub(super) async fn confirm_clean(&self, targets: &[Target]) -> Result<(), NotClean> {
        for (place, target) in self.places.iter().zip(targets) {
            let reason = match self.engine.look(&place.id).await {
                Ok(look) => match (look.networks.get(&place.network), look.state) {
                    (Some(_), ContainerState::Down { .. }) => continue,
                    (Some(now), _) if now.address == place.endpoint.address => continue,
                    (Some(now), _) => format!(
                        "{} had the address {:?} in {} and has {:?} now",
                        target.name, place.endpoint.address, place.network, now.address
                    ),
                    (None, _) => format!("{} is not in {} any more", target.name, place.network),
                },
                Err(error) if error.is_gone() => format!(
                    "the container of {} was removed while the fault was on it",
                    target.name
                ),
                Err(error) => error.to_string(),
            };
            return Err(NotClean { left: None, reason });
        }
        Ok(())
    }

    pub(super) fn expected(&self, restarted_by: RestartedBy) -> Expected {
        match (self.what, restarted_by) {
            (What::Pause | What::Disconnect, _) => Expected::AsBefore,
            (What::Restart(_), _) | (What::Kill(_) | What::Stop(_), RestartedBy::Platform) => {
                Expected::Restarted
            }
            (What::Kill(_) | What::Stop(_), RestartedBy::Nobody) => Expected::MayBeDown,
        }
    }
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

fn signal_name(signal: PlannedSignal) -> &'static str {
    match signal {
        PlannedSignal::Kill => "KILL",
        PlannedSignal::Term => "TERM",
        PlannedSignal::Int => "INT",
        PlannedSignal::Quit => "QUIT",
        PlannedSignal::Abrt => "ABRT",
        PlannedSignal::Segv => "SEGV",
        PlannedSignal::Hup => "HUP",
        PlannedSignal::Usr1 => "USR1",
        PlannedSignal::Usr2 => "USR2",
    }
}

fn refused(fault: &str) -> impl Fn(docker::EngineError) -> FaultError {
    let fault = fault.to_string();
    move |source| FaultError::Container {
        fault: fault.clone(),
        source,
    }
}

fn watchdog_of(target: &Target) -> String {
    format!("container watchdog of {}", target.name)
}

fn record(fault: &str, journal: &Journal, entry: &Entry) -> Result<(), FaultError> {
    journal.record(entry).map_err(|source| FaultError::Journal {
        fault: fault.to_string(),
        source,
    })
}
