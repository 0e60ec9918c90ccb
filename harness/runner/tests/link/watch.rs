//! A machine whose hypervisor takes the cores away delays every round trip. This watch says when that was, by threads
//! that know of no link, so that such a moment is not laid at the link's door.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};
use shakedown_record::monotonic_ns;

/// How long the threads sleep at a time.
const NAP: Duration = Duration::from_micros(500);

/// A sleep that took longer than this had no core to wake up on.
const LATE_NS: u64 = 1_500_000;

/// From and to, in nanoseconds of the monotonic clock.
type Span = (u64, u64);

/// A napping thread on each core; they end with the watch.
pub struct Watch {
    late: Arc<Mutex<Vec<Span>>>,
    /// When the nap began that each thread is in.
    naps: Vec<Arc<AtomicU64>>,
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Watch {
    pub fn start() -> Watch {
        let late = Arc::new(Mutex::new(Vec::new()));
        let ended = Arc::new(AtomicBool::new(false));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let now_ns = monotonic_ns();
        let naps: Vec<_> = (0..cores)
            .map(|_| Arc::new(AtomicU64::new(now_ns)))
            .collect();
        let threads = (0..cores)
            .zip(&naps)
            .map(|(core, nap)| {
                let (late, nap, ended) = (Arc::clone(&late), Arc::clone(nap), Arc::clone(&ended));
                std::thread::spawn(move || nap_on(core, &late, &nap, &ended))
            })
            .collect();
        Watch {
            late,
            naps,
            ended,
            threads,
        }
    }

    /// Whether every core woke its thread in time from `from_ns` until now.
    pub fn was_calm_since(&self, from_ns: u64) -> bool {
        self.starved_since(from_ns) == 0.0
    }

    /// The share of the time from `from_ns` until now in which a core was away. Naps that are still open are waited for.
    pub fn starved_since(&self, from_ns: u64) -> f64 {
        let to_ns = monotonic_ns();
        let is_open = |nap: &Arc<AtomicU64>| nap.load(Ordering::Acquire) < to_ns;
        while self.naps.iter().any(is_open) {
            std::thread::sleep(NAP);
        }
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.sort_unstable();
        let (mut away_ns, mut seen_ns) = (0, from_ns);
        for &(began, end) in late.iter() {
            let (began, end) = (began.max(seen_ns), end.min(to_ns));
            away_ns += end.saturating_sub(began);
            seen_ns = seen_ns.max(end);
        }
        away_ns as f64 / (to_ns - from_ns).max(1) as f64
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

fn nap_on(core: usize, late: &Mutex<Vec<Span>>, nap: &AtomicU64, ended: &AtomicBool) {
    let mut only = CpuSet::new();
    only.set(core);
    // Where cores are numbered otherwise the thread roams, and watches the one it is on.
    sched_setaffinity(None, &only).ok();
    while !ended.load(Ordering::Relaxed) {
        let began_ns = monotonic_ns();
        nap.store(began_ns, Ordering::Release);
        std::thread::sleep(NAP);
        let end_ns = monotonic_ns();
        if end_ns - began_ns > LATE_NS {
            let mut late = late.lock().unwrap_or_else(PoisonError::into_inner);
            late.push((began_ns, end_ns));
        }
    }
}
