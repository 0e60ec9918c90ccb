//! Watching which of the system's own alerts fire, into the same file as its series.
//!
//! What is kept is `ALERTS`, as Prometheus would expose it: one series for each awaited alert that fires, with its labels. A
//! look without it says that it did not fire.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shakedown_load::secret::Secrets;
use shakedown_record::monotonic_ns;
use shakedown_record::series::{ALERTS, ALERTS_TARGET, Gap, Origin, Sample, SeriesKind};
use shakedown_scenarios::plan::{AlertSource, Plan};
use tokio::task::JoinSet;

use super::series_log::SeriesLog;
use super::together::panics;
use crate::mechanisms::monitoring::{AlertFiring, Monitoring, MonitoringError};

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(1);

/// Asks until it is dropped.
#[derive(Debug)]
pub struct AlertWatch {
    tasks: JoinSet<()>,
    seen: Arc<Mutex<Seen>>,
    awaited: BTreeSet<String>,
    at_most: Duration,
}

/// What the last look showed.
#[derive(Debug, Default)]
struct Seen {
    /// Awaited alerts that have fired at some time.
    ever: BTreeSet<String>,
    /// Those that fire now; `None` when nobody could tell.
    now: Option<BTreeSet<String>>,
}

struct Work {
    monitoring: Monitoring,
    ask: AlertSource,
    awaited: BTreeSet<String>,
    /// That an alert must have to be one of the system.
    labels: BTreeMap<String, String>,
    secrets: Arc<Secrets>,
    log: Arc<SeriesLog>,
    seen: Arc<Mutex<Seen>>,
}

impl AlertWatch {
    /// Begins to watch; `None` when no rule waits for an alert.
    ///
    /// # Errors
    /// When nobody can be asked.
    pub fn begin(
        plan: &Plan,
        secrets: &Arc<Secrets>,
        log: &Arc<SeriesLog>,
    ) -> Result<Option<Self>, MonitoringError> {
        let awaited = plan.alerts_awaited();
        let Some(alerts) = plan.system.alerts.as_ref().filter(|_| !awaited.is_empty()) else {
            return Ok(None);
        };
        let (AlertSource::Alertmanager(base) | AlertSource::Prometheus(base)) = &alerts.ask;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let work = Work {
            monitoring: Monitoring::at(base)?,
            ask: alerts.ask.clone(),
            awaited,
            labels: alerts.labels.clone(),
            secrets: Arc::clone(secrets),
            log: Arc::clone(log),
            seen: Arc::clone(&seen),
        };
        let mut tasks = JoinSet::new();
        let awaited = work.awaited.clone();
        tasks.spawn(work.run());
        Ok(Some(Self {
            tasks,
            seen,
            awaited,
            at_most: Duration::from_nanos(plan.alerts_at_most_ns()),
        }))
    }

    /// Waits until every awaited alert has fired and none does any more, but no longer than any rule allows.
    pub async fn settle(&self) {
        let settled = || {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let quiet = seen.now.as_ref().is_some_and(BTreeSet::is_empty);
            quiet && seen.ever.is_superset(&self.awaited)
        };
        let deadline = tokio::time::Instant::now() + self.at_most + EVERY * 2;
        while !settled() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What its task said if it panicked: a bug.
    pub fn bugs(&mut self) -> Vec<String> {
        panics(&mut self.tasks)
    }
}

impl Work {
    async fn run(self) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.look().await;
        }
    }

    async fn look(&self) {
        let asked_ns = monotonic_ns();
        let told = match self.ask {
            AlertSource::Alertmanager(_) => self.monitoring.firing_by_alertmanager().await,
            AlertSource::Prometheus(_) => self.monitoring.firing_by_prometheus().await,
        };
        let answered_ns = monotonic_ns();
        let now = match told {
            Ok(firing) => Some(self.keep(firing, (asked_ns, answered_ns))),
            Err(error) => {
                self.log.gap(Gap {
                    target: ALERTS_TARGET.to_string(),
                    origin: Origin::Alerts,
                    asked_ns,
                    answered_ns,
                    reason: self.secrets.redact(&error.to_string()),
                    absent: false,
                });
                None
            }
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.ever.extend(now.iter().flatten().cloned());
        seen.now = now;
    }

    fn keep(&self, firing: Vec<AlertFiring>, at_ns: (u64, u64)) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut samples = Vec::new();
        for mut labels in firing {
            let name = labels
                .get("alertname")
                .filter(|name| self.awaited.contains(*name));
            let Some(name) = name.cloned() else { continue };
            let is_ours = |(label, value)| labels.get(label) == Some(value);
            if !self.labels.iter().all(is_ours) {
                continue;
            }
            labels.remove("__name__");
            labels.remove("alertstate");
            samples.push(Sample {
                name: ALERTS.to_string(),
                labels,
                kind: SeriesKind::Gauge,
                value: 1.0,
            });
            names.insert(name);
        }
        let of = (ALERTS_TARGET, Origin::Alerts);
        self.log.look(of, at_ns, None, samples);
        names
    }
}
