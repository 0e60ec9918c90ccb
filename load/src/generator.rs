//! The handle by which the rest of Shakedown starts, watches and ends a load run.

use std::any::Any;
use std::fs;
use std::mem;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use shakedown_record::event::GeneratorReport;
use shakedown_record::histogram::LatencyHistogram;
use shakedown_record::ledger::LedgerWriter;
use shakedown_record::load_digest::LoadDigest;
use shakedown_record::slots::SlotStats;
use shakedown_record::{OutcomeCounts, monotonic_ns};

use crate::config::{GeneratorConfig, Mode};
use crate::crew::{Crew, muster};
use crate::engine::{Names, Room, RoomEnd, Shared, SlotMerger};
use crate::error::LoadError;
use crate::selfcheck::{Observed, Watch, causes};

/// Longest time for which the first dials delay zero, in nanoseconds.
const CONNECT_NS: u64 = 200_000_000;

/// From the moment that every thread is ready to zero, in nanoseconds.
const LEAD_NS: u64 = 5_000_000;

/// A stop is announced this long before it holds, so that all threads end at the same slot, in nanoseconds.
const STOP_LEAD_NS: u64 = 10_000_000;

/// What has happened so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LiveCounters {
    pub scheduled: u64,
    pub outcomes: OutcomeCounts,
}

/// A load run that has ended.
#[derive(Debug, Clone)]
pub struct Finished {
    pub report: GeneratorReport,
    /// The figures of a load on one URL, of which the ledger has only what was disturbed; `None` where it has every order.
    pub digest: Option<LoadDigest>,
    /// Run time from which no slot was scheduled, in nanoseconds.
    pub end_ns: u64,
    pub scheduled: u64,
}

/// A load run under way. Dropping it ends the run at once.
#[derive(Debug)]
pub struct Generator {
    zero_mono_ns: u64,
    mode: Mode,
    ledger: PathBuf,
    shared: Arc<Shared>,
    slots: Arc<Mutex<SlotMerger>>,
    threads: Vec<JoinHandle<RoomEnd>>,
    watch: Option<Watch>,
    names: Names,
}

/// What all threads left behind.
#[derive(Debug, Default)]
struct Totals {
    slots_end: u64,
    elapsed_ns: u64,
    busiest_thread: f64,
    send_lag: LatencyHistogram,
    session_wait: LatencyHistogram,
    exhausted: Option<(u64, String)>,
}

/// Connects the sessions, starts the load threads and sets zero a few milliseconds from now.
///
/// Blocks until every session has an answer to its first dial, 200 ms at most.
///
/// # Errors
/// When the plan, the addresses, the kernel or the ledger's folder do not allow it.
pub fn start(config: GeneratorConfig) -> Result<Generator, LoadError> {
    let Crew {
        rooms,
        shared,
        slots,
        names,
    } = muster(&config)?;
    let slots = Arc::new(Mutex::new(slots));
    let (ready, is_ready) = channel();
    let mut threads = Vec::new();
    let mut starts = Vec::new();
    for (thread, room) in rooms.into_iter().enumerate() {
        let (start, zero) = channel();
        let ready = ready.clone();
        let spawned = thread::Builder::new()
            .name(format!("load-{thread}"))
            .spawn(move || work(room, &ready, &zero))
            .map_err(|source| LoadError::Kernel {
                what: "threads",
                source,
            })?;
        threads.push(spawned);
        starts.push(start);
    }
    drop(ready);
    for _ in &starts {
        if is_ready
            .recv_timeout(Duration::from_nanos(2 * CONNECT_NS))
            .is_err()
        {
            tracing::warn!("a load thread was not ready in time");
        }
    }
    let watch = Watch::begin(Arc::clone(&slots)).map_err(|source| LoadError::Kernel {
        what: "threads",
        source,
    })?;
    let zero_mono_ns = monotonic_ns() + LEAD_NS;
    for (thread, start) in starts.iter().enumerate() {
        start.send(zero_mono_ns).map_err(|_| LoadError::Panicked {
            thread,
            what: "it ended before the load began".to_string(),
        })?;
    }
    Ok(Generator {
        zero_mono_ns,
        mode: config.mode,
        ledger: config.ledger,
        shared,
        slots,
        threads,
        watch: Some(watch),
        names,
    })
}

/// A load thread: connects, waits for zero, runs. A generator that was never told zero is over.
fn work(mut room: Room, ready: &Sender<()>, zero: &Receiver<u64>) -> RoomEnd {
    room.connect(CONNECT_NS);
    let announced = ready.send(()).is_ok();
    match zero.recv() {
        Ok(zero_ns) if announced => room.run(zero_ns),
        _ => room.leave(),
    }
}

impl Generator {
    /// `CLOCK_MONOTONIC` of the first slot's intended time, in nanoseconds.
    pub fn zero_mono_ns(&self) -> u64 {
        self.zero_mono_ns
    }

    /// What has happened so far.
    pub fn counters(&self) -> LiveCounters {
        let (scheduled, outcomes) = self.shared.counts();
        LiveCounters {
            scheduled,
            outcomes,
        }
    }

