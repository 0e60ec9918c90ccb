//! What threads tell the outside while they run.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use shakedown_record::ledger::Entry;
use shakedown_record::load_digest::LoadDigest;
use shakedown_record::slots::{SlotStats, SlotTally};
use shakedown_record::{Outcome, OutcomeCounts};

use super::scratch::Scratch;
use super::tally::Collected;

/// Signals to and counters of all threads.
#[derive(Debug)]
pub(crate) struct Shared {
    /// No slot that is due at this run time or later is scheduled.
    pub stop_at_ns: AtomicU64,
    /// End at once: open slots stay unresolved.
    pub abandon: AtomicBool,
    pub threads: Vec<ThreadCounters>,
    /// Lists of entries that have been looked at, for whoever needs one.
    pub emptied: Mutex<Vec<Vec<(u64, Entry)>>>,
}

impl Shared {
    /// Counters for so many threads.
    pub fn new(threads: usize, stop_at_ns: u64) -> Shared {
        Shared {
            stop_at_ns: AtomicU64::new(stop_at_ns),
            abandon: AtomicBool::new(false),
            threads: (0..threads).map(|_| ThreadCounters::default()).collect(),
            emptied: Mutex::default(),
        }
    }

    /// Slots scheduled so far, and how those that ended did.
    pub fn counts(&self) -> (u64, OutcomeCounts) {
        let mut outcomes = OutcomeCounts::default();
        let mut scheduled = 0;
        for thread in &self.threads {
            // Outcomes first: a reader never sees more ends than slots.
            for (outcome, count) in Outcome::ALL.into_iter().zip(&thread.outcomes) {
                outcomes.add(outcome, count.load(Ordering::Acquire));
            }
            scheduled += thread.scheduled.load(Ordering::Acquire);
        }
        (scheduled, outcomes)
    }
}

/// Counters with one writer, on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct ThreadCounters {
    scheduled: AtomicU64,
    outcomes: [AtomicU64; Outcome::ALL.len()],
}

impl ThreadCounters {
    /// One more slot was scheduled.
    pub fn scheduled(&self) {
        increment(&self.scheduled);
    }

    /// One more slot has ended.
    pub fn ended(&self, outcome: Outcome) {
        increment(&self.outcomes[outcome as usize - 1]);
    }
}

/// Adds one without a locked instruction: only one thread writes.
fn increment(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Release);
}

/// What a thread says of its 100 ms slots.
#[derive(Debug)]
pub(crate) enum ThreadSlots {
    Finished {
        thread: usize,
        index: usize,
        collected: Collected,
    },
    /// The thread has none left.
    Ended { thread: usize },
}

/// What is left of a slot of all threads.
#[derive(Debug)]
enum Figures {
    Tally(SlotTally),
    /// Its samples are in a digest.
    Stats(SlotStats),
}

/// Merges the threads' slots and hands them out in order.
#[derive(Debug)]
pub(crate) struct SlotMerger {
    source: Receiver<ThreadSlots>,
    /// The first slot that each thread has not finished.
    reached: Vec<usize>,
    merging: BTreeMap<usize, Collected>,
    next: usize,
    scratch: Option<Scratch>,
    shared: Arc<Shared>,
    finished: VecDeque<(usize, Figures)>,
}

impl SlotMerger {
    /// A merger for so many threads; what it merges goes to `scratch` where there is no ledger.
    pub fn new(
        source: Receiver<ThreadSlots>,
        threads: usize,
        scratch: Option<Scratch>,
        shared: Arc<Shared>,
    ) -> SlotMerger {
        SlotMerger {
            source,
            reached: vec![0; threads],
            merging: BTreeMap::new(),
            next: 0,
            scratch,
            shared,
            finished: VecDeque::new(),
        }
    }

