//! What copies tell of each symbol, which a history must lead to.

use std::collections::BTreeMap;

use shakedown_scenarios::HistoryBy;
use shakedown_scenarios::plan::Plan;

use super::copy::{CopyBook, Held, State, Traded};
use super::requests::Requests;

/// Lots by order, by what they belong to.
type LotsOf = BTreeMap<u64, BTreeMap<u64, u64>>;

/// What a copy tells of one symbol.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub after: BTreeMap<u64, u64>,
    pub filled: BTreeMap<u64, u64>,
    /// How much of each order was traded, by the number of the request that caused it; only where requests have numbers.
    pub traded: Option<LotsOf>,
    /// How much each order took of which others; only where requests have no numbers.
    pub taken: Option<LotsOf>,
}

/// A symbol as some copies tell of it alike.
pub(super) struct Case {
    pub symbol: u8,
    pub copies: String,
    pub told: Told,
}

/// What is to be judged: each symbol once for all copies that tell the same.
pub(super) fn cases(
    plan: &Plan,
    books: &[CopyBook],
    requests: &Requests,
    by: HistoryBy,
) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for symbol in requests.of_symbol.keys() {
        let first = cases.len();
        for book in books {
            let told = told(plan, book, requests, (*symbol, by));
            let same = cases[first..].iter_mut().find(|case| case.told == told);
            match same {
                Some(case) => case.copies.push_str(&format!(", {}", book.name)),
                None => cases.push(Case {
                    symbol: *symbol,
                    copies: book.name.clone(),
                    told,
                }),
            }
        }
    }
    cases
}

fn told(plan: &Plan, book: &CopyBook, requests: &Requests, (symbol, by): (u8, HistoryBy)) -> Told {
    let mut told = Told::default();
    let orders = book.orders.iter();
    let here = orders.filter(|(_, held)| held.symbol == symbol);
    for (number, held) in here.filter(|(number, held)| requests.count(**number, held, by)) {
        if let (State::Open, Some(remaining)) = (held.state, held.remaining) {
            told.after.insert(*number, remaining);
        }
        let filled = match by {
            HistoryBy::Numbers => held.filled,
            HistoryBy::Search => held.filled.or_else(|| filled_by_state(held)),
        };
        if let Some(filled) = filled {
            told.filled.insert(*number, filled);
        }
    }
    let Some(trades) = &book.trades else {
        return told;
    };
    let of_symbol = |number: &u64| {
        let held = book.orders.get(number);
        held.is_some_and(|held| held.symbol == symbol)
    };
    match by {
        HistoryBy::Numbers => told.traded = traded(plan, trades, symbol, of_symbol),
        HistoryBy::Search => told.taken = taken(plan, trades, symbol, of_symbol),
    }
    told
}

/// How much of an order had traded, where its state leaves no doubt.
fn filled_by_state(held: &Held) -> Option<u64> {
    match held.state {
        State::Open => held.lots.checked_sub(held.remaining?),
        State::Filled => Some(held.lots),
        State::Ended => None,
    }
}

fn traded(
    plan: &Plan,
    trades: &[Traded],
    symbol: u8,
    is_here: impl Fn(&u64) -> bool,
) -> Option<LotsOf> {
    let mut traded = LotsOf::new();
    for trade in trades {
        let of = traded.entry(trade.sequence?).or_default();
        let sides = [trade.maker, trade.taker].into_iter().flatten();
        for number in sides.filter(&is_here) {
            *of.entry(number).or_default() += lots(plan, trade, symbol)?;
        }
    }
    Some(traded)
}

fn taken(
    plan: &Plan,
    trades: &[Traded],
    symbol: u8,
    is_here: impl Fn(&u64) -> bool,
) -> Option<LotsOf> {
    let mut taken = LotsOf::new();
    for trade in trades {
        if let (Some(maker), Some(taker)) = (trade.maker, trade.taker)
            && is_here(&taker)
        {
            let makers = taken.entry(taker).or_default();
            *makers.entry(maker).or_default() += lots(plan, trade, symbol)?;
        }
    }
    Some(taken)
}

fn lots(plan: &Plan, trade: &Traded, symbol: u8) -> Option<u64> {
    let share = plan.load.symbols.get(usize::from(symbol))?;
    let lots = trade.quantity.in_units_of(share.instrument.lot);
    Some(u64::try_from(lots.unwrap_or_default()).unwrap_or_default())
}
