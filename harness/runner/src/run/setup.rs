//! Up: guards, lock, journal, environment, load, in this order, so that a refusal leaves nothing behind.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io};

use shakedown_load::secret::Secrets;
use shakedown_load::workers::Workers;
use shakedown_load::{GeneratorConfig, LoadError, RunParts};
use shakedown_record::RunZero;
use shakedown_record::event::{Event, Moment};
use shakedown_record::run_dir::sha256_hex;
use shakedown_scenarios::plan::{EnvironmentPlan, Plan};

use super::driver::Faults;
use super::interrupt::Interrupt;
use super::load::{Load, Source};
use super::market::Market;
use super::request::Progress;
use super::shell::{Run, Tell};
use super::teardown::locked;
use crate::cleanup::CleanedUp;
use crate::drill::{ClusterCopy, Drill, DrillAbout, DrillMark};
use crate::environment::{Environment, StartContext, connect, images};
use crate::error::RunError;
use crate::guard;
use crate::isolation::IsolationWatch;
use crate::journal::{Entry, Journal, JournalError, OpenOrders, RunAbout};
use crate::lock::{Holder, Lock};
use crate::planted::plant;
use crate::probes::state::{look, ready};
use crate::probes::target::PROBE_TIMEOUT;
use crate::probes::{AlertWatch, Scraper, SeriesLog, Target};

/// How long an external system may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(15);

/// Who watches what the system says of itself.
#[derive(Debug, Default)]
pub(super) struct Watching {
    pub scraper: Option<Arc<Scraper>>,
    pub alerts: Option<AlertWatch>,
    pub guests: Option<IsolationWatch>,
}

/// A run whose load has begun.
pub(super) struct Begun {
    pub target: Arc<Target>,
    pub load: Load,
    pub zero: RunZero,
    pub market: Market,
}

impl Run {
    /// Guards, environment, load.
    /// `None` when somebody wants the run to end before its load has begun. What is being started is not abandoned
    /// half-way: it is taken down as a whole.
    pub(super) async fn begin(
        &self,
        interrupt: &mut Interrupt,
        tell: Tell<'_>,
    ) -> Result<Option<Begun>, RunError> {
        for overridden in guard::check(self.plan(), &self.request.guarded, jiff::Timestamp::now())?
        {
            self.events.emit(overridden);
        }
        for fault in &self.request.blunted {
            self.events.emit(Event::FaultBlunted {
                fault: fault.clone(),
            });
        }
        let secrets = Arc::new(Secrets::resolve(&self.plan().system.secrets)?);
        self.events.keep_out(&secrets);
        guard::prove_not_production(&secrets, self.plan()).await?;
        let overridden = self.request.guarded.overridden();
        guard::prove_faults_can_stay(self.plan(), &overridden).await?;
        let journal = self.lock_and_journal().await?;
        tell(Progress::Note(format!(
            "starting {}",
            self.plan().system.name
        )));
        let (environment, digests) = tokio::join!(self.start_environment(&journal), self.digests());
        let environment = environment?;
        let digests = match environment.pods() {
            Some(pods) => pods.images(),
            None => digests,
        };
        if let Some(links) = environment.links() {
            let overhead = links.overhead();
            self.events.emit(Event::LinksMeasured { overhead });
        }
        if interrupt.is_there() {
            return Ok(None);
        }
        let target = Arc::new(Target::new(
            self.labelled(&environment),
            Arc::clone(&secrets),
            environment.replicas().to_vec(),
            environment.entry(),
            self.prefix.clone(),
            environment.book(),
        )?);
        self.events
            .emit(look(&target, Moment::Before, digests).await);
        self.wait_until_ready(&target, interrupt).await?;
        if interrupt.is_there() {
            return Ok(None);
        }
        self.before_orders(&target, &journal, interrupt).await?;
        let market = self.hear(&environment, &secrets).await?;
        let started = self.start_load(&environment, &secrets, interrupt).await?;
        let Some((load, zero)) = started else {
            return Ok(None);
        };
        let publisher = self.publish(&environment, &secrets, zero)?;
        Ok(Some(Begun {
            target,
            load,
            zero,
            market: Market {
                publisher,
                ..market
            },
        }))
    }

    /// What has to be done before the first order of the load.
    async fn before_orders(
        &self,
        target: &Target,
        journal: &Journal,
        interrupt: &Interrupt,
    ) -> Result<(), RunError> {
        self.invite(journal, interrupt).await?;
        self.silence(journal).await?;
        self.orders_may_be_open(target, journal)?;
        plant(target, self.run_dir()).await?;
        Ok(())
    }

    /// The plan, with the labels that its targets carry.
    fn labelled(&self, environment: &Environment) -> Plan {
        let mut plan = self.plan().clone();
        if let Some(docker) = environment.containers() {
            plan.guards.protected.carried = docker.labels().clone();
        }
        if let Some(pods) = environment.pods() {
            plan.guards.protected.carried = pods.labels();
        }
        plan
    }

