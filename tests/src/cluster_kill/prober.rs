//! Connections to one pod, a new one every 20 ms, and when each came about: what passes over a link is known from outside.
//!
//! A connection is made by the kernels of both sides, so it does not wait for the engine's process. One that was not
//! made is given up before the kernel would ask a second time, so that each stands for its own moment.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use shakedown_record::monotonic_ns;
use tokio::net::TcpStream;

const EVERY: Duration = Duration::from_millis(20);
/// The kernel asks again after a second.
const GIVEN_UP_AFTER: Duration = Duration::from_millis(500);
/// So many answers in a row are a link that works.
const FLOWS: usize = 10;
/// So many tries in a row without an answer, over so long a time, prove a cut.
const CUT_TRIES: usize = 8;
const CUT_FOR_NS: u64 = 300_000_000;
/// Traffic that is back stays for so long.
const STAYS_NS: u64 = 1_000_000_000;
const POLL: Duration = Duration::from_millis(5);

/// One try. Times are `CLOCK_MONOTONIC`, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Try {
    pub(super) sent_ns: u64,
    pub(super) answered_ns: Option<u64>,
    /// An answer will not come any more.
    pub(super) given_up: bool,
}

/// What was seen of a link, from its first try on.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(pub(super) Vec<Try>);

impl Seen {
    fn flows(&self) -> bool {
        let last = self.0.iter().rev().take(FLOWS);
        self.0.len() >= FLOWS && last.filter(|one| one.answered_ns.is_none()).count() <= 1
    }

    /// Since when nothing is answered, and how many tries that were.
    fn silent(&self) -> Option<(u64, usize)> {
        let unanswered = self.0.iter().rev();
        let unanswered = unanswered.take_while(|one| one.answered_ns.is_none());
        let (count, first) = unanswered.fold((0, None), |(count, _), one| (count + 1, Some(one)));
        first.map(|first| (first.sent_ns, count))
    }

    /// Since when nothing is answered, once that proves a cut.
    fn cut(&self, now_ns: u64) -> Option<u64> {
        let (from_ns, tries) = self.silent()?;
        let proven = tries >= CUT_TRIES && now_ns.saturating_sub(from_ns) >= CUT_FOR_NS;
        proven.then_some(from_ns)
    }

    /// How many tries were sent in this time.
    pub(super) fn sent(&self, from_ns: u64, to_ns: u64) -> usize {
        let sent = self.0.iter().map(|one| one.sent_ns);
        sent.filter(|at_ns| (from_ns..to_ns).contains(at_ns))
            .count()
    }

    /// When tries that were sent in this time were answered in it. One that was sent before may be answered late: its packets
    /// were through already, and waited elsewhere.
    pub(super) fn answers(&self, from_ns: u64, to_ns: u64) -> Vec<u64> {
        let within = |at_ns: &u64| (from_ns..to_ns).contains(at_ns);
        let sent = self.0.iter().filter(|one| within(&one.sent_ns));
        let answers = sent.filter_map(|one| one.answered_ns);
        answers.filter(within).collect()
    }

    /// The first answer from `from_ns` on after which every try of a second was answered: `None` while there is none.
    fn back(&self, from_ns: u64) -> Option<u64> {
        // From the first try behind the last one that was in vain: no answer before it stayed.
        let in_vain = self.0.iter().rposition(|one| one.given_up);
        let later = &self.0[in_vain.map_or(0, |last| last + 1)..];
        let answers = later.iter().filter_map(|one| one.answered_ns);
        let first_ns = answers.filter(|at_ns| *at_ns >= from_ns).min()?;
        let of_the_second = |one: &&Try| one.sent_ns <= first_ns + STAYS_NS;
        let all_answered = later
            .iter()
            .filter(of_the_second)
            .all(|one| one.answered_ns.is_some());
        let is_over = later
            .last()
            .is_some_and(|last| last.sent_ns > first_ns + STAYS_NS);
        (all_answered && is_over).then_some(first_ns)
    }

    /// The longest time between two tries that were sent in this time, in nanoseconds: how long this machine did not
    /// let the prober run.
    pub(super) fn pause_ns(&self, from_ns: u64, to_ns: u64) -> u64 {
        let sent = self.0.iter().map(|one| one.sent_ns);
        let sent: Vec<u64> = sent.filter(|at| (from_ns..=to_ns).contains(at)).collect();
        let gaps = sent.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.max().unwrap_or(to_ns.saturating_sub(from_ns))
    }
}

