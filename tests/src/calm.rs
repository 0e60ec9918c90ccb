//! What a machine measures while its hypervisor takes the cores away shows nothing of an engine. Tests wait for a calm
//! moment, and repeat what was not measured in one.

use std::thread;
use std::time::{Duration, Instant};

/// How often something is measured at most.
const TRIES: u32 = 6;

/// How long a calm moment is waited for before each try.
const PATIENCE: Duration = Duration::from_secs(30);

/// Over this long the machine is watched.
const WATCH: Duration = Duration::from_secs(1);

/// A thread that sleeps for this long is woken later than [`LATE`] at most once in a hundred times, on a calm machine.
const NAP: Duration = Duration::from_millis(1);
const LATE: Duration = Duration::from_millis(3);

/// Measures until it was sound, [`TRIES`] times at most; the last result is the result whatever it is.
///
/// `attempt` says with its result whether that was measured soundly. Only what says of itself that the machine was
/// starved may be called unsound: a wrong figure is a result.
pub fn soundly<T>(mut attempt: impl FnMut() -> (T, bool)) -> T {
    let mut tries = 1;
    loop {
        wait_for_calm(PATIENCE);
        let (result, sound) = attempt();
        if sound || tries == TRIES {
            return result;
        }
        tries += 1;
    }
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
        let result = soundly(|| {
            measured += 1;
            (measured, measured == 2)
        });
        assert_eq!((result, measured), (2, 2));
    }
}
