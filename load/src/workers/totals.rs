//! What all workers leave behind, as one report over one ledger.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use shakedown_record::event::GeneratorReport;
use shakedown_record::histogram::LatencyHistogram;
use shakedown_record::ledger::{LedgerWriter, Terms};
use shakedown_record::monotonic_ns;
use shakedown_record::worker::WorkerReport;

use super::coordinator::Party;
use super::message::Ended;
use super::names;
use super::peer::{Peer, Standing};
use super::remains::{remove, take_shard};
use super::shard::{ShardError, assume_sent, count};
use super::take::Taking;
use crate::config::Share;
use crate::engine::KeptSessions;
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
    terms: Terms,
    /// When all were to end; `u64::MAX`: nobody said.
    stop_ns: u64,
    end_ns: Option<u64>,
    /// Until when one that was lost, and heard of no end, has gone on.
    lost_until_ns: u64,
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
            terms: Terms::default(),
            stop_ns,
            end_ns: None,
            lost_until_ns: 0,
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
        let unknown = match &lost {
            None => 0,
            Some(_) => {
                let left = left_by(
                    peer,
                    party,
                    bequest,
                    (numbers.as_slice(), next),
                    zero_mono_ns,
                );
                left.map_err(|error| refused(error.to_string()))?
            }
        };
        let counted = count(&party.ledger, share, sessions);
        let counted = counted.map_err(|error| refused(error.to_string()))?;
        let outcomes = counted.outcomes;
        self.slots_end = self.slots_end.max(counted.slots_end);
        if lost.is_some() {
            self.lost_until_ns = self.lost_until_ns.max(counted.until_ns);
        }
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
        self.terms.merge(&ended.terms);
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
        self.terms.write(ledger).map_err(failed)?;
        names::keep(ledger, names).map_err(failed)?;
        self.report.send_lag_p99_ns = self.send_lag.quantile_ns(0.99);
        self.report.session_wait_p99_ns = self.session_wait.quantile_ns(0.99);
        self.report.saturated = !self.report.why.is_empty();
        let end_ns = self.end_ns.unwrap_or(now_ns.min(self.stop_ns));
        Ok(Finished {
            // Workers say it in their own logs.
            unwelcome: None,
            statuses: BTreeMap::new(),
            terms: self.terms,
            kept: KeptSessions::default(),
            end_ns: end_ns.max(self.lost_until_ns),
            digest: None,
            scheduled: self.report.scheduled,
            report: self.report,
        })
    }
}

/// Takes what a lost worker had not sent. Of how many slots nobody knows: none, where its own ledger was found. `next`: the
/// first slot that may not have come.
fn left_by(
    peer: &Peer,
    party: &Party,
    bequest: &Bequest,
    (numbers, next): (&[u8], u64),
    zero_mono_ns: u64,
) -> Result<u64, ShardError> {
    let (share, number) = (bequest.share, bequest.share.worker + 1);
    match peer.rescue() {
        Ok(()) => {
            let ours = (share, party.load.sessions);
            let taken = take_shard(&bequest.shard, &party.ledger, ours, numbers)?;
            tracing::debug!("{taken} entries of worker {number} had not arrived");
            Ok(0)
        }
        Err(why) => {
            tracing::warn!("what worker {number} sent last is not known: {why}");
            // It heard of no end.
            let until_ns = monotonic_ns().saturating_sub(zero_mono_ns);
            assume_sent(party, share, next, until_ns)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_ends_after_the_last_order_of_one_who_heard_of_no_end() {
        let folder = tempfile::tempdir().unwrap();
        let end_ns = |lost_until_ns| {
            let mut totals = Totals::new(7_000, 2);
            totals.lost_until_ns = lost_until_ns;
            totals.close(folder.path(), &[], 9_000).unwrap().end_ns
        };
        assert_eq!((end_ns(0), end_ns(6_000)), (7_000, 7_000));
        assert_eq!(
            end_ns(8_000),
            8_000,
            "it went on after the others were stopped"
        );
    }
}
