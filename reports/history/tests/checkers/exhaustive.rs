//! Every order of every choice of the requests without a known end, on a book that is a list.
//!
//! Slow and plain on purpose: it shares no code and no idea with what it is held against.

use std::collections::BTreeMap;

use shakedown_history::{Ask, Learned, Operation};
use shakedown_record::ledger::Side;

use crate::histories::{Read, Trade};

#[derive(Clone)]
struct Row {
    number: u64,
    side: Side,
    price: i64,
    left: u64,
    filled: u64,
}

/// Resting orders, the earliest first, whatever their price; and the numbers of all that there were.
#[derive(Clone, Default)]
struct List {
    rows: Vec<Row>,
    known: Vec<u64>,
    /// Which request is done, and every trade so far.
    request: u64,
    trades: Vec<Trade>,
}

impl List {
    /// Lots that traded at once; `None`: refused.
    pub fn apply(&mut self, number: u64, ask: &Ask) -> Option<u64> {
        self.request = number;
        match *ask {
            Ask::New {
                side,
                price_ticks,
                lots,
            } => {
                if self.known.contains(&number) || lots == 0 {
                    return None;
                }
                self.known.push(number);
                Some(self.enter(Row {
                    number,
                    side,
                    price: price_ticks,
                    left: u64::from(lots),
                    filled: 0,
                }))
            }
            Ask::Cancel { order } => {
                let at = self.rows.iter().position(|row| row.number == order)?;
                self.rows.remove(at);
                Some(0)
            }
            Ask::Replace {
                order,
                price_ticks,
                lots,
            } => {
                let at = self.rows.iter().position(|row| row.number == order)?;
                let total = u64::from(lots);
                let row = self.rows[at].clone();
                if total <= row.filled {
                    return None;
                }
                if price_ticks == row.price && total <= row.filled + row.left {
                    self.rows[at].left = total - row.filled;
                    return Some(0);
                }
                self.rows.remove(at);
                Some(self.enter(Row {
                    price: price_ticks,
                    left: total - row.filled,
                    ..row
                }))
            }
        }
    }

    fn enter(&mut self, mut taker: Row) -> u64 {
        let before = taker.left;
        while taker.left > 0 {
            let mut best: Option<usize> = None;
            for (at, row) in self.rows.iter().enumerate() {
                let crosses = match taker.side {
                    Side::Buy => row.side == Side::Sell && row.price <= taker.price,
                    Side::Sell => row.side == Side::Buy && row.price >= taker.price,
                };
                let is_better = best.is_none_or(|best| match taker.side {
                    Side::Buy => row.price < self.rows[best].price,
                    Side::Sell => row.price > self.rows[best].price,
                });
                if crosses && is_better {
                    best = Some(at);
                }
            }
            let Some(at) = best else { break };
            let lots = taker.left.min(self.rows[at].left);
            self.trades.push(Trade {
                request: self.request,
                taker: taker.number,
                maker: self.rows[at].number,
                lots,
            });
            taker.left -= lots;
            taker.filled += lots;
            self.rows[at].left -= lots;
            self.rows[at].filled += lots;
            if self.rows[at].left == 0 {
                self.rows.remove(at);
            }
        }
        let traded = before - taker.left;
        if taker.left > 0 {
            self.rows.push(taker);
        }
        traded
    }
}

/// A book that answers, for whoever makes histories.
#[derive(Clone, Default)]
pub struct Oracle(List);

impl Oracle {
    pub fn apply(&mut self, number: u64, ask: &Ask) -> Option<u64> {
        self.0.apply(number, ask)
    }

    /// What can be read in the end.
    pub fn read(&self) -> Read {
        let rows = self.0.rows.iter().map(|row| (row.number, row.left));
        let mut filled: BTreeMap<u64, u64> =
            self.0.known.iter().map(|number| (*number, 0)).collect();
        let mut taken: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
        for trade in &self.0.trades {
            *filled.entry(trade.taker).or_default() += trade.lots;
            *filled.entry(trade.maker).or_default() += trade.lots;
            let makers = taken.entry(trade.taker).or_default();
            *makers.entry(trade.maker).or_default() += trade.lots;
        }
        Read {
            after: Some(rows.collect()),
            filled: Some(filled),
            taken: Some(taken),
            trades: self.0.trades.clone(),
        }
    }
}

/// True when some order explains it.
pub fn is_explained(operations: &[Operation], after: &Read) -> bool {
    let unknown: Vec<usize> = (0..operations.len())
        .filter(|at| operations[*at].learned == Learned::Nothing)
        .collect();
    (0..1u32 << unknown.len()).any(|choice| {
        let is_left_out = |at: usize| {
            unknown
                .iter()
                .position(|one| *one == at)
                .is_some_and(|bit| choice >> bit & 1 == 0)
        };
        let chosen: Vec<&Operation> = (0..operations.len())
            .filter(|at| !is_left_out(*at))
            .map(|at| &operations[at])
            .collect();
        orders(&chosen, &mut Vec::new(), after)
    })
}

/// Tries every order, and looks at the whole of it in the end.
fn orders(chosen: &[&Operation], order: &mut Vec<usize>, after: &Read) -> bool {
    if order.len() == chosen.len() {
        return in_time(chosen, order) && answers(chosen, order, after);
    }
    for at in 0..chosen.len() {
        if order.contains(&at) {
            continue;
        }
        order.push(at);
        let found = orders(chosen, order, after);
        order.pop();
        if found {
            return true;
        }
    }
    false
}

fn in_time(chosen: &[&Operation], order: &[usize]) -> bool {
    order.iter().enumerate().all(|(place, later)| {
        order[..place].iter().all(|earlier| {
            let answered = chosen[*later].answered_ns;
            answered.is_none_or(|answered| answered >= chosen[*earlier].sent_ns)
        })
    })
}

fn answers(chosen: &[&Operation], order: &[usize], after: &Read) -> bool {
    let mut book = Oracle::default();
    let agree = order.iter().all(|at| {
        let one = chosen[*at];
        let traded = book.apply(one.number, &one.ask);
        match one.learned {
            Learned::Done { filled_lots } => {
                traded.is_some() && (filled_lots.is_none() || filled_lots == traded)
            }
            Learned::Refused => traded.is_none(),
            Learned::Nothing => true,
        }
    });
    agree && is_as_read(&book, after)
}

/// What was read of an order that was never there is nobody's business.
fn is_as_read(book: &Oracle, read: &Read) -> bool {
    let ours = book.read();
    let nothing = BTreeMap::new();
    let filled = ours.filled.unwrap_or_default();
    let taken = ours.taken.unwrap_or_default();
    let fills = read.filled.as_ref().is_none_or(|read| {
        let mut known = filled.iter();
        known.all(|(order, lots)| read.get(order).is_none_or(|read| read == lots))
    });
    let takes = read.taken.as_ref().is_none_or(|read| {
        let of = |all: &BTreeMap<u64, BTreeMap<u64, u64>>, order: &u64| {
            all.get(order).unwrap_or(&nothing).clone()
        };
        let mut known = filled.keys();
        known.all(|order| of(read, order) == of(&taken, order))
    });
    let rests = read.after.is_none() || ours.after == read.after;
    rests && fills && takes
}