    /// Takes in what the threads have said.
    pub fn absorb(&mut self) {
        while let Ok(said) = self.source.try_recv() {
            match said {
                ThreadSlots::Ended { thread } => self.reached[thread] = usize::MAX,
                ThreadSlots::Finished {
                    thread,
                    index,
                    collected,
                } => {
                    self.reached[thread] = self.reached[thread].max(index + 1);
                    self.merging.entry(index).or_default().merge(collected);
                }
            }
        }
        let reached = self.reached.iter().copied().min().unwrap_or(0);
        let last = self
            .merging
            .last_key_value()
            .map_or(0, |(index, _)| index + 1);
        while self.next < reached.min(last) {
            let collected = self.merging.remove(&self.next).unwrap_or_default();
            let figures = match &mut self.scratch {
                Some(scratch) => {
                    let (stats, emptied) = scratch.take(collected);
                    self.shared
                        .emptied
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(emptied);
                    Figures::Stats(stats)
                }
                None => Figures::Tally(collected.tally),
            };
            self.finished.push_back((self.next, figures));
            self.next += 1;
        }
    }

    /// What became of the scratch once every thread has ended, and an error if it could not be written.
    ///
    /// # Errors
    /// When an entry could not be kept.
    pub fn end_scratch(&mut self) -> io::Result<Option<LoadDigest>> {
        self.absorb();
        self.scratch.take().map(Scratch::end).transpose()
    }

    /// The digest as far as slots were merged.
    pub fn digest(&self) -> Option<&LoadDigest> {
        self.scratch.as_ref().map(Scratch::digest)
    }

    /// The finished slots since the last call.
    pub fn take(&mut self) -> Vec<(usize, SlotStats)> {
        self.absorb();
        let stats = |(index, figures)| match figures {
            Figures::Tally(tally) => (index, SlotTally::stats(&tally)),
            Figures::Stats(stats) => (index, stats),
        };
        self.finished.drain(..).map(stats).collect()
    }

    /// The same, with every sample; nothing where there is no ledger.
    pub fn take_tallies(&mut self) -> Vec<(usize, SlotTally)> {
        self.absorb();
        let tally = |(index, figures)| match figures {
            Figures::Tally(tally) => Some((index, tally)),
            Figures::Stats(_) => None,
        };
        self.finished.drain(..).filter_map(tally).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn finished(thread: usize, index: usize) -> ThreadSlots {
        let mut tally = SlotTally::default();
        tally.add(Outcome::Acked, 1_000 * (thread as u64 + 1), 0);
        ThreadSlots::Finished {
            thread,
            index,
            collected: Collected {
                tally,
                entries: Vec::new(),
            },
        }
    }

    #[test]
    fn slots_wait_for_the_slowest_thread_and_come_in_order() {
        let (sender, receiver) = channel();
        let mut merger = SlotMerger::new(receiver, 2, None, Arc::new(Shared::new(2, u64::MAX)));
        sender.send(finished(0, 0)).unwrap();
        sender.send(finished(0, 1)).unwrap();
        assert!(merger.take().is_empty());
        sender.send(finished(1, 0)).unwrap();
        let taken = merger.take();
        assert_eq!(taken.len(), 1);
        assert_eq!((taken[0].0, taken[0].1.outcomes.acked), (0, 2));
        sender.send(ThreadSlots::Ended { thread: 1 }).unwrap();
        assert_eq!(merger.take()[0].0, 1);
        sender.send(ThreadSlots::Ended { thread: 0 }).unwrap();
        assert!(merger.take().is_empty());
    }

    #[test]
    fn counters_add_up_over_threads() {
        let shared = Shared::new(2, u64::MAX);
        shared.threads[0].scheduled();
        shared.threads[1].scheduled();
        shared.threads[1].ended(Outcome::Unresolved);
        let (scheduled, outcomes) = shared.counts();
        assert_eq!(
            (scheduled, outcomes.unresolved, outcomes.total()),
            (2, 1, 1)
        );
    }
}
