//! What all workers leave behind, as one report over one ledger.

use std::fs;
use std::path::{Path, PathBuf};

use shakedown_record::event::GeneratorReport;
use shakedown_record::histogram::LatencyHistogram;
use shakedown_record::ledger::LedgerWriter;
use shakedown_record::monotonic_ns;
use shakedown_record::worker::WorkerReport;

use super::coordinator::Party;
use super::message::Ended;
use super::peer::{Peer, Standing};
use super::shard::{ShardError, assume_sent, count, salvage};
use super::take::Taking;
use crate::config::Share;
use crate::error::LoadError;
use crate::generator::Finished;

/// What a worker had, and where it may have left something.
#[derive(Debug)]
pub(super) struct Bequest {
    pub share: Share,
    pub place: String,
    pub shard: PathBuf,
}

/// Sums over the workers.
#[derive(Debug)]
pub(super) struct Totals {
    report: GeneratorReport,
    send_lag: LatencyHistogram,
    session_wait: LatencyHistogram,
    /// When all were to end; `u64::MAX`: nobody said.
    stop_ns: u64,
    end_ns: Option<u64>,
    slots_end: u64,
    workers: usize,
}

impl Totals {
    /// No worker yet, of so many.
    pub(super) fn new(stop_ns: u64, workers: usize) -> Totals {
        Totals {
            workers,
            report: GeneratorReport::default(),
            send_lag: LatencyHistogram::default(),
            session_wait: LatencyHistogram::default(),
            stop_ns,
            end_ns: None,
            slots_end: 0,
        }
    }

    /// Adds a worker, and what can be found of it where it died.
    ///
    /// # Errors
    /// When what it sent cannot be what it wrote, or its own ledger cannot be taken.
    pub(super) fn add(
        &mut self,
        peer: &Peer,
        taking: Taking,
        party: &Party,
        bequest: &Bequest,
        zero_mono_ns: u64,
    ) -> Result<(), LoadError> {
        let (share, sessions) = (bequest.share, party.load.sessions);
        let number = share.worker + 1;
        let workers = self.workers;
        let refused = |what: String| LoadError::Shard {
            worker: number as usize,
            workers,
            what,
        };
        let (numbers, next) = (taking.numbers.clone(), taking.next());
        drop(taking);
        let lost = match peer.standing() {
            Standing::Broken(what) => return Err(refused(what)),
            Standing::Ended(ended) => {
                self.add_ended(number, &ended);
                None
            }
            Standing::Lost(why) => Some(why),
            Standing::Coming | Standing::Ready => Some("it said no last word".to_string()),
        };
        let mut unknown = 0;
        if lost.is_some() {
            let ours = (share, sessions);
            match peer.rescue() {
                Ok(()) => take_shard(&bequest.shard, &party.ledger, ours, &numbers)
                    .map_err(|error| refused(error.to_string()))?,
                Err(why) => {
                    tracing::warn!("what worker {number} sent last is not known: {why}");
                    // It heard of no end.
                    let until_ns = monotonic_ns().saturating_sub(zero_mono_ns);
                    let (count, last_ns) = assume_sent(party, share, next, until_ns)
                        .map_err(|error| refused(error.to_string()))?;
                    unknown = count;
                    self.end_ns = self.end_ns.max(last_ns.map(|last_ns| last_ns + 1));
                }
            }
        }
        let counted = count(&party.ledger, share, sessions);
        let (outcomes, slots_end) = counted.map_err(|error| refused(error.to_string()))?;
        self.slots_end = self.slots_end.max(slots_end);
        self.report.scheduled += outcomes.total();
        self.report.outcomes.merge(&outcomes);
        let clock = peer.clock_bound();
        self.report.workers.push(WorkerReport {
            worker: number,
            place: bequest.place.clone(),
            scheduled: outcomes.total(),
            outcomes,
            unknown,
            clock_offset_ns: clock.map_or(0, |clock| clock.offset_ns),
            clock_error_ns: clock.map_or(0, |clock| clock.error_ns),
            lost,
        });
        remove(&bequest.shard);
        Ok(())
    }

    fn add_ended(&mut self, number: u32, ended: &Ended) {
        self.send_lag
            .merge(&LatencyHistogram::of_counts(&ended.send_lag));
        self.session_wait
            .merge(&LatencyHistogram::of_counts(&ended.session_wait));
        self.end_ns = self.end_ns.max(Some(ended.end_ns));
        let report = &mut self.report;
        report.steal_fraction = report.steal_fraction.max(ended.steal_fraction);
        report.throttled_ns = report.throttled_ns.max(ended.throttled_ns);
        let why = ended.why.iter();
        report
            .why
            .extend(why.map(|cause| format!("worker {number}: {cause}")));
        if ended.end_ns > self.stop_ns {
            report.why.push(format!(
                "worker {number} heard {:.0} ms too late that the load ends",
                (ended.end_ns - self.stop_ns) as f64 / 1e6
            ));
        }
    }

    /// One ledger and one report. `now_ns`: the run time, for a load that nobody has ended.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub(super) fn close(
        mut self,
        ledger: &Path,
        names: &[String],
        now_ns: u64,
    ) -> Result<Finished, LoadError> {
        let failed = |source| LoadError::Ledger {
            path: ledger.to_path_buf(),
            source,
        };
        LedgerWriter::finish(ledger, self.slots_end).map_err(failed)?;
        let names = serde_json::to_vec(names).map_err(|error| failed(error.into()))?;
        fs::write(ledger.join("served-by.json"), names).map_err(failed)?;
        self.report.send_lag_p99_ns = self.send_lag.quantile_ns(0.99);
        self.report.session_wait_p99_ns = self.session_wait.quantile_ns(0.99);
        self.report.saturated = !self.report.why.is_empty();
        Ok(Finished {
            // Workers say it in their own logs.
            unwelcome: None,
            end_ns: self.end_ns.unwrap_or(now_ns.min(self.stop_ns)),
            digest: None,
            scheduled: self.report.scheduled,
            report: self.report,
        })
    }
}

/// Removes a shard that was taken; the last one goes with the folder in which they lay.
fn remove(shard: &Path) {
    if !shard.exists() {
        return;
    }
    if let Err(error) = fs::remove_dir_all(shard) {
        tracing::warn!("{} is left behind: {error}", shard.display());
    } else if let Some(folder) = shard.parent()
        && fs::remove_dir(folder).is_ok()
    {
        tracing::debug!("{} is merged", folder.display());
    }
}

/// Entries and ids that a dead worker had not sent. One that died before it began has none.
fn take_shard(
    shard: &Path,
    ledger: &Path,
    ours: (Share, u32),
    numbers: &[u8],
) -> Result<(), ShardError> {
    if shard.exists() {
        salvage(shard, ledger, ours, numbers)?;
        salvage_ids(shard, ledger)?;
    }
    Ok(())
}

/// Lines of ids that a dead worker had not sent: its files are what it sent and more.
fn salvage_ids(shard: &Path, ledger: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(shard)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("server-ids-") {
            fs::copy(entry.path(), ledger.join(name))?;
        }
    }
    Ok(())
}