    async fn lock_and_journal(&self) -> Result<Arc<Journal>, RunError> {
        let state = self.state.clone()?;
        let (system, environment) = (&self.plan().system.name, self.plan().environment.name());
        let holder = Holder {
            run_id: self.request.run_id.clone(),
            pid: std::process::id(),
            user: self.request.operator.clone(),
            since: self.started_at.clone(),
        };
        let lock = Lock::acquire(&state, system, environment, &holder)?;
        *locked(&self.standing.lock) = Some(lock);
        let mark = self.hold_lease().await?;
        let about = RunAbout {
            run_id: self.request.run_id.clone(),
            run_dir: self.run_dir().root().to_path_buf(),
            system: system.clone(),
            environment: environment.to_string(),
            started_at: self.started_at.clone(),
        };
        let journal = Arc::new(Journal::create(&state, about)?);
        let journal = Arc::clone(self.standing.journal.get_or_init(|| journal));
        if let Some(mark) = mark {
            journal.record(&Entry::Drill(mark.clone()))?;
            let copy = ClusterCopy::new(&mark).map_err(|error| {
                JournalError::Copy(format!("there can be no thread for it: {error}"))
            })?;
            journal.keep_copy(Box::new(copy))?;
        }
        Ok(journal)
    }

    /// In a cluster: whoever else wants to run on the system is refused from now on, on whatever machine.
    async fn hold_lease(&self) -> Result<Option<DrillMark>, RunError> {
        let (run_id, operator) = (&self.request.run_id, self.request.operator.as_deref());
        let about = DrillAbout::of(self.plan(), run_id, operator);
        let (Some(about), Some(cluster)) = (about, self.plan().environment.cluster()) else {
            return Ok(None);
        };
        let system = (self.plan().system.name.as_str(), cluster.namespace.as_str());
        let cluster = connect(cluster).await?;
        let drill = Drill::begin(&cluster, &about, system, self.end.clone()).await?;
        let mark = drill.mark().clone();
        *locked(&self.standing.drill) = Some(drill);
        Ok(Some(mark))
    }

    async fn start_environment(
        &self,
        journal: &Arc<Journal>,
    ) -> Result<Arc<Environment>, RunError> {
        let context = StartContext {
            plan: self.plan(),
            run_dir: self.run_dir(),
            exe: self.request.exe.clone(),
            defects: self.request.defects.clone(),
            journal: Arc::clone(journal),
        };
        let environment = Arc::new(Environment::start(&context).await?);
        let standing = self.standing.environment.get_or_init(|| environment);
        Ok(Arc::clone(standing))
    }

