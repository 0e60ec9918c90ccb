//! What a machine measures while its hypervisor takes the cores away shows nothing of an engine. Tests wait for a calm
//! moment, and repeat what was not measured in one.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often something is measured at most.
const TRIES: u32 = 6;

/// How long a calm moment is waited for before each try.
const PATIENCE: Duration = Duration::from_secs(30);

/// What all tests of a program together may wait and repeat; a hypervisor often takes the cores away for minutes.
const IN_ALL: Duration = Duration::from_secs(180);

/// What the tests of this program waited and repeated so far.
static SPENT: Mutex<Duration> = Mutex::new(Duration::ZERO);

/// The word by which `tests/run.sh` knows that a failed test must be made again when all else is done.
const STARVED: &str = "STARVED:";

/// Over this long the machine is watched.
const WATCH: Duration = Duration::from_secs(1);

/// A thread that sleeps for this long is woken later than [`LATE`] at most once in a hundred times, on a calm machine.
const NAP: Duration = Duration::from_millis(1);
const LATE: Duration = Duration::from_millis(3);

/// Measures until it was sound, [`TRIES`] times at most and not for longer than [`IN_ALL`] allows.
///
/// `attempt` says with its result whether that was measured soundly. Only what says of itself that the machine was
/// starved may be called unsound: a wrong figure is a result.
///
/// # Panics
/// When no try was sound, with [`STARVED`].
pub fn soundly<T>(attempt: impl FnMut() -> (T, bool)) -> T {
    within(PATIENCE, attempt)
}

fn within<T>(patience: Duration, mut attempt: impl FnMut() -> (T, bool)) -> T {
    let mut tries = 1;
    loop {
        let began = Instant::now();
        wait_for_calm(patience.min(left()));
        note(began.elapsed());
        let began = Instant::now();
        let (result, sound) = attempt();
        if sound {
            return result;
        }
        assert!(
            tries < TRIES && !left().is_zero(),
            "{STARVED} this machine took the cores away in each of {tries} tries"
        );
        note(began.elapsed());
        tries += 1;
    }
}

/// What a test says of a run that had to end otherwise: [`STARVED`], when it was inconclusive for that.
pub(crate) fn why_not(code: Option<i32>, said: &str) -> &'static str {
    let in_words = said.contains("the generator was starved");
    let in_json = said.contains("\"saturated\": true");
    if code == Some(2) && (in_words || in_json) {
        STARVED
    } else {
        "the exit code is another"
    }
}

fn left() -> Duration {
    IN_ALL.saturating_sub(*SPENT.lock().unwrap_or_else(PoisonError::into_inner))
}

fn note(spent: Duration) {
    *SPENT.lock().unwrap_or_else(PoisonError::into_inner) += spent;
}

/// Returns as soon as the machine was calm for [`WATCH`], or after `at_most`; true when it was calm.
pub fn wait_for_calm(at_most: Duration) -> bool {
    let until = Instant::now() + at_most;
    loop {
        if is_calm() {
            return true;
        }
        if Instant::now() > until {
            return false;
        }
    }
}

/// A napping thread on each core, so that none of them is overlooked.
fn is_calm() -> bool {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let watches: Vec<_> = (0..cores).map(|_| thread::spawn(late_share)).collect();
    watches
        .into_iter()
        .all(|watch| watch.join().is_ok_and(|share| share <= 0.01))
}

fn late_share() -> f64 {
    let until = Instant::now() + WATCH;
    let (mut naps, mut late) = (0_u32, 0_u32);
    while Instant::now() < until {
        let began = Instant::now();
        thread::sleep(NAP);
        naps += 1;
        late += u32::from(began.elapsed() > NAP + LATE);
    }
    f64::from(late) / f64::from(naps.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_unsound_is_measured_again() {
        let mut measured = 0;
        let result = within(Duration::ZERO, || {
            measured += 1;
            (measured, measured == 2)
        });
        assert_eq!((result, measured), (2, 2));
    }

    #[test]
    fn only_what_is_inconclusive_for_it_was_starved() {
        let said = "INCONCLUSIVE 2 of 5 checks: the generator was starved: late";
        assert_eq!(why_not(Some(2), said), STARVED);
        let json = "{ \"generator\": { \"saturated\": true } }";
        assert_eq!(why_not(Some(2), json), STARVED);
        assert_ne!(why_not(Some(1), said), STARVED, "a failure is a result");
        let other = "INCONCLUSIVE: nothing was acknowledged";
        assert_ne!(why_not(Some(2), other), STARVED);
    }

    #[test]
    fn what_is_never_sound_is_no_result() {
        let never = std::panic::catch_unwind(|| within(Duration::ZERO, || ((), false)));
        let said = never.unwrap_err();
        let said = said.downcast_ref::<String>().unwrap();
        assert!(said.starts_with(STARVED), "{said}");
    }
}
