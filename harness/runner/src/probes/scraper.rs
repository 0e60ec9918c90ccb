//! Scraping the system's own series on a schedule, while the load runs.
//!
//! Each replica has a task of its own, one request at a time, bounded in time and size: one that hangs delays nobody. It
//! shares nothing with the load, which has threads of its own. Only series that somebody asks for are kept
//! ([`shakedown_scenarios::plan::Plan::series_kept`]); a text in which a line is malformed is refused as a whole, as
//! Prometheus does, and what could not be read is a gap with its reason.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shakedown_record::monotonic_ns;
use shakedown_record::series::{Gap, NativeSample, Origin, Sample};
use shakedown_scenarios::plan::{EnvironmentPlan, PROCESS_START, SCRAPE_EVERY_NS};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::exposition::{Dialect, Exposition, is_protobuf, parse, parse_protobuf};
use super::machine::Machine;
use super::pod_usage::PodUsage;
use super::series_log::SeriesLog;
use super::target::Target;
use super::together::panic_of;
use crate::environment::{Environment, Replica};

/// Largest text that is read of one replica, in bytes.
const LARGEST_TEXT_BYTES: usize = 16 << 20;

/// What is asked for where a rule may need a native histogram: they only exist in the protobuf exposition. A server that does not
/// know it answers with text.
const PROTOBUF_FIRST: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited, \
                              text/plain;version=0.0.4;q=0.5, */*;q=0.1";

/// Most values that are kept of one look.
const MOST_VALUES: usize = 5_000;

/// Longest time that one scrape may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The part of the ceiling on queries that scraping may use.
const SHARE_OF_CEILING: f64 = 0.25;

/// What a task is told: to look now and say so, or, when the channel closes, to look for a last time and end.
pub(super) type Asked = oneshot::Sender<()>;

/// Looks at every replica that takes orders, at its series and at what it uses of its machine, until it is ended.
#[derive(Debug)]
pub struct Scraper {
    tasks: tokio::sync::Mutex<JoinSet<()>>,
    /// One for each task; a task ends when its own is gone.
    asks: Mutex<Vec<mpsc::Sender<Asked>>>,
    log: Arc<SeriesLog>,
}

/// What one task needs.
struct Work {
    target: Arc<Target>,
    environment: Arc<Environment>,
    log: Arc<SeriesLog>,
    replica: Replica,
    kept: Arc<BTreeSet<String>>,
    every: Duration,
    accept: Option<&'static str>,
}

/// What is kept of one answer.
#[derive(Debug, Default, PartialEq)]
struct Kept {
    /// When the process began.
    started_s: Option<f64>,
    samples: Vec<Sample>,
    natives: Vec<NativeSample>,
}

impl Scraper {
    /// Begins to look; `None` when nothing is to be looked at.
    pub fn begin(
        target: &Arc<Target>,
        environment: &Arc<Environment>,
        log: &Arc<SeriesLog>,
    ) -> Option<Self> {
        let kept = Arc::new(target.plan.series_kept());
        let (mut tasks, mut asks) = (JoinSet::new(), Vec::new());
        let scraped = match kept.is_empty() {
            true => Vec::new(),
            false => target.engine_replicas(),
        };
        let every = interval(target);
        let accept = target.plan.asks_for_quantiles().then_some(PROTOBUF_FIRST);
        if target.plan.watches_resources() {
            asks.push(watch_resources(&mut tasks, target, environment, log));
        }
        for replica in scraped {
            let (ask, asked) = mpsc::channel(8);
            let work = Work {
                target: Arc::clone(target),
                environment: Arc::clone(environment),
                log: Arc::clone(log),
                replica,
                kept: Arc::clone(&kept),
                every,
                accept,
            };
            tasks.spawn(work.run(asked));
            asks.push(ask);
        }
        (!asks.is_empty()).then(|| Self {
            tasks: tokio::sync::Mutex::new(tasks),
            asks: Mutex::new(asks),
            log: Arc::clone(log),
        })
    }

    /// Looks at every replica now, beside the schedule: a phase begins or ends. Returns when all were looked at, or none can
    /// be within the time of a scrape.
    pub async fn look_now(&self) {
        let mut answers = Vec::new();
        for ask in self.asks().iter() {
            let (tell, told) = oneshot::channel();
            if ask.try_send(tell).is_ok() {
                answers.push(told);
            }
        }
        let all = async {
            for answer in answers {
                let _ended_without_looking = answer.await;
            }
        };
        let _late = tokio::time::timeout(TIMEOUT * 2, all).await;
    }

    /// Takes a last look at every replica and ends; what its tasks said if they panicked: bugs.
    pub async fn end(&self) -> Vec<String> {
        self.asks().clear();
        let mut tasks = self.tasks.lock().await;
        let mut bugs = Vec::new();
        let last = async {
            while let Some(ended) = tasks.join_next().await {
                if let Err(error) = ended {
                    bugs.extend(panic_of(error));
                }
            }
        };
        let late = tokio::time::timeout(TIMEOUT * 3, last).await.is_err();
        if late {
            tracing::warn!("the last scrape was not read in time");
        }
        tasks.abort_all();
        self.log.sync();
        bugs
    }

    fn asks(&self) -> MutexGuard<'_, Vec<mpsc::Sender<Asked>>> {
        self.asks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    async fn run(self, mut asked: mpsc::Receiver<Asked>) {
        let mut ticks = interval_at(Instant::now(), self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.look().await,
                ask = asked.recv() => {
                    self.look().await;
                    let Some(tell) = ask else { return };
                    let _nobody_waits = tell.send(());
                }
            }
        }
    }

    async fn look(&self) {
        let asked_ns = monotonic_ns();
        let scraped = self.scrape().await;
        let answered_ns = monotonic_ns();
        let name = &self.replica.name;
        match scraped {
            Ok(kept) => self.log.look_with(
                (name, Origin::Scrape),
                (asked_ns, answered_ns),
                kept.started_s,
                (kept.samples, kept.natives),
            ),
            Err(reason) => self.log.gap(Gap {
                target: name.clone(),
                origin: Origin::Scrape,
                asked_ns,
                answered_ns,
                reason,
                absent: self.environment.is_absent(name),
            }),
        }
    }

    async fn scrape(&self) -> Result<Kept, String> {
        let metrics = self.target.plan.system.metrics.as_ref();
        let metrics = metrics.ok_or("the profile has no metrics")?;
        let url = self.target.control_base(&self.replica, metrics.port) + &metrics.path;
        let within = TIMEOUT.min(self.every);
        let client = &self.target.client;
        let reply = client.get_as(&url, self.accept, within, LARGEST_TEXT_BYTES);
        let reply = reply.await.map_err(|error| error.to_string())?;
        if !reply.is_success() {
            return Err(client.excerpt(&reply));
        }
        let kind = reply.header("content-type");
        told_of(kind, &reply.body)
            .and_then(|told| kept_of(told, &self.kept))
            .map_err(|why| client.clean(&why))
    }
}

/// Begins to look at what the replicas use of their machines, or at what their platform says of it.
fn watch_resources(
    tasks: &mut JoinSet<()>,
    target: &Arc<Target>,
    environment: &Arc<Environment>,
    log: &Arc<SeriesLog>,
) -> mpsc::Sender<Asked> {
    let (ask, asked) = mpsc::channel(8);
    let replicas = target.engine_replicas().into_iter();
    let replicas = replicas.map(|replica| replica.name).collect();
    let (environment, log) = (Arc::clone(environment), Arc::clone(log));
    match &target.plan.environment {
        EnvironmentPlan::Kubernetes(_) => {
            let pods = PodUsage {
                environment,
                log,
                replicas,
            };
            tasks.spawn(pods.run(asked));
        }
        EnvironmentPlan::Local { .. }
        | EnvironmentPlan::Docker(_)
        | EnvironmentPlan::External(_) => {
            let disk = target.plan.system.resources.as_ref();
            let machine = Machine {
                environment,
                log,
                replicas,
                disk: disk.map(|resources| PathBuf::from(&resources.disk)),
            };
            tasks.spawn(machine.run(asked));
        }
    }
    ask
}

/// An answer, taken apart.
fn told_of(kind: Option<&str>, body: &[u8]) -> Result<Exposition, String> {
    if is_protobuf(kind) {
        return parse_protobuf(body)
            .map_err(|fault| format!("its protobuf cannot be read: {fault}"));
    }
    let text = std::str::from_utf8(body);
    let text = text.map_err(|error| format!("the text is no UTF-8: {error}"))?;
    Ok(parse(text, Dialect::of(kind)))
}

/// What of an answer is kept: when the process began, and the series with these names. A native histogram has the name of
/// its buckets without that of a bucket.
fn kept_of(told: Exposition, kept: &BTreeSet<String>) -> Result<Kept, String> {
    if let Some(bad) = told.malformed.first() {
        return Err(format!(
            "{} of its lines cannot be read, first {bad}",
            told.malformed.len()
        ));
    }
    let (mut started_s, mut samples) = (None, Vec::new());
    for exposed in told.samples {
        if exposed.name == PROCESS_START {
            started_s = Some(exposed.value).filter(|at_s| at_s.is_finite());
        } else if kept.contains(&exposed.name) {
            samples.push(Sample {
                name: exposed.name,
                labels: exposed.labels,
                kind: exposed.kind,
                value: exposed.value,
            });
        }
    }
    let mut natives = told.natives;
    natives.retain(|native| kept.contains(&format!("{}_bucket", native.name)));
    let buckets = natives.iter().map(|native| &native.histogram);
    let buckets = buckets.map(|own| own.positive.len() + own.negative.len());
    let values = samples.len() + buckets.sum::<usize>();
    match values > MOST_VALUES {
        true => Err(format!(
            "{values} series and buckets have the names that are asked for, and {MOST_VALUES} are kept at most: choose by \
             labels that the system exposes in a series of its own"
        )),
        false => Ok(Kept {
            started_s,
            samples,
            natives,
        }),
    }
}

/// Time between two scrapes of one replica: as the profile says, but never beyond its share of the ceiling on queries.
fn interval(target: &Target) -> Duration {
    let system = &target.plan.system;
    let every = system.metrics.as_ref();
    let every = every.map_or(SCRAPE_EVERY_NS, |metrics| metrics.scrape_every_ns());
    let every = Duration::from_nanos(every);
    let replicas = target.engine_replicas().len() as f64;
    match system.ceilings.queries_per_s {
        Some(ceiling) if ceiling > 0.0 => every.max(Duration::from_secs_f64(
            replicas / (ceiling * SHARE_OF_CEILING),
        )),
        Some(_) | None => every,
    }
}

#[cfg(test)]
mod tests;
