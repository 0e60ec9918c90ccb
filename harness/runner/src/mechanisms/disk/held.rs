//! Answers that are held back. A slow disk is made after the work: the operation is done, and its answer waits, in a
//! list and not in a thread. So one slow `fsync` holds up nothing else, and healing lets all go at once.
//!
//! The kernel does not let a killed process end while it waits for an answer. Whoever is being killed therefore gets
//! it at once: `kill -9` of a node with a slow disk takes no longer than of one with a fast disk.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU64;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shakedown_record::monotonic_ns;

use super::fault::DiskOperation;

/// How often those who wait are looked at: are they being killed?
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Signal 9 in the masks of `/proc/PID/status`.
const KILL_BIT: u64 = 1 << 8;

/// An answer that waits.
#[derive(Debug)]
pub(super) struct HeldAnswer {
    pub(super) message: Vec<u8>,
    pub(super) operation: DiskOperation,
    /// The thread that waits for it; 0 when it is the kernel.
    pub(super) waiter: u32,
    pub(super) asked_ns: u64,
    /// When the work was done, `CLOCK_MONOTONIC` in nanoseconds.
    pub(super) since_ns: u64,
    /// It is given before it is due.
    pub(super) cut_short: bool,
}

#[derive(Debug, Default)]
struct Queue {
    /// By when they are due, and then by arrival.
    waiting: BTreeMap<(u64, u64), HeldAnswer>,
    arrivals: u64,
    /// When a device that does one thing at a time is done with the last of them.
    busy_until_ns: u64,
    ended: bool,
}

/// All answers that wait.
#[derive(Debug, Default)]
pub(super) struct Held {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Held {
    /// Holds an answer back for as long as it asks.
    pub(super) fn hold(&self, answer: HeldAnswer, one_at_a_time: bool) {
        let mut queue = self.lock();
        let from_ns = match one_at_a_time {
            true => answer.since_ns.max(queue.busy_until_ns),
            false => answer.since_ns,
        };
        let due_ns = from_ns.saturating_add(answer.asked_ns);
        queue.busy_until_ns = due_ns;
        queue.arrivals += 1;
        let arrival = queue.arrivals;
        queue.waiting.insert((due_ns, arrival), answer);
        drop(queue);
        self.changed.notify_one();
    }

    /// How many wait.
    pub(super) fn count(&self) -> u64 {
        self.lock().waiting.len() as u64
    }

    /// Lets all of them go now.
    pub(super) fn release(&self) {
        let mut queue = self.lock();
        let waiting = std::mem::take(&mut queue.waiting);
        for ((_, arrival), mut answer) in waiting {
            answer.cut_short = true;
            queue.waiting.insert((0, arrival), answer);
        }
        queue.busy_until_ns = 0;
        drop(queue);
        self.changed.notify_one();
    }

    /// Ends [`Held::run`] once nothing waits any more.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.release();
    }

    /// Gives each answer when it is due, until [`Held::end`].
    pub(super) fn run(&self, mut give: impl FnMut(HeldAnswer)) {
        // The kernel rounds waits up by 50 µs unless told otherwise.
        if let Err(error) = rustix::thread::set_current_timer_slack(NonZeroU64::new(1)) {
            tracing::debug!("delays are rounded up by 50 us: {error}");
        }
        let mut looked_ns = monotonic_ns();
        while let Some(due) = self.wait_for_due() {
            due.into_iter().for_each(&mut give);
            if monotonic_ns().saturating_sub(looked_ns) >= LOOK_EVERY.as_nanos() as u64 {
                self.let_the_killed_go();
                looked_ns = monotonic_ns();
            }
        }
    }

