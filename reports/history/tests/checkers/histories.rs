//! Tiny histories of a book: made by letting it answer at a moment between sending and answer; some are spoilt.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use shakedown_history::{Ask, Learned, Operation};
use shakedown_record::ledger::Side;

use crate::exhaustive::Oracle;

/// Requests with what they left behind.
#[derive(Debug, Clone)]
pub struct History {
    pub operations: Vec<Operation>,
    /// What rests in the end: number and open lots.
    pub after: Vec<(u64, u64)>,
}

/// A true history of up to six requests of overlapping clients.
pub fn tiny(random: &mut ChaCha8Rng) -> History {
    let count = random.random_range(2..=6u64);
    let mut book = Oracle::default();
    let mut operations = Vec::new();
    for place in 0..count {
        let at_ns = 100 * (place + 1);
        let ask = ask(place, random);
        let times = (
            at_ns - random.random_range(0..=180).min(at_ns),
            at_ns + random.random_range(0..=180),
        );
        let ends = random.random_bool(0.85);
        let happens = ends || random.random_bool(0.5);
        let traded = happens.then(|| book.apply(place, &ask));
        operations.push(Operation {
            number: place,
            ask,
            sent_ns: times.0,
            answered_ns: ends.then_some(times.1),
            learned: match (ends, traded.flatten()) {
                (false, _) => Learned::Nothing,
                (true, None) => Learned::Refused,
                (true, Some(lots)) => Learned::Done {
                    filled_lots: random.random_bool(0.7).then_some(lots),
                },
            },
            sequence: (ends && traded.flatten().is_some()).then_some(place + 1),
        });
    }
    operations.shuffle(random);
    History {
        operations,
        after: book.open(),
    }
}

/// The same with one thing changed, which may or may not be a contradiction.
pub fn spoilt(mut history: History, random: &mut ChaCha8Rng) -> History {
    let at = random.random_range(0..history.operations.len());
    let other = random.random_range(0..history.operations.len());
    match random.random_range(0..6) {
        0 => {
            let one = &mut history.operations[at];
            if let Learned::Done {
                filled_lots: Some(lots),
            } = &mut one.learned
            {
                *lots = random.random_range(0..4);
            }
        }
        1 => {
            let one = &mut history.operations[at];
            one.learned = match one.learned {
                Learned::Done { .. } => Learned::Refused,
                Learned::Refused => Learned::Done { filled_lots: None },
                Learned::Nothing => Learned::Nothing,
            };
        }
        2 => {
            let sequence = history.operations[at].sequence;
            history.operations[at].sequence = history.operations[other].sequence;
            history.operations[other].sequence = sequence;
        }
        3 => {
            let one = &mut history.operations[at];
            one.sent_ns += 150;
            one.answered_ns = one.answered_ns.map(|answered_ns| answered_ns + 150);
        }
        4 => {
            if let Some((_, lots)) = history.after.first_mut() {
                *lots += 1;
            }
        }
        _ => {
            history.after.pop();
        }
    }
    history
}

fn ask(place: u64, random: &mut ChaCha8Rng) -> Ask {
    let order = random.random_range(0..=place);
    let (price_ticks, lots) = (random.random_range(10..=11), random.random_range(1..=3));
    match random.random_range(0..10) {
        0..7 => Ask::New {
            side: if random.random_bool(0.5) {
                Side::Buy
            } else {
                Side::Sell
            },
            price_ticks,
            lots,
        },
        7 | 8 => Ask::Cancel { order },
        _ => Ask::Replace {
            order,
            price_ticks,
            lots,
        },
    }
}
