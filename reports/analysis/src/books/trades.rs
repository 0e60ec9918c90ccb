//! The trades of a copy as two legs each, for the invariants of fills.

use shakedown_history::Leg;
use shakedown_scenarios::plan::Plan;

use super::copy::{CopyBook, Traded};

/// The legs of one symbol that belong to orders of ours; `None`: a trade is not in whole ticks and lots.
pub(super) fn legs(plan: &Plan, book: &CopyBook, symbol: u8) -> Option<Vec<Leg>> {
    let trades = book.trades.as_ref()?;
    let all = trades
        .iter()
        .map(|trade| of_trade(plan, book, symbol, trade));
    let all: Option<Vec<Vec<Leg>>> = all.collect();
    Some(all?.concat())
}

/// Trades between two orders of ours: what others were told nobody has read.
pub(super) fn between_ours(legs: &[Leg], trades: &[Traded]) -> Vec<Leg> {
    let mixed = |trade: &Traded| trade.maker.is_none() || trade.taker.is_none();
    let others: std::collections::BTreeSet<&str> = trades
        .iter()
        .filter(|trade| mixed(trade))
        .map(|trade| trade.id.as_str())
        .collect();
    let ours = legs
        .iter()
        .filter(|leg| !others.contains(leg.trade.as_str()));
    ours.cloned().collect()
}

fn of_trade(plan: &Plan, book: &CopyBook, symbol: u8, trade: &Traded) -> Option<Vec<Leg>> {
    let mut legs = Vec::new();
    for number in [trade.maker, trade.taker].into_iter().flatten() {
        let Some(held) = book
            .orders
            .get(&number)
            .filter(|held| held.symbol == symbol)
        else {
            continue;
        };
        let instrument = &plan.load.symbols.get(usize::from(symbol))?.instrument;
        legs.push(Leg {
            execution: trade.id.clone(),
            trade: trade.id.clone(),
            order: number,
            account: 0,
            side: held.side,
            price_ticks: trade.price.in_units_of(instrument.tick)?,
            lots: u64::try_from(trade.quantity.in_units_of(instrument.lot)?).ok()?,
            again: false,
        });
    }
    Some(legs)
}