    /// Waits until something is due, or it is time to look; `None` at the end.
    fn wait_for_due(&self) -> Option<Vec<HeldAnswer>> {
        let mut queue = self.lock();
        while queue.waiting.is_empty() {
            if queue.ended {
                return None;
            }
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let now_ns = monotonic_ns();
        if let Some(((due_ns, _), _)) = queue.waiting.first_key_value()
            && *due_ns > now_ns
        {
            let wait = Duration::from_nanos(due_ns - now_ns).min(LOOK_EVERY);
            let woken = self.changed.wait_timeout(queue, wait);
            queue = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        let later = queue.waiting.split_off(&(monotonic_ns() + 1, 0));
        let due = std::mem::replace(&mut queue.waiting, later);
        Some(due.into_values().collect())
    }

    fn let_the_killed_go(&self) {
        let mut queue = self.lock();
        let killed: Vec<(u64, u64)> = queue
            .waiting
            .iter()
            .filter(|(_, answer)| answer.waiter != 0 && is_being_killed(answer.waiter))
            .map(|(key, _)| *key)
            .collect();
        for key in killed {
            if let Some(mut answer) = queue.waiting.remove(&key) {
                answer.cut_short = true;
                queue.waiting.insert((0, key.1), answer);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// True when a thread is gone, or has been sent a SIGKILL that it cannot take yet.
fn is_being_killed(thread: u32) -> bool {
    match fs::read_to_string(format!("/proc/{thread}/status")) {
        Ok(status) => has_pending_kill(&status),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

fn has_pending_kill(status: &str) -> bool {
    ["SigPnd:", "ShdPnd:"].iter().any(|field| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .is_some_and(|mask| mask & KILL_BIT != 0)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Instant;

    use super::*;

    fn answer(name: u8, asked_ms: u64) -> HeldAnswer {
        HeldAnswer {
            message: vec![name],
            operation: DiskOperation::Sync,
            waiter: 0,
            asked_ns: asked_ms * 1_000_000,
            since_ns: monotonic_ns(),
            cut_short: false,
        }
    }

    fn running() -> (Arc<Held>, Receiver<(u8, u64)>) {
        let held = Arc::new(Held::default());
        let (tell, told) = channel();
        let own = Arc::clone(&held);
        std::thread::spawn(move || {
            own.run(|answer| {
                let waited_ms = (monotonic_ns() - answer.since_ns) / 1_000_000;
                let _gone = tell.send((answer.message[0], waited_ms));
            });
        });
        (held, told)
    }

    #[test]
    fn answers_go_when_they_are_due_and_overlap() {
        let (held, told) = running();
        held.hold(answer(1, 120), false);
        held.hold(answer(2, 60), false);
        assert_eq!(held.count(), 2);
        let (first, second) = (told.recv().unwrap(), told.recv().unwrap());
        assert_eq!((first.0, second.0), (2, 1));
        assert!(first.1 >= 60 && second.1 >= 120, "{first:?} {second:?}");
        held.end();
        assert!(told.recv().is_err(), "the thread has ended");
    }

    #[test]
    fn one_at_a_time_adds_delays_up() {
        let (held, told) = running();
        for name in 1..=3 {
            held.hold(answer(name, 50), true);
        }
        let waits: Vec<(u8, u64)> = told.iter().take(3).collect();
        assert_eq!(
            waits.iter().map(|wait| wait.0).collect::<Vec<_>>(),
            [1, 2, 3]
        );
        assert!(waits[1].1 >= 99 && waits[2].1 >= 149, "{waits:?}");
        held.end();
    }

    #[test]
    fn release_lets_all_go_at_once_in_their_order() {
        let (held, told) = running();
        let start = Instant::now();
        for name in 1..=3 {
            held.hold(answer(name, 60_000), false);
        }
        held.release();
        assert_eq!(
            told.iter().take(3).map(|told| told.0).collect::<Vec<_>>(),
            [1, 2, 3]
        );
        assert!(start.elapsed() < Duration::from_secs(10));
        assert_eq!(held.count(), 0);
        held.end();
    }

    #[test]
    fn who_is_gone_waits_no_longer() {
        let (held, told) = running();
        let mut gone = answer(1, 60_000);
        // Above every pid that a kernel gives out.
        gone.waiter = 5_000_000;
        held.hold(gone, false);
        let mut alive = answer(2, 60_000);
        alive.waiter = std::process::id();
        held.hold(alive, false);
        assert_eq!(told.recv_timeout(Duration::from_secs(10)).unwrap().0, 1);
        assert_eq!(held.count(), 1);
        held.end();
    }

    #[test]
    fn a_pending_kill_is_seen_among_other_signals() {
        let status =
            |pending: &str| format!("Name:\tx\nSigPnd:\t{pending}\nShdPnd:\t0000000000000000\n");
        assert!(has_pending_kill(&status("0000000000000100")));
        assert!(has_pending_kill(&status("0000000000000180")));
        assert!(!has_pending_kill(&status("0000000000004000")), "SIGTERM");
        assert!(!has_pending_kill(""));
    }
}
