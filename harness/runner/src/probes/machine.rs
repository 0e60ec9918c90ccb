//! What the replicas use of their machine, while the load runs: from `/proc` and control groups, into the same file as the
//! system's own series.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shakedown_record::monotonic_ns;
use shakedown_record::series::{
    CPU_LIMIT, CPU_USED, DISK_LIMIT, DISK_USED, Gap, MEMORY_LIMIT, MEMORY_USED, Origin, Sample,
    SeriesKind,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::scraper::Asked;
use super::series_log::SeriesLog;
use crate::environment::{Environment, Handle};
use crate::mechanisms::cgroup::Cgroups;
use crate::mechanisms::usage::{UsageError, disk_use, usage};
use crate::mechanisms::{ProcessHandle, ProcessId};

/// How often everything is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Looks at the processes of all replicas.
pub(super) struct Machine {
    pub environment: Arc<Environment>,
    pub log: Arc<SeriesLog>,
    pub replicas: Vec<String>,
    /// A folder of the file system to be watched, as the replicas see it; `None`: their data folder, where it is ours.
    pub disk: Option<PathBuf>,
}

impl Machine {
    /// Looks once a second, and whenever it is asked, until nobody can ask any more: then for a last time.
    pub(super) async fn run(self, mut asked: mpsc::Receiver<Asked>) {
        let mut ticks = interval_at(Instant::now(), EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let this = Arc::new(self);
        loop {
            tokio::select! {
                _ = ticks.tick() => Self::look(&this).await,
                ask = asked.recv() => {
                    Self::look(&this).await;
                    let Some(tell) = ask else { return };
                    let _nobody_waits = tell.send(());
                }
            }
        }
    }

    async fn look(this: &Arc<Self>) {
        let this = Arc::clone(this);
        // Reading blocks, for microseconds as a rule.
        if let Err(error) = tokio::task::spawn_blocking(move || this.look_blocking()).await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }

    fn look_blocking(&self) {
        let own = ProcessHandle::of_pid(std::process::id());
        let own = own.ok().flatten().map(|own| own.id());
        let cgroups = Cgroups::discover();
        for replica in &self.replicas {
            let asked_ns = monotonic_ns();
            let told = match (&cgroups, own) {
                (Ok(cgroups), Some(own)) => self.read(cgroups, own, replica),
                (Err(error), _) => Err((error.to_string(), false)),
                (Ok(_), None) => Err(("/proc does not show this very process".to_string(), false)),
            };
            let answered_ns = monotonic_ns();
            match told {
                Ok((started_s, samples)) => self.log.look(
                    (replica, Origin::Machine),
                    (asked_ns, answered_ns),
                    Some(started_s),
                    samples,
                ),
                Err((reason, absent)) => self.log.gap(Gap {
                    target: replica.clone(),
                    origin: Origin::Machine,
                    asked_ns,
                    answered_ns,
                    reason,
                    absent,
                }),
            }
        }
    }

    /// What a replica uses; else why it cannot be told, and whether it is known that there is no process.
    fn read(
        &self,
        cgroups: &Cgroups,
        own: ProcessId,
        replica: &str,
    ) -> Result<(f64, Vec<Sample>), (String, bool)> {
        let Some(Handle::Process(process)) = self.environment.handle(replica) else {
            return Err(match self.environment.is_absent(replica) {
                true => ("it has no process".to_string(), true),
                false => (
                    "its process cannot be seen from here: resources are read of local processes and containers of this \
                     machine"
                        .to_string(),
                    false,
                ),
            });
        };
        let used = usage(cgroups, own, process.id());
        let used = used.map_err(|error| {
            let gone = matches!(error, UsageError::Gone);
            (error.to_string(), gone)
        })?;
        let mut samples = vec![
            sample(MEMORY_USED, SeriesKind::Gauge, used.memory.used),
            sample(MEMORY_LIMIT, SeriesKind::Gauge, used.memory.limit),
            sample(CPU_USED, SeriesKind::Counter, used.cpu_s),
            sample(CPU_LIMIT, SeriesKind::Gauge, used.cpus),
        ];
        let folder = self.disk.clone();
        let folder = folder.or_else(|| self.environment.data_folder(replica));
        if let Some(folder) = folder {
            match disk_use(process.id(), &folder) {
                Ok(disk) => samples.extend([
                    sample(DISK_USED, SeriesKind::Gauge, disk.used),
                    sample(DISK_LIMIT, SeriesKind::Gauge, disk.size),
                ]),
                Err(error) => tracing::debug!("the disk of {replica} cannot be read: {error}"),
            }
        }
        Ok((used.started_s, samples))
    }
}

pub(super) fn sample(name: &str, kind: SeriesKind, value: f64) -> Sample {
    Sample {
        name: name.to_string(),
        labels: Default::default(),
        kind,
        value,
    }
}
