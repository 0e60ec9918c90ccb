//! The handle by which the rest of Shakedown starts, watches and ends a load run.

use std::collections::BTreeMap;
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
use shakedown_record::io::IoReport;
use shakedown_record::ledger::{LedgerWriter, Terms};
use shakedown_record::load_digest::LoadDigest;
use shakedown_record::slots::{IntervalStats, SlotStats, SlotTally};
use shakedown_record::{OutcomeCounts, monotonic_ns};

use crate::config::{GeneratorConfig, Mode, Share};
use crate::crew::{Crew, muster};
use crate::drop_copy::DropCopy;
use crate::ends::{Totals, conserved, panic_words};
use crate::engine::{KeptSessions, Names, Room, RoomEnd, Shared, SlotMerger};
use crate::error::LoadError;
use crate::selfcheck::{Observed, Watch, causes};

/// Longest time for which the first dials delay zero, in nanoseconds.
const CONNECT_NS: u64 = 200_000_000;

/// The same where an entry has TLS, whose handshakes are work for both sides.
const CONNECT_WITH_TLS_NS: u64 = 2_000_000_000;

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
#[derive(Debug)]
pub struct Finished {
    pub report: GeneratorReport,
    /// The figures of a load on one URL, of which the ledger has only what was disturbed; `None` where it has every order.
    pub digest: Option<LoadDigest>,
    /// Run time from which no slot was scheduled, in nanoseconds.
    pub end_ns: u64,
    pub scheduled: u64,
    /// Handshakes of TLS that came to nothing, and why the first of them did.
    pub unwelcome: Option<(u64, String)>,
    /// How often each HTTP status was answered to plain requests; none where orders were sent.
    pub statuses: BTreeMap<u16, u64>,
    /// Terms of leaders that acknowledgements told, where they are taken.
    pub terms: Terms,
    /// Sessions that stay connected, where the configuration asks for it.
    pub kept: KeptSessions,
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
    drop_copy: Option<DropCopy>,
    io: Option<Box<IoReport>>,
}

/// The generator's own histograms.
#[derive(Debug)]
pub(crate) struct Lags {
    pub send_lag: LatencyHistogram,
    pub session_wait: LatencyHistogram,
}

/// A generator whose sessions are connected and that waits to be told zero. Dropping it ends it.
#[derive(Debug)]
pub struct Prepared {
    mode: Mode,
    ledger: PathBuf,
    shared: Arc<Shared>,
    slots: Arc<Mutex<SlotMerger>>,
    threads: Vec<JoinHandle<RoomEnd>>,
    starts: Vec<Sender<u64>>,
    names: Names,
    drop_copy: Option<DropCopy>,
    io: Option<Box<IoReport>>,
}

/// Connects the sessions, starts the load threads and sets zero a few milliseconds from now.
///
/// Blocks until every session has an answer to its first dial, 200 ms at most, with TLS 2 s.
///
/// # Errors
/// When the plan, the addresses, the kernel or the ledger's folder do not allow it.
pub fn start(config: GeneratorConfig) -> Result<Generator, LoadError> {
    let prepared = prepare(config, Share::WHOLE)?;
    prepared.begin(monotonic_ns() + LEAD_NS)
}

/// Connects the sessions of a share and starts its load threads, which wait for zero.
///
/// Blocks until every session has an answer to its first dial, 200 ms at most.
///
/// # Errors
/// As [`start`].
pub fn prepare(config: GeneratorConfig, share: Share) -> Result<Prepared, LoadError> {
    let Crew {
        rooms,
        shared,
        slots,
        names,
        drop_copy,
        io,
    } = muster(&config, share)?;
    let drop_copy = DropCopy::begin(drop_copy, &config.ledger)?;
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
            .recv_timeout(Duration::from_nanos(CONNECT_NS + CONNECT_WITH_TLS_NS))
            .is_err()
        {
            tracing::warn!("a load thread was not ready in time");
        }
    }
    Ok(Prepared {
        mode: config.mode,
        ledger: config.ledger,
        shared,
        slots,
        threads,
        starts,
        names,
        drop_copy,
        io,
    })
}

impl Prepared {
    /// Sets zero: `CLOCK_MONOTONIC` of the first slot's intended time, in nanoseconds.
    ///
    /// # Errors
    /// When a load thread has died, or no more threads can be started.
    pub fn begin(self, zero_mono_ns: u64) -> Result<Generator, LoadError> {
        let watch = Watch::begin(Arc::clone(&self.slots)).map_err(|source| LoadError::Kernel {
            what: "threads",
            source,
        })?;
        for (thread, start) in self.starts.iter().enumerate() {
            start.send(zero_mono_ns).map_err(|_| LoadError::Panicked {
                thread,
                what: "it ended before the load began".to_string(),
            })?;
        }
        Ok(Generator {
            zero_mono_ns,
            mode: self.mode,
            ledger: self.ledger,
            shared: self.shared,
            slots: self.slots,
            threads: self.threads,
            watch: Some(watch),
            names: self.names,
            drop_copy: self.drop_copy,
            io: self.io,
        })
    }
}

