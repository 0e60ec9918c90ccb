//! A thread's books: every scheduled slot is entered once and ended once.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use shakedown_record::Outcome;
use shakedown_record::histogram::LatencyHistogram;
use shakedown_record::ledger::{Entry, LedgerWriter, Terms};

use super::gateway::Judged;
use super::shared::{Shared, ThreadSlots};
use super::tally::Tallies;
use crate::pacing::Slot;
use crate::selfcheck::Gaps;

/// Ledger, 100 ms slots, counters and the generator's own histograms of one thread.
#[derive(Debug)]
pub(crate) struct Books {
    thread: usize,
    /// Every slot from before it is written; `None` where entries are sent away when they have ended.
    ledger: Option<LedgerWriter>,
    tallies: Tallies,
    finished: Sender<ThreadSlots>,
    shared: Arc<Shared>,
    open: u64,
    /// One more than the highest slot that was scheduled.
    slots_end: u64,
    send_lag: LatencyHistogram,
    gaps: Gaps,
    session_wait: LatencyHistogram,
    terms: Terms,
    failure: Option<io::Error>,
}

/// What a thread's books hold at the end.
#[derive(Debug)]
pub(crate) struct ClosedBooks {
    pub slots_end: u64,
    pub send_lag: LatencyHistogram,
    pub gaps: Gaps,
    pub session_wait: LatencyHistogram,
    /// Terms of leaders that acknowledgements told.
    pub terms: Terms,
    /// The ledger could not be written: nothing that was measured afterwards is proven.
    pub failure: Option<io::Error>,
}

impl Books {
    /// Empty books of a thread.
    pub fn new(
        thread: usize,
        timeout_ns: u64,
        ledger: Option<LedgerWriter>,
        finished: Sender<ThreadSlots>,
        shared: Arc<Shared>,
    ) -> Books {
        Books {
            thread,
            tallies: Tallies::new(timeout_ns, ledger.is_none()),
            ledger,
            finished,
            shared,
            open: 0,
            slots_end: 0,
            send_lag: LatencyHistogram::default(),
            gaps: Gaps::default(),
            session_wait: LatencyHistogram::default(),
            terms: Terms::default(),
            failure: None,
        }
    }

    /// A slot was released so many nanoseconds after it was due.
    pub fn released(&mut self, slot: Slot, lag_ns: u64) {
        self.open += 1;
        self.slots_end = self.slots_end.max(slot.index + 1);
        self.tallies.scheduled(slot.index, slot.at_ns);
        self.send_lag.record(lag_ns);
        self.gaps.note(slot.at_ns, lag_ns);
        self.shared.threads[self.thread].scheduled();
    }

    /// A slot is about to be written after it waited so long for its session.
    pub fn sending(&mut self, slot: u64, entry: &Entry, wait_ns: u64) {
        self.session_wait.record(wait_ns);
        self.put(slot, entry);
    }

    /// A slot that was written has ended at `done_ns`, as its answer says.
    pub fn judged(&mut self, slot: u64, mut entry: Entry, judged: &Judged, done_ns: u64) {
        entry.sequence = judged.sequence;
        entry.served_by = judged.served_by;
        if let (Some(term), Some(sent_ns)) = (judged.term, entry.sent_ns) {
            self.terms.note(term, slot, sent_ns, done_ns.max(sent_ns));
        }
        self.ended(slot, entry, judged.outcome, done_ns);
    }

    /// A slot has ended at `done_ns`.
    pub fn ended(&mut self, slot: u64, mut entry: Entry, outcome: Outcome, done_ns: u64) {
        entry.outcome = Some(outcome);
        entry.done_ns = Some(done_ns.max(entry.sent_ns.unwrap_or(entry.intended_ns)));
        self.put(slot, &entry);
        self.tallies.ended(slot, &entry);
        self.open -= 1;
        self.shared.threads[self.thread].ended(outcome);
    }

    /// Slots that have not ended.
    pub fn open(&self) -> u64 {
        self.open
    }

    /// True when the ledger failed: the run must end.
    pub fn is_broken(&self) -> bool {
        self.failure.is_some()
    }

    /// Hands out finished 100 ms slots and lets go of ledger segments that nobody writes any more.
    pub fn housekeep(&mut self, passed_ns: u64) {
        if let Ok(mut emptied) = self.shared.emptied.try_lock() {
            self.tallies.give_back(&mut emptied);
        }
        let mut moved = false;
        while let Some((index, collected)) = self.tallies.finished(passed_ns) {
            moved = true;
            let said = ThreadSlots::Finished {
                thread: self.thread,
                index,
                collected,
            };
            if self.finished.send(said).is_err() {
                tracing::debug!("nobody takes 100 ms slots any more");
            }
        }
        if moved
            && let Some(slot) = self.tallies.lowest_open()
            && let Some(ledger) = &mut self.ledger
        {
            ledger.release_below(slot);
        }
    }

    /// Closes the books at the end of the run, everything intended before `passed_ns` having ended.
    pub fn close(mut self, passed_ns: u64) -> ClosedBooks {
        self.housekeep(
            passed_ns
                .max(1)
                .next_multiple_of(shakedown_record::slots::SLOT_NS as u64),
        );
        let thread = self.thread;
        if self.finished.send(ThreadSlots::Ended { thread }).is_err() {
            tracing::debug!("nobody takes 100 ms slots any more");
        }
        ClosedBooks {
            slots_end: self.slots_end,
            send_lag: self.send_lag,
            gaps: self.gaps,
            session_wait: self.session_wait,
            terms: self.terms,
            failure: self.failure,
        }
    }

    fn put(&mut self, slot: u64, entry: &Entry) {
        if let Some(ledger) = &mut self.ledger
            && let Err(error) = ledger.put(slot, entry)
        {
            self.failure.get_or_insert(error);
        }
    }
}
