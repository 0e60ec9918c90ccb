//! The watching thread: ten times a second it notes how late it was woken, and merges finished 100 ms slots.

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use shakedown_record::monotonic_ns;

use super::budget::STALL_NS;
use super::cgroup::Throttling;
use super::cpu::CpuTimes;
use super::stalls::Stalls;
use crate::engine::{SlotMerger, raise_urgency};

const EVERY_NS: u64 = 100_000_000;

/// The watching thread, and what it saw when it began.
#[derive(Debug)]
pub(crate) struct Watch {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<Stalls>>,
    cpu: Option<CpuTimes>,
    throttling: Throttling,
}

/// What was seen while the load ran.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched {
    pub stalls: Stalls,
    pub steal_fraction: f64,
    pub throttled_ns: u64,
}

impl Watch {
    /// Begins to watch.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn begin(slots: Arc<Mutex<SlotMerger>>) -> io::Result<Watch> {
        let ends = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ends);
        let thread = thread::Builder::new()
            .name("load-watch".to_string())
            .spawn(move || watch(&seen, &slots))?;
        Ok(Watch {
            ends,
            thread: Some(thread),
            cpu: CpuTimes::now(),
            throttling: Throttling::now(),
        })
    }

    /// Ends the watch; `None` when the watching thread died.
    pub fn end(mut self) -> Option<Watched> {
        self.ends.store(true, Ordering::Release);
        let stalls = self.thread.take()?.join().ok()?;
        let steal_fraction = match (self.cpu, CpuTimes::now()) {
            (Some(before), Some(after)) => after.steal_fraction_since(&before),
            _ => 0.0,
        };
        Some(Watched {
            stalls,
            steal_fraction,
            throttled_ns: Throttling::now().since_ns(&self.throttling),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
    }
}

fn watch(ends: &AtomicBool, slots: &Mutex<SlotMerger>) -> Stalls {
    // As urgent as the load threads: what holds it up holds them up.
    raise_urgency(true);
    let mut stalls = Stalls::default();
    while !ends.load(Ordering::Acquire) {
        let due_ns = monotonic_ns() + EVERY_NS;
        thread::sleep(Duration::from_nanos(EVERY_NS));
        stalls.note(monotonic_ns().saturating_sub(due_ns), STALL_NS);
        slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .absorb();
    }
    stalls
}