/// Tries until it is dropped.
#[derive(Debug)]
pub(super) struct Prober {
    seen: Arc<Mutex<Seen>>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Prober {
    /// Begins.
    pub(super) fn of(address: SocketAddr) -> Prober {
        let seen = Arc::<Mutex<Seen>>::default();
        let end = Arc::<AtomicBool>::default();
        let (noted, told) = (Arc::clone(&seen), Arc::clone(&end));
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let runtime = runtime.expect("a thread can wait for connections");
            runtime.block_on(knock(address, &noted, &told));
        });
        Prober {
            seen,
            end,
            thread: Some(thread),
        }
    }

    pub(super) fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// Waits until the link works; false when it does not.
    pub(super) fn wait_flow(&self, at_most: Duration) -> bool {
        self.wait(at_most, |seen| seen.flows().then_some(()))
            .is_some()
    }

    /// Waits until a cut is proven: since when.
    pub(super) fn wait_cut(&self, at_most: Duration) -> Option<u64> {
        self.wait(at_most, |seen| seen.cut(monotonic_ns()))
    }

    /// Waits until traffic is back to stay: since when.
    pub(super) fn wait_back(&self, from_ns: u64, at_most: Duration) -> Option<u64> {
        self.wait(at_most, |seen| seen.back(from_ns))
    }

    fn wait<T>(&self, at_most: Duration, is_so: impl Fn(&Seen) -> Option<T>) -> Option<T> {
        let until_ns = monotonic_ns() + at_most.as_nanos() as u64;
        loop {
            let found = is_so(&lock(&self.seen));
            if found.is_some() || monotonic_ns() > until_ns {
                return found;
            }
            thread::sleep(POLL);
        }
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let knocked = thread.join();
            assert!(
                knocked.is_ok() || thread::panicking(),
                "the prober panicked"
            );
        }
    }
}

async fn knock(address: SocketAddr, seen: &Arc<Mutex<Seen>>, end: &AtomicBool) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !end.load(Ordering::Relaxed) {
        ticks.tick().await;
        let noted = Arc::clone(seen);
        let number = {
            let mut seen = lock(seen);
            seen.0.push(Try {
                sent_ns: monotonic_ns(),
                answered_ns: None,
                given_up: false,
            });
            seen.0.len() - 1
        };
        tokio::spawn(async move {
            let connected = tokio::time::timeout(GIVEN_UP_AFTER, TcpStream::connect(address)).await;
            let at_ns = monotonic_ns();
            let mut seen = lock(&noted);
            match connected {
                Ok(Ok(_)) => seen.0[number].answered_ns = Some(at_ns),
                Ok(Err(_)) | Err(_) => seen.0[number].given_up = true,
            }
        });
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// A try every 20 ms, answered within 1 ms where `answered` says so.
    fn tries(count: u64, answered: impl Fn(u64) -> bool) -> Seen {
        let one = |number: u64| {
            let sent_ns = number * 20 * MS;
            let answered = answered(sent_ns / MS);
            Try {
                sent_ns,
                answered_ns: answered.then_some(sent_ns + MS),
                given_up: !answered,
            }
        };
        Seen((0..count).map(one).collect())
    }

    #[test]
    fn a_cut_is_proven_by_silence_that_lasts() {
        let seen = tries(30, |at_ms| at_ms < 200);
        assert_eq!(seen.cut(499 * MS), None);
        assert_eq!(seen.cut(500 * MS), Some(200 * MS));
        assert_eq!(tries(30, |_| true).cut(900 * MS), None);
        // A prober that was held up has proven nothing by waiting.
        assert_eq!(tries(12, |at_ms| at_ms < 200).cut(900 * MS), None);
        assert_eq!(seen.sent(200 * MS, 300 * MS), 5);
        assert!(seen.answers(200 * MS, 300 * MS).is_empty());
        assert_eq!(seen.answers(0, 40 * MS), [MS, 21 * MS]);
        // Sent before, answered within.
        let mut late = seen;
        late.0[9].answered_ns = Some(281 * MS);
        assert!(late.answers(200 * MS, 300 * MS).is_empty());
        late.0[10].answered_ns = Some(281 * MS);
        assert_eq!(late.answers(200 * MS, 300 * MS), [281 * MS]);
    }

    #[test]
    fn back_is_what_stays_for_a_second() {
        let cut = |at_ms: u64| (200..600).contains(&at_ms);
        let seen = tries(120, |at_ms| !cut(at_ms));
        assert_eq!(seen.back(400 * MS), Some(601 * MS));
        // Not seen for long enough yet.
        assert_eq!(tries(60, |at_ms| !cut(at_ms)).back(400 * MS), None);
        // One answer, and then none again.
        let flickers = tries(160, |at_ms| !cut(at_ms) && at_ms != 640);
        assert_eq!(flickers.back(400 * MS), Some(661 * MS));
        assert_eq!(tries(120, |at_ms| at_ms < 200).back(400 * MS), None);
    }

    #[test]
    fn the_probers_own_pause_is_known() {
        let mut seen = tries(20, |_| true);
        seen.0.drain(5..10);
        assert_eq!(seen.pause_ns(0, 400 * MS), 120 * MS);
        assert_eq!(seen.pause_ns(200 * MS, 400 * MS), 20 * MS);
        assert_eq!(Seen::default().pause_ns(0, 70), 70);
    }

    #[test]
    fn a_listener_is_reached_and_its_end_is_seen() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let prober = Prober::of(listener.local_addr().unwrap());
        let soon = Duration::from_secs(5);
        assert!(prober.wait_flow(soon));
        let from_ns = monotonic_ns();
        let back_ns = prober.wait_back(from_ns, soon).unwrap();
        assert!(back_ns - from_ns < STAYS_NS);
        drop(listener);
        assert!(prober.wait_cut(soon).is_some());
        assert!(!prober.wait_flow(POLL));
    }
}
