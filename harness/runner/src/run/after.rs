//! After the load: wait until all is there again, send again, put the sentinel behind everything, read every copy,
//! cancel what is open.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shakedown_record::RunZero;
use shakedown_record::event::Event;
use shakedown_record::readback::ReadKind;
use shakedown_record::run_dir::RunDir;
use shakedown_scenarios::plan::EnvironmentPlan;

use super::events::EventLog;
use super::redundancy::{Redundancy, caught_up};
use super::request::Progress;
use crate::cleanup::{CleanedUp, clean_up};
use crate::error::RunError;
use crate::probes::Target;
use crate::readback::{CopyRead, OrderIds, Ours, Reading, read_copies};
use crate::retry::retry;
use crate::sentinel::{self, Sentinels};

/// How long the replicas may take to be all there again, after the load.
const REDUNDANT_WITHIN: Duration = Duration::from_secs(20);

/// How long the copies may take to catch up with the sentinel.
const CONVERGE_WITHIN: Duration = Duration::from_secs(20);

/// What the steps after the load work on.
#[derive(Debug)]
pub struct After<'a> {
    pub target: &'a Arc<Target>,
    pub events: &'a EventLog,
    pub run_dir: &'a RunDir,
    pub zero: RunZero,
}

impl After<'_> {
    /// All steps of a run that ended by itself.
    ///
    /// # Errors
    /// When the ledger cannot be read or the retries cannot be written.
    pub async fn all(
        &self,
        redundancy: &Redundancy,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<CleanedUp, RunError> {
        let mut note = |text: &str| progress(Progress::Note(text.to_string()));
        note("load stopped; waiting for all replicas");
        if let Err(why) = self.wait_for_redundancy(redundancy).await {
            note(&format!("the replicas are not all there again: {why}"));
        }
        if let Some(event) = retry(self.target, self.run_dir, self.zero).await? {
            self.events.emit(event);
        }
        let sentinels = sentinel::send(self.target, self.events).await;
        if let Some(missing) = &sentinels.missing {
            note(missing);
        }
        let ours = Arc::new(Ours::open(self.target, self.run_dir, sentinels)?);
        let wanted = self.target.plan.reads.contains(&ReadKind::Converged);
        let reads = if wanted {
            note("reading every copy back");
            self.read_back(&ours).await
        } else {
            Vec::new()
        };
        note("cancelling what is open of ours");
        let cleaned = clean_up(self.target, &ours, open_orders(&reads)).await;
        let cleaned = left_after(&self.target.plan.environment, cleaned);
        self.events.emit(cleaned.clone().into());
        Ok(cleaned)
    }

    /// What is left to do for a run that was interrupted: cancel what may be open.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn clean_up_only(&self) -> Result<CleanedUp, RunError> {
        let cleaned = match self.target.plan.environment {
            EnvironmentPlan::Local { .. } => CleanedUp {
                cancelled: 0,
                orders_open: Some(0),
                reason: Some("the local environment ends with its orders".to_string()),
            },
            EnvironmentPlan::External(_)
            | EnvironmentPlan::Docker(_)
            | EnvironmentPlan::Kubernetes(_) => {
                let none = Sentinels::none("the run was interrupted");
                let ours = Arc::new(Ours::open(self.target, self.run_dir, none)?);
                clean_up(self.target, &ours, None).await
            }
        };
        self.events.emit(cleaned.clone().into());
        Ok(cleaned)
    }

    async fn wait_for_redundancy(&self, redundancy: &Redundancy) -> Result<(), String> {
        let deadline = Instant::now() + REDUNDANT_WITHIN;
        loop {
            let now = caught_up(self.target).await;
            if now.is_ok() && redundancy.is_restored() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn read_back(&self, ours: &Arc<Ours>) -> Vec<CopyRead> {
        let reading = Arc::new(Reading {
            target: Arc::clone(self.target),
            ours: Arc::clone(ours),
            run_dir: self.run_dir.clone(),
            kind: ReadKind::Converged,
            converge_within: CONVERGE_WITHIN,
        });
        let reads = read_copies(&reading).await;
        for read in &reads {
            self.events.emit(Event::ReadBack(read.done.clone()));
        }
        reads
    }
}

/// What will be left once the environment is down: a local one ends with its orders, also with those that cannot be
/// cancelled (an engine that made two orders of one cancels only one of them).
fn left_after(environment: &EnvironmentPlan, cleaned: CleanedUp) -> CleanedUp {
    match (environment, cleaned.orders_open) {
        (
            EnvironmentPlan::External(_)
            | EnvironmentPlan::Docker(_)
            | EnvironmentPlan::Kubernetes(_),
            _,
        )
        | (EnvironmentPlan::Local { .. }, Some(0)) => cleaned,
        (EnvironmentPlan::Local { .. }, open) => {
            let count = open.map_or("orders".to_string(), |open| format!("{open} open orders"));
            let why = cleaned.reason.unwrap_or_default();
            CleanedUp {
                orders_open: Some(0),
                reason: Some(format!(
                    "{count} could not be cancelled and end with the local environment; {why}"
                )),
                ..cleaned
            }
        }
    }
}

/// Orders that any copy showed as open; `None` when no copy could tell.
fn open_orders(reads: &[CopyRead]) -> Option<BTreeSet<OrderIds>> {
    let told: Vec<&Vec<OrderIds>> = reads.iter().filter_map(|read| read.open.as_ref()).collect();
    let complete = reads.iter().any(|read| read.done.complete);
    (complete && !told.is_empty()).then(|| told.into_iter().flatten().cloned().collect())
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::LocalStandIn;

    use super::*;

    fn cleaned(orders_open: Option<u64>) -> CleanedUp {
        CleanedUp {
            cancelled: 5,
            orders_open,
            reason: Some("x-7 cannot be cancelled".to_string()),
        }
    }

    #[test]
    fn orders_end_with_a_local_environment_and_stay_in_an_external_one() {
        let local = EnvironmentPlan::Local {
            stand_in: LocalStandIn::Engine {
                part: "engine".to_string(),
            },
        };
        let left = left_after(&local, cleaned(Some(61)));
        assert_eq!((left.orders_open, left.cancelled), (Some(0), 5));
        let reason = left.reason.unwrap();
        assert!(
            reason.contains("61 open orders") && reason.contains("x-7"),
            "{reason}"
        );
        assert_eq!(left_after(&local, cleaned(None)).orders_open, Some(0));

        let bases = ["http://127.0.0.1:9".to_string()];
        let external = crate::testing::plan(&bases).environment;
        assert_eq!(left_after(&external, cleaned(Some(61))), cleaned(Some(61)));
        assert_eq!(left_after(&external, cleaned(None)), cleaned(None));
    }
}
