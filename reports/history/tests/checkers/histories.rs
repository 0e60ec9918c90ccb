//! Histories of a book: made by letting it answer at a moment between sending and answer; some are spoilt.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use shakedown_history::{Ask, Learned, Operation, Reading};
use shakedown_record::ledger::Side;

use crate::exhaustive::Oracle;

/// Requests with what they left behind.
#[derive(Debug, Clone)]
pub struct History {
    pub operations: Vec<Operation>,
    pub read: Read,
}

/// What is read in the end; `None`: not read.
#[derive(Debug, Clone, Default)]
pub struct Read {
    /// What rests: number and open lots.
    pub after: Option<BTreeMap<u64, u64>>,
    /// How much of each order has traded, and what each took of which others.
    pub filled: Option<BTreeMap<u64, u64>>,
    pub taken: Option<BTreeMap<u64, BTreeMap<u64, u64>>>,
    /// Every trade, of which `taken` is the sum.
    pub trades: Vec<Trade>,
}

/// A trade: with which request, who came, who was there, how many lots.
#[derive(Debug, Clone, Copy)]
pub struct Trade {
    pub request: u64,
    pub taker: u64,
    pub maker: u64,
    pub lots: u64,
}

impl Read {
    fn sum_up(&mut self) {
        let mut taken: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
        for trade in &self.trades {
            let makers = taken.entry(trade.taker).or_default();
            *makers.entry(trade.maker).or_default() += trade.lots;
        }
        self.taken = Some(taken);
    }

    pub fn reading(&self) -> Reading<'_> {
        Reading {
            after: self.after.as_ref(),
            filled: self.filled.as_ref(),
            taken: self.taken.as_ref(),
        }
    }
}

/// How a history is made.
#[derive(Debug, Clone, Copy)]
pub struct Make {
    pub requests: u64,
    /// Every 100 ns one is done; it is sent and answered up to so many away.
    pub away_ns: u64,
    pub prices: i64,
    /// How many of a hundred are answered.
    pub answered: u32,
    /// With whom each order has traded is read in the end, and mostly how much as well.
    pub trades: bool,
}

/// A true history of up to six requests of overlapping clients.
pub fn tiny(random: &mut ChaCha8Rng) -> History {
    let make = Make {
        requests: random.random_range(2..=6u64),
        away_ns: 180,
        prices: 2,
        answered: 85,
        trades: random.random_bool(0.5),
    };
    made(make, random)
}

/// A true history.
pub fn made(make: Make, random: &mut ChaCha8Rng) -> History {
    let mut book = Oracle::default();
    let mut operations = Vec::new();
    for place in 0..make.requests {
        let at_ns = 100 * (place + 1);
        let ask = ask(place, make.prices, random);
        let times = (
            at_ns - random.random_range(0..=make.away_ns).min(at_ns),
            at_ns + random.random_range(0..=make.away_ns),
        );
        let ends = random.random_range(0..100) < make.answered;
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
    let mut read = book.read();
    if !make.trades {
        (read.filled, read.taken) = (None, None);
    } else if random.random_bool(0.25) {
        read.filled = None;
    }
    History { operations, read }
}

/// The same with one thing changed, which may or may not be a contradiction.
pub fn spoilt(mut history: History, random: &mut ChaCha8Rng) -> History {
    let at = random.random_range(0..history.operations.len());
    let other = random.random_range(0..history.operations.len());
    match random.random_range(0..8) {
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
            let after = history.read.after.as_mut();
            if let Some(lots) = after.and_then(|after| after.values_mut().next()) {
                *lots += 1;
            }
        }
        5 => {
            let after = history.read.after.as_mut();
            after.and_then(BTreeMap::pop_last);
        }
        6 => {
            let filled = history.read.filled.as_mut();
            if let Some(lots) = filled.and_then(|filled| filled.get_mut(&(at as u64))) {
                *lots += 1;
            }
        }
        _ => {
            let is_read = history.read.taken.is_some();
            let count = history.read.trades.len().max(1);
            if let Some(trade) = history.read.trades.get_mut(at % count).filter(|_| is_read) {
                trade.maker = other as u64;
                history.read.sum_up();
            }
        }
    }
    history
}

fn ask(place: u64, prices: i64, random: &mut ChaCha8Rng) -> Ask {
    let order = random.random_range(0..=place);
    let (price_ticks, lots) = (
        random.random_range(10..10 + prices),
        random.random_range(1..=3),
    );
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
