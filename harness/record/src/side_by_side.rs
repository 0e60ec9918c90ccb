//! Work on many things at once, on threads that end with it.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const NO_PANIC: &str = "work that panics ends the scope of all";

/// How many threads this machine runs at the same time.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Does the same work on each thing, on so many threads at most; the answers are in the order of the things.
pub fn side_by_side<T: Sync, R: Send>(
    things: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let answers: Vec<Mutex<Option<R>>> = things.iter().map(|_| Mutex::new(None)).collect();
    let worker = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(thing) = things.get(at) else {
                return;
            };
            let answer = work(thing);
            *answers[at].lock().expect(NO_PANIC) = Some(answer);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(things.len()) {
            scope.spawn(worker);
        }
        worker();
    });
    let done = |answer: Mutex<Option<R>>| answer.into_inner().expect(NO_PANIC);
    answers.into_iter().filter_map(done).collect()
}

/// Does one thing here and another on a thread of its own, and waits for both.
pub fn both<A, B: Send>(here: impl FnOnce() -> A, there: impl FnOnce() -> B + Send) -> (A, B) {
    thread::scope(|scope| {
        let there = scope.spawn(there);
        let here = here();
        let there = there.join().unwrap_or_else(|panic| resume_unwind(panic));
        (here, there)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thing_gets_its_own_answer() {
        let things: Vec<u64> = (0..500).collect();
        let squares: Vec<u64> = things.iter().map(|thing| thing * thing).collect();
        for threads in [0, 1, 3, 600] {
            assert_eq!(
                side_by_side(&things, threads, |thing| thing * thing),
                squares
            );
        }
        assert_eq!(
            side_by_side(&[], 2, |thing: &u64| *thing),
            Vec::<u64>::new()
        );
    }

    #[test]
    fn both_are_done_and_a_panic_is_not_lost() {
        assert_eq!(both(|| 1, || "two"), (1, "two"));
        let panicked = std::panic::catch_unwind(|| both(|| 1, || panic!("there")));
        assert!(panicked.is_err());
    }
}