    /// What somebody else started may still be starting; what Shakedown started is ready already.
    async fn wait_until_ready(
        &self,
        target: &Target,
        interrupt: &Interrupt,
    ) -> Result<(), RunError> {
        let deadline = Instant::now() + READY_WITHIN;
        for replica in target.engine_replicas() {
            while ready(target, &replica, PROBE_TIMEOUT).await == Some(false) {
                if interrupt.is_there() {
                    return Ok(());
                }
                if Instant::now() >= deadline {
                    return Err(RunError::NotReady {
                        replica: replica.name,
                        within_s: READY_WITHIN.as_secs(),
                    });
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        Ok(())
    }

    fn orders_may_be_open(&self, target: &Target, journal: &Journal) -> Result<(), RunError> {
        let outlives_us = match self.plan().environment {
            EnvironmentPlan::Local { .. } => false,
            EnvironmentPlan::External(_)
            | EnvironmentPlan::Docker(_)
            | EnvironmentPlan::Kubernetes(_) => true,
        };
        if outlives_us {
            journal.record(&Entry::OrdersMayBeOpen(OpenOrders {
                prefix: self.prefix.clone(),
                entry: target.entry.clone(),
            }))?;
            *self.open_flag() = true;
        }
        Ok(())
    }

    /// `None` when somebody wants the run to end before its workers are there.
    async fn start_load(
        &self,
        environment: &Environment,
        secrets: &Arc<Secrets>,
        interrupt: &mut Interrupt,
    ) -> Result<Option<(Load, RunZero)>, RunError> {
        let plan = self.plan();
        let [entry, reports] = environment.gateway(&plan.system.gateway);
        let parts = RunParts {
            entry,
            reports,
            ledger: self.run_dir().ledger(),
            prefix: self.prefix.clone(),
        };
        let source = match plan.load.workers {
            0 | 1 => {
                let config = GeneratorConfig::of(plan, Secrets::clone(secrets), parts);
                begun(move || {
                    let generator = shakedown_load::start(config)?;
                    Ok(Source::Here(Box::new(generator)))
                })
                .await?
            }
            workers => {
                let party = self.party(parts, secrets);
                let links = tokio::select! {
                    links = self.workers(workers) => links?,
                    _ = interrupt.came() => {
                        // No order was sent.
                        self.orders_closed(&CleanedUp {
                            cancelled: 0,
                            orders_open: Some(0),
                            reason: None,
                        });
                        return Ok(None);
                    }
                };
                let gather = move || Workers::gather(party, links).map(Box::new);
                begun(move || gather().map(Source::Spread)).await?
            }
        };
        let zero = RunZero {
            mono_ns: source.zero_mono_ns(),
        };
        let load = Load::new(source);
        self.events.emit(Event::LoadStarted {
            zero_mono_ns: zero.mono_ns,
            sessions: plan.load.sessions,
            threads: plan.load.threads,
        });
        Ok(Some((load, zero)))
    }

    /// Begins to watch the system's own series, resources, alerts and doors, where rules ask for any of them.
    pub(super) fn watching(&self, target: &Arc<Target>) -> Result<Watching, RunError> {
        let plan = self.plan();
        let nothing = plan.series_kept().is_empty() && !plan.watches_resources();
        let guests = self.standing.guests.get();
        if nothing && plan.alerts_awaited().is_empty() && guests.is_none() {
            return Ok(Watching::default());
        }
        let path = self.run_dir().series();
        let log = SeriesLog::create(&path, target.client.secrets());
        let log = log.map_err(|source| RunError::Write {
            what: path.display().to_string(),
            source,
        })?;
        let environment = self.standing.environment.get();
        let environment = environment.expect("the environment is started before the load");
        let log = Arc::new(log);
        Ok(Watching {
            scraper: Scraper::begin(target, environment, &log).map(Arc::new),
            alerts: AlertWatch::begin(plan, target.client.secrets(), &log)?,
            guests: guests.map(|party| IsolationWatch::begin(party, &log)),
        })
    }

    /// The driver's side of the faults; it stays reachable when the loop dies.
    pub(super) fn faults(
        &self,
        target: &Arc<Target>,
        zero: RunZero,
        scraper: Option<Arc<Scraper>>,
    ) -> Arc<Faults> {
        let standing = &self.standing;
        let (journal, environment) = (standing.journal.get(), standing.environment.get());
        let journal = journal.expect("the journal is begun before the load");
        let environment = environment.expect("the environment is started before the load");
        let faults = Faults::new(target, environment, journal, &self.events, zero)
            .overruling(self.request.guarded.overridden())
            .blunting(self.request.blunted.clone())
            .scraping(scraper);
        Arc::clone(standing.faults.get_or_init(|| Arc::new(faults)))
    }

    /// Containers have the ids of their images. What runs in a local environment is the Shakedown binary itself: its digest is taken again only when the file
    /// is another one than before.
    pub(super) async fn digests(&self) -> Vec<String> {
        match &self.plan().environment {
            EnvironmentPlan::External(_) => Vec::new(),
            EnvironmentPlan::Kubernetes(_) => {
                let environment = self.standing.environment.get();
                let pods = environment.and_then(|environment| environment.pods());
                pods.map_or_else(Vec::new, |pods| pods.images())
            }
            EnvironmentPlan::Docker(docker) => {
                let images = images(&self.plan().system, docker).await;
                images.unwrap_or_else(|error| {
                    tracing::warn!("the images are not known: {error}");
                    Vec::new()
                })
            }
            EnvironmentPlan::Local { .. } => {
                let (exe, known) = (self.request.exe.clone(), Arc::clone(&self.digest));
                let digest = tokio::task::spawn_blocking(move || digest_of(&exe, &known)).await;
                let digest = digest.ok().and_then(Result::ok);
                digest
                    .map(|digest| format!("sha256:{digest}"))
                    .into_iter()
                    .collect()
            }
        }
    }
}

/// A load that begins, on a thread that may wait.
async fn begun(
    begin: impl FnOnce() -> Result<Source, LoadError> + Send + 'static,
) -> Result<Source, RunError> {
    match tokio::task::spawn_blocking(begin).await {
        Ok(started) => Ok(started?),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// A file as it was when its digest was taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Digested {
    /// Device, inode, length, and time of the last change in seconds and nanoseconds.
    file: (u64, u64, u64, i64, i64),
    sha256: String,
}

fn digest_of(exe: &Path, known: &Mutex<Option<Digested>>) -> io::Result<String> {
    let found = fs::metadata(exe)?;
    let file = (
        found.dev(),
        found.ino(),
        found.len(),
        found.mtime(),
        found.mtime_nsec(),
    );
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    match &*known {
        Some(digested) if digested.file == file => Ok(digested.sha256.clone()),
        Some(_) | None => {
            let sha256 = sha256_hex(exe)?;
            *known = Some(Digested {
                file,
                sha256: sha256.clone(),
            });
            Ok(sha256)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_binary_under_the_same_name_has_another_digest() {
        let folder = tempfile::tempdir().unwrap();
        let exe = folder.path().join("exe");
        let known = Mutex::new(None);
        fs::write(&exe, "one").unwrap();
        let one = digest_of(&exe, &known).unwrap();
        assert_eq!(digest_of(&exe, &known).unwrap(), one);
        fs::write(&exe, "three").unwrap();
        assert_ne!(digest_of(&exe, &known).unwrap(), one);
        fs::remove_file(&exe).unwrap();
        assert!(digest_of(&exe, &known).is_err());
    }
}
