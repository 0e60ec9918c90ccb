//! The histories of many symbols, each judged by itself: a history is linearizable when that of each object is
//! (Herlihy and Wing's locality).

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::witness::{Testimony, Witnessed, replay};

const NO_PANIC: &str = "a thread that panics ends the scope of all";

/// Replays each history, on so many threads; the answers are in the order of the histories.
pub fn replay_all(testimonies: &[Testimony<'_>], threads: usize) -> Vec<Witnessed> {
    each(testimonies, threads, replay)
}

/// Judges each history, on so many threads; the answers are in the order of the histories.
pub(crate) fn each<T: Sync, A: Send>(
    histories: &[T],
    threads: usize,
    judge: impl Fn(&T) -> A + Sync,
) -> Vec<A> {
    let next = AtomicUsize::new(0);
    let answers: Vec<Mutex<Option<A>>> = histories.iter().map(|_| Mutex::default()).collect();
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(history) = histories.get(at) else {
                return;
            };
            let answer = judge(history);
            *answers[at].lock().expect(NO_PANIC) = Some(answer);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let answers = answers.into_iter();
    answers
        .map(|answer| {
            let answer = answer.into_inner().expect(NO_PANIC);
            answer.expect("every history was judged")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{Ask, Learned, Operation};
    use shakedown_record::ledger::Side;

    #[test]
    fn every_symbol_gets_its_own_answer() {
        let of = |count: u64| -> Vec<Operation> {
            let order = |number: u64| Operation {
                number,
                ask: Ask::New {
                    side: Side::Buy,
                    price_ticks: 10,
                    lots: 1,
                },
                sent_ns: number,
                answered_ns: Some(number),
                learned: Learned::Done {
                    filled_lots: Some(0),
                },
                sequence: Some(number),
            };
            (0..count).map(order).collect()
        };
        let histories: Vec<Vec<Operation>> = (0..20).map(of).collect();
        let testimonies: Vec<Testimony<'_>> = histories
            .iter()
            .map(|operations| Testimony {
                operations,
                ..Testimony::default()
            })
            .collect();
        for threads in [1, 3, 30] {
            let counts: Vec<u64> = replay_all(&testimonies, threads)
                .iter()
                .map(|witnessed| witnessed.replayed)
                .collect();
            assert_eq!(counts, (0..20).collect::<Vec<u64>>());
        }
    }
}
