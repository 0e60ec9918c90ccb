//! What the threads of a load left behind, as one, and what must hold then.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;

use shakedown_record::OutcomeCounts;
use shakedown_record::histogram::LatencyHistogram;
use shakedown_record::ledger::Terms;

use crate::engine::{KeptSessions, RoomEnd};
use crate::error::LoadError;
use crate::selfcheck::{Exhausted, Gaps, QueueWait, Stalls};

/// What all threads left behind.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub slots_end: u64,
    pub elapsed_ns: u64,
    pub busiest_thread: f64,
    pub send_lag: LatencyHistogram,
    pub gaps: Gaps,
    pub session_wait: LatencyHistogram,
    pub queue: QueueWait,
    pub loop_stalls: Stalls,
    pub major_faults: u64,
    pub exhausted: Option<Exhausted>,
    pub unwelcome: Option<(u64, String)>,
    pub statuses: BTreeMap<u16, u64>,
    pub terms: Terms,
    /// Those that are still connected.
    pub kept: KeptSessions,
}

impl Totals {
    /// The threads' ends as one; an error when one of them could not do its work.
    pub fn of(ends: Vec<RoomEnd>, ledger: &Path) -> Result<Totals, LoadError> {
        let mut totals = Totals::default();
        for end in ends {
            if let Some(source) = end.books.failure {
                return Err(LoadError::Ledger {
                    path: ledger.to_path_buf(),
                    source,
                });
            }
            if let Some(source) = end.failure {
                return Err(LoadError::Kernel {
                    what: "a load thread's poller or files",
                    source,
                });
            }
            let busy = end.vitals.cpu_ns as f64 / end.wall_ns.max(1) as f64;
            totals.busiest_thread = totals.busiest_thread.max(busy);
            totals.elapsed_ns = totals.elapsed_ns.max(end.wall_ns);
            totals.slots_end = totals.slots_end.max(end.books.slots_end);
            totals.send_lag.merge(&end.books.send_lag);
            totals.session_wait.merge(&end.books.session_wait);
            totals.gaps.merge(&end.books.gaps);
            totals.terms.merge(&end.books.terms);
            if let Some((count, why)) = end.unwelcome {
                totals.unwelcome.get_or_insert((0, why)).0 += count;
            }
            totals.kept.0.extend(end.kept);
            for (status, count) in end.statuses {
                *totals.statuses.entry(status).or_default() += count;
            }
            if end.vitals.queue.excess_ns() >= totals.queue.excess_ns() {
                totals.queue = end.vitals.queue;
            }
            totals.loop_stalls = totals.loop_stalls.worse(end.vitals.stalls);
            totals.major_faults += end.vitals.major_faults;
            totals.exhausted = Exhausted::merge(totals.exhausted, end.exhausted);
        }
        Ok(totals)
    }
}

/// Every scheduled slot has ended in exactly one outcome.
pub(crate) fn conserved(scheduled: u64, outcomes: &OutcomeCounts) -> Result<(), LoadError> {
    let ended = outcomes.total();
    if scheduled == ended {
        Ok(())
    } else {
        Err(LoadError::Conservation { scheduled, ended })
    }
}

pub(crate) fn panic_words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it panicked without a message")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_doubled_outcome_breaks_conservation() {
        let outcomes = OutcomeCounts {
            acked: 7,
            timeout: 3,
            ..OutcomeCounts::default()
        };
        assert!(conserved(10, &outcomes).is_ok());
        for scheduled in [9, 11] {
            let broken = conserved(scheduled, &outcomes);
            assert!(matches!(
                broken,
                Err(LoadError::Conservation { ended: 10, .. })
            ));
        }
    }
}
