//! The same work on many things, on as many threads as there are cores.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const NO_PANIC: &str = "work that panics ends the scope of all";

/// Does the work on each thing; the answers are in the order of the things.
pub(crate) fn side_by_side<T: Sync, R: Send>(
    things: &[T],
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
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 1..cores.min(things.len()) {
            scope.spawn(worker);
        }
        worker();
    });
    let done = |answer: Mutex<Option<R>>| answer.into_inner().expect(NO_PANIC);
    answers.into_iter().filter_map(done).collect()
}

#[cfg(test)]
mod tests {
    use super::side_by_side;

    #[test]
    fn every_thing_gets_its_own_answer() {
        let things: Vec<u64> = (0..500).collect();
        let squares: Vec<u64> = things.iter().map(|thing| thing * thing).collect();
        assert_eq!(side_by_side(&things, |thing| thing * thing), squares);
        assert_eq!(side_by_side(&[], |thing: &u64| *thing), Vec::<u64>::new());
    }
}