/// A load thread: connects, waits for zero, runs. A generator that was never told zero is over.
fn work(mut room: Room, ready: &Sender<()>, zero: &Receiver<u64>) -> RoomEnd {
    room.connect(if room.has_tls() {
        CONNECT_WITH_TLS_NS
    } else {
        CONNECT_NS
    });
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

    /// A finished second of a load on one URL with its figures, and all response times until now, failures censored at the
    /// timeout. `None` where there is no digest, or the second has not ended.
    pub fn second(&self, index: usize) -> Option<(IntervalStats, LatencyHistogram)> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = slots.digest()?;
        let second = *digest.seconds.get(index)?;
        Some((second, digest.response()))
    }

    /// The same slots, with every sample, once each: of [`Generator::take_slots`] and this only one may be used.
    pub(crate) fn take_tallies(&self) -> Vec<(usize, SlotTally)> {
        self.slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take_tallies()
    }

    /// Names of the nodes that served us; the first has number 1 in the ledger.
    pub(crate) fn served_by(&self) -> Vec<String> {
        self.names.all()
    }

    /// Ends the schedule about 10 ms from now; what is in flight drains up to the timeout.
    pub fn request_stop(&self) {
        self.request_stop_at(0);
    }

    /// Ends the schedule at this run time, or about 10 ms from now if that is later.
    pub(crate) fn request_stop_at(&self, stop_ns: u64) {
        let now_ns = monotonic_ns().saturating_sub(self.zero_mono_ns);
        self.shared
            .stop_at_ns
            .fetch_min(stop_ns.max(now_ns + STOP_LEAD_NS), Ordering::AcqRel);
    }

    /// Sends nothing more, from now on: what is under way is unresolved.
    pub(crate) fn abandon(&self) {
        self.shared.abandon.store(true, Ordering::Release);
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
    pub fn finish(self) -> Result<Finished, LoadError> {
        self.finish_in_full().map(|(finished, _)| finished)
    }

    /// The same, with the generator's own histograms.
    pub(crate) fn finish_in_full(mut self) -> Result<(Finished, Lags), LoadError> {
        if self.shared.stop_at_ns.load(Ordering::Acquire) == u64::MAX {
            self.request_stop();
        }
        let ends = self.join()?;
        let watched = self.watch.take().and_then(Watch::end);
        let watched = watched.ok_or_else(|| LoadError::Panicked {
            thread: self.shared.threads.len(),
            what: "the watching thread panicked".to_string(),
        })?;
        if let Some(copies) = self.drop_copy.take() {
            copies.end()?;
        }
        let totals = Totals::of(ends, &self.ledger)?;
        let digest = self.end_scratch()?;
        if digest.is_none() {
            self.close_ledger(totals.slots_end, &totals.terms)?;
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
            gaps_displaced: totals.gaps.displaced(),
            steal_fraction: watched.steal_fraction,
            throttled_ns: watched.throttled_ns,
            queue: totals.queue,
            stalls: watched.stalls,
            loop_stalls: totals.loop_stalls,
            major_faults: totals.major_faults,
            busiest_thread: totals.busiest_thread,
            exhausted: totals.exhausted,
        });
        let finished = Finished {
            report: GeneratorReport {
                scheduled,
                outcomes,
                send_lag_p99_ns,
                session_wait_p99_ns: totals.session_wait.quantile_ns(0.99),
                saturated: !why.is_empty(),
                why,
                steal_fraction: watched.steal_fraction,
                throttled_ns: watched.throttled_ns,
                workers: Vec::new(),
                io: self.io.clone(),
            },
            digest,
            end_ns: self.shared.stop_at_ns.load(Ordering::Acquire),
            scheduled,
            unwelcome: totals.unwelcome,
            statuses: totals.statuses,
            terms: totals.terms,
            kept: totals.kept,
        };
        let lags = Lags {
            send_lag: totals.send_lag,
            session_wait: totals.session_wait,
        };
        Ok((finished, lags))
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

    fn close_ledger(&self, slots_end: u64, terms: &Terms) -> Result<(), LoadError> {
        LedgerWriter::finish(&self.ledger, slots_end)
            .and_then(|()| terms.write(&self.ledger))
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
        self.abandon();
        for handle in mem::take(&mut self.threads) {
            if handle.join().is_err() {
                tracing::error!("a load thread panicked");
            }
        }
    }
}
