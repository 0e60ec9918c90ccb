//! After the load: wait until all is there again, send again, put the sentinel behind everything, read every copy,
//! stop all and read again where the plan asks for it, cancel what is open.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shakedown_load::KeptSessions;
use shakedown_record::RunZero;
use shakedown_record::event::{Event, ReadBackDone};
use shakedown_record::readback::ReadKind;
use shakedown_record::run_dir::RunDir;
use shakedown_scenarios::plan::EnvironmentPlan;

use super::events::EventLog;
use super::outage::Outage;
use super::redundancy::{Redundancy, caught_up};
use super::request::Progress;
use crate::cleanup::{CleanedUp, clean_up};
use crate::environment::Environment;
use crate::error::RunError;
use crate::journal::Journal;
use crate::planted::harvest;
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
    pub environment: &'a Environment,
    pub journal: &'a Journal,
    /// Sessions that are still connected.
    pub kept: &'a KeptSessions,
}

/// What the reads came to.
struct Read {
    /// With every sentinel that was sent.
    ours: Arc<Ours>,
    /// The last read of every copy.
    copies: Vec<CopyRead>,
    /// Why the replicas are not up any more; `None`: they are.
    down: Option<String>,
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
        if let Err(why) = self.wait_for_redundancy(Some(redundancy)).await {
            note(&format!("the replicas are not all there again: {why}"));
        }
        if let Some(event) = retry(self.target, self.run_dir, self.zero).await? {
            self.events.emit(event);
        }
        self.wait_for_contract(&mut note).await;
        harvest(self.target, self.run_dir).await?;
        let read = self.read_all(&mut note).await?;
        if let Some(why) = &read.down {
            note(&format!("not all replicas are up again: {why}"));
            return self.clean_up_only().await;
        }
        note("cancelling what is open of ours");
        let cleaned = clean_up(self.target, &read.ours, open_orders(&read.copies)).await;
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

    /// Orders of connections that have ended have so long to end themselves.
    async fn wait_for_contract(&self, note: &mut (impl FnMut(&str) + Send)) {
        let contract = self.target.plan.system.cancel_on_disconnect;
        let Some(within_ns) = contract.and_then(|contract| contract.within_ns) else {
            return;
        };
        note("waiting until orders of lost connections must have ended");
        tokio::time::sleep(Duration::from_nanos(within_ns)).await;
    }

    /// Every read that the plan asks for, one after the other.
    async fn read_all(&self, note: &mut (impl FnMut(&str) + Send)) -> Result<Read, RunError> {
        let none = Sentinels::default();
        let mut read = self
            .read_behind_sentinel(ReadKind::Converged, none, note)
            .await?;
        if let Err(error) = self.kept.look() {
            note(&format!(
                "what became of the sessions is not known: {error}"
            ));
        }
        let reads = &self.target.plan.reads;
        for kind in reads.iter().filter(|kind| kind.is_after_outage()) {
            note(match kind {
                ReadKind::PowerCut => "cutting all replicas from power at once, and starting them",
                _ => "killing all replicas at once, and starting them",
            });
            read.down = match read.down {
                None => self.outage(*kind).strike().await.err(),
                down => down,
            };
            if let Some(why) = &read.down {
                self.not_read(*kind, why);
                continue;
            }
            if let Err(why) = self.wait_for_redundancy(None).await {
                note(&format!("the replicas have not all caught up: {why}"));
            }
            let before = read.ours.sentinels.clone();
            read = self.read_behind_sentinel(*kind, before, note).await?;
        }
        Ok(read)
    }

    async fn read_behind_sentinel(
        &self,
        kind: ReadKind,
        before: Sentinels,
        note: &mut (impl FnMut(&str) + Send),
    ) -> Result<Read, RunError> {
        let sentinels = sentinel::send(self.target, self.events, kind, before).await;
        if let Some(missing) = &sentinels.missing {
            note(missing);
        }
        let ours = Arc::new(Ours::open(self.target, self.run_dir, sentinels)?);
        let copies = if self.target.plan.reads.contains(&kind) {
            note(&format!("reading every copy back {}", kind.moment()));
            self.read_back(&ours, kind).await
        } else {
            Vec::new()
        };
        Ok(Read {
            ours,
            copies,
            down: None,
        })
    }

    fn outage(&self, read: ReadKind) -> Outage<'_> {
        Outage {
            read,
            environment: self.environment,
            journal: self.journal,
            events: self.events,
        }
    }

    /// Puts on record that a read could not be made, and why.
    fn not_read(&self, read: ReadKind, why: &str) {
        for replica in self.target.holders() {
            self.events.emit(Event::ReadBack(ReadBackDone {
                read,
                replica: replica.name,
                complete: false,
                rows: 0,
                watermark: None,
                reason: Some(why.to_string()),
                by_id: false,
                foreign: None,
                trades: None,
                depth: None,
                during: None,
            }));
        }
    }

    /// Without a redundancy to be restored, it is enough that the replicas are there and level.
    async fn wait_for_redundancy(&self, redundancy: Option<&Redundancy>) -> Result<(), String> {
        let deadline = Instant::now() + REDUNDANT_WITHIN;
        loop {
            let now = caught_up(self.target).await;
            if now.is_ok() && redundancy.is_none_or(Redundancy::is_restored) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn read_back(&self, ours: &Arc<Ours>, kind: ReadKind) -> Vec<CopyRead> {
        let reading = Arc::new(Reading {
            target: Arc::clone(self.target),
            ours: Arc::clone(ours),
            run_dir: self.run_dir.clone(),
            kind,
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
