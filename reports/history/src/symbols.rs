//! The histories of many symbols, each judged by itself: a history is linearizable when that of each object is
//! (Herlihy and Wing's locality).

use shakedown_record::side_by_side::side_by_side;

use crate::witness::{Testimony, Witnessed, replay};

/// Replays each history, on so many threads; the answers are in the order of the histories.
pub fn replay_all(testimonies: &[Testimony<'_>], threads: usize) -> Vec<Witnessed> {
    side_by_side(testimonies, threads, replay)
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