    /// 100 ms slots all of whose orders have ended, in order and without gaps, each once.
    pub fn take_slots(&mut self) -> Vec<(usize, SlotStats)> {
        self.slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Ends the schedule about 10 ms from now; what is in flight drains up to the timeout.
    pub fn request_stop(&self) {
        let now_ns = monotonic_ns().saturating_sub(self.zero_mono_ns);
        self.shared
            .stop_at_ns
            .fetch_min(now_ns + STOP_LEAD_NS, Ordering::AcqRel);
    }

    /// True once every slot has ended.
    pub fn is_finished(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the threads, closes the ledger and checks that every scheduled slot has one outcome. A schedule
    /// without an end is stopped first.
    ///
    /// # Errors
    /// When a thread died, the ledger could not be written, or conservation is broken.
    pub fn finish(mut self) -> Result<Finished, LoadError> {
        if self.shared.stop_at_ns.load(Ordering::Acquire) == u64::MAX {
            self.request_stop();
        }
        let ends = self.join()?;
        let watched = self.watch.take().and_then(Watch::end);
        let watched = watched.ok_or_else(|| LoadError::Panicked {
            thread: self.shared.threads.len(),
            what: "the watching thread panicked".to_string(),
        })?;
        let totals = self.add_up(ends)?;
        let digest = self.end_scratch()?;
        if digest.is_none() {
            self.close_ledger(totals.slots_end)?;
        }
        let LiveCounters {
            scheduled,
            outcomes,
        } = self.counters();
        conserved(scheduled, &outcomes)?;
        let send_lag_p99_ns = match self.mode {
            Mode::Open => totals.send_lag.quantile_ns(0.99),
            Mode::Closed => None,
        };
        let why = causes(&Observed {
            mode: self.mode,
            elapsed_ns: totals.elapsed_ns,
            send_lag_p99_ns,
            steal_fraction: watched.steal_fraction,
            throttled_ns: watched.throttled_ns,
            stalls: watched.stalls,
            busiest_thread: totals.busiest_thread,
            exhausted: totals.exhausted,
        });
        Ok(Finished {
            report: GeneratorReport {
                scheduled,
                outcomes,
                send_lag_p99_ns,
                session_wait_p99_ns: totals.session_wait.quantile_ns(0.99),
                saturated: !why.is_empty(),
                why,
                steal_fraction: watched.steal_fraction,
                throttled_ns: watched.throttled_ns,
            },
            digest,
            end_ns: self.shared.stop_at_ns.load(Ordering::Acquire),
            scheduled,
        })
    }

    /// The threads' ends as one; an error when one of them could not do its work.
    fn add_up(&self, ends: Vec<RoomEnd>) -> Result<Totals, LoadError> {
        let mut totals = Totals::default();
        for end in ends {
            if let Some(source) = end.books.failure {
                return Err(self.ledger_error(source));
            }
            if let Some(source) = end.failure {
                return Err(LoadError::Kernel {
                    what: "a load thread's poller or files",
                    source,
                });
            }
            let busy = end.cpu_ns as f64 / end.wall_ns.max(1) as f64;
            totals.busiest_thread = totals.busiest_thread.max(busy);
            totals.elapsed_ns = totals.elapsed_ns.max(end.wall_ns);
            totals.slots_end = totals.slots_end.max(end.books.slots_end);
            totals.send_lag.merge(&end.books.send_lag);
            totals.session_wait.merge(&end.books.session_wait);
            if let Some((count, what)) = end.exhausted {
                totals.exhausted.get_or_insert((0, what)).0 += count;
            }
        }
        Ok(totals)
    }

    fn join(&mut self) -> Result<Vec<RoomEnd>, LoadError> {
        let mut ends = Vec::new();
        let mut died = None;
        for (thread, handle) in mem::take(&mut self.threads).into_iter().enumerate() {
            match handle.join() {
                Ok(end) => ends.push(end),
                Err(panic) => {
                    self.shared.abandon.store(true, Ordering::Release);
                    died.get_or_insert(LoadError::Panicked {
                        thread,
                        what: panic_words(panic.as_ref()),
                    });
                }
            }
        }
        died.map_or(Ok(ends), Err)
    }

    fn end_scratch(&self) -> Result<Option<LoadDigest>, LoadError> {
        self.slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .end_scratch()
            .map_err(|source| self.ledger_error(source))
    }

    fn close_ledger(&self, slots_end: u64) -> Result<(), LoadError> {
        LedgerWriter::finish(&self.ledger, slots_end)
            .map_err(|source| self.ledger_error(source))?;
        let names = serde_json::to_vec(&self.names.all())
            .map_err(|error| self.ledger_error(error.into()))?;
        fs::write(self.ledger.join("served-by.json"), names)
            .map_err(|source| self.ledger_error(source))
    }

    fn ledger_error(&self, source: std::io::Error) -> LoadError {
        LoadError::Ledger {
            path: self.ledger.clone(),
            source,
        }
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        self.shared.abandon.store(true, Ordering::Release);
        for handle in mem::take(&mut self.threads) {
            if handle.join().is_err() {
                tracing::error!("a load thread panicked");
            }
        }
    }
}

/// Every scheduled slot has ended in exactly one outcome.
fn conserved(scheduled: u64, outcomes: &OutcomeCounts) -> Result<(), LoadError> {
    let ended = outcomes.total();
    if scheduled == ended {
        Ok(())
    } else {
        Err(LoadError::Conservation { scheduled, ended })
    }
}

fn panic_words(panic: &(dyn Any + Send)) -> String {
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
