//! What must hold of the books and trades of every copy, whatever came in.
//!
//! ```text
//! I1  a trade has a buyer and a seller                        trades
//! I2  a trade is told once, under an id of its own, and stays trades
//! I3  quantity = open + filled + cancelled                    rows with `filled` and `remaining`
//!     what was filled is what was traded                      and trades
//!     what was filled stays filled                            and a read after an outage
//! I4  what was bought was sold                                rows with `filled`, and nobody else trades
//! I5  the best bid is below the best ask                      rows
//! I7  the depth of a price is the sum of its orders           rows with `remaining`, and depth
//! I8  all copies hold the same books                          rows, where every copy holds every order
//! ```
//!
//! I6, the order within a price, is a matter of the history.

use std::collections::BTreeSet;

use shakedown_history::{
    Breach, Fault, Leg, Resting, Standing, book_hash, check_book, check_fills, check_quantities,
};
use shakedown_record::ledger::Side;
use shakedown_record::readback::ReadKind;
use shakedown_record::run_record::InvariantsRecord;
use shakedown_scenarios::plan::{Plan, RuleKind};

use super::copy::{Copies, CopyBook, Held, State, id_of, slot_of};
use super::depths::drifted;
use super::later;
use super::trades::{between_ours, legs};
use crate::data_loss::CopyRead;
use crate::input::Input;

/// Breaches that are told in full.
const KEPT: usize = 5;

/// A breach: which invariant, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub invariant: &'static str,
    pub text: String,
    /// The order that it is about; `None`: no slot stands for one.
    pub slot: Option<u64>,
}

/// What the copies came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Invariants {
    /// Copies that were looked at.
    pub copies: u64,
    /// Invariants that were looked at, by name.
    pub checked: BTreeSet<&'static str>,
    pub broken: u64,
    pub names: BTreeSet<&'static str>,
    pub first: Vec<Broken>,
    /// Why not every copy was looked at.
    pub open: Option<String>,
}

impl Invariants {
    /// As it stands in `record.json`.
    pub fn record(&self) -> InvariantsRecord {
        let names = |all: &BTreeSet<&'static str>| all.iter().map(|it| it.to_string()).collect();
        InvariantsRecord {
            copies: self.copies,
            checked: names(&self.checked),
            breached: names(&self.names),
            breaches: self.broken,
            open: self.open.clone(),
            examples: self.first.iter().map(|first| first.text.clone()).collect(),
        }
    }

    pub(super) fn add(&mut self, invariant: &'static str, text: String, about: Option<u64>) {
        self.broken += 1;
        self.names.insert(invariant);
        if self.first.len() < KEPT {
            self.first.push(Broken {
                invariant,
                text: format!("{invariant}: {text}"),
                slot: about.and_then(slot_of),
            });
        }
    }
}

/// Looks at every copy; `None` when no rule asks.
pub(crate) fn invariants(
    input: &Input,
    plan: &Plan,
    reads: &[(ReadKind, Vec<CopyRead>)],
) -> Option<Invariants> {
    let mut rules = plan.rules.iter();
    rules.find(|rule| rule.kind == RuleKind::Invariants)?;
    let copies = match plan.system.books_are_apart() {
        true => Copies::each(input, plan, reads, ReadKind::Converged),
        false => Copies::read(input, plan, reads),
    };
    let mut looking = Looking {
        input,
        plan,
        is_alone: copies.others.is_none(),
        found: Invariants {
            copies: copies.all.len() as u64,
            open: (!copies.unread.is_empty()).then(|| copies.unread.join("; ")),
            ..Invariants::default()
        },
    };
    for book in &copies.all {
        for symbol in 0..plan.load.symbols.len() as u8 {
            looking.at(book, symbol);
        }
    }
    looking.compare(&copies.all);
    later::hold(&mut looking.found, input, plan, reads, &copies.all);
    Some(looking.found)
}

struct Looking<'a> {
    input: &'a Input,
    plan: &'a Plan,
    /// Orders of others did not trade with ours.
    is_alone: bool,
    found: Invariants,
}

impl Looking<'_> {
    fn at(&mut self, book: &CopyBook, symbol: u8) {
        let of_symbol = |(_, held): &(&u64, &Held)| held.symbol == symbol;
        let held: Vec<(&u64, &Held)> = book.orders.iter().filter(of_symbol).collect();
        self.not_crossed(book, symbol, &held);
        let legs = legs(self.plan, book, symbol);
        if let (Some(legs), Some(trades)) = (&legs, &book.trades) {
            self.fills(book, &between_ours(legs, trades));
        }
        self.quantities(book, &held, legs.as_deref());
        self.positions(book, symbol, &held);
        self.depth(book, symbol, &held);
    }

    fn depth(&mut self, book: &CopyBook, symbol: u8, held: &[(&u64, &Held)]) {
        match drifted(self.plan, book, symbol, &resting(held)) {
            None => {}
            Some(Err(why)) => {
                let why = format!("I7: {}: {why}", book.name);
                match &mut self.found.open {
                    Some(open) => open.push_str(&format!("; {why}")),
                    None => self.found.open = Some(why),
                }
            }
            Some(Ok(drifted)) => {
                self.found.checked.insert("I7");
                for level in drifted {
                    let at = |it: &Held| (it.state, it.side, it.price_ticks);
                    let wanted = (State::Open, level.side, level.price_ticks);
                    let about = held.iter().find(|(_, it)| at(it) == wanted);
                    let about = about.map(|(number, _)| **number);
                    self.found.add("I7", level.text, about);
                }
            }
        }
    }

    fn not_crossed(&mut self, book: &CopyBook, symbol: u8, held: &[(&u64, &Held)]) {
        self.found.checked.insert("I5");
        for fault in check_book(&resting(held)) {
            match fault {
                Fault::Crossed {
                    bid_ticks,
                    ask_ticks,
                } => {
                    let about = held.iter().find(|(_, it)| {
                        it.state == State::Open
                            && it.side == Side::Buy
                            && it.price_ticks == bid_ticks
                    });
                    let text = format!(
                        "the book of {} on {} is crossed: bid {}, ask {}",
                        self.name(symbol),
                        book.name,
                        self.price(symbol, bid_ticks),
                        self.price(symbol, ask_ticks)
                    );
                    self.found
                        .add("I5", text, about.map(|(number, _)| **number));
                }
                // Lists are in no order of trading, and depth is looked at by itself.
                Fault::OutOfTurn { .. } | Fault::OtherDepth { .. } => {}
            }
        }
    }

    fn fills(&mut self, book: &CopyBook, legs: &[Leg]) {
        self.found.checked.extend(["I1", "I2"]);
        for breach in check_fills(legs) {
            let copy = &book.name;
            let order = |trade: &str| {
                let leg = legs.iter().find(|leg| leg.trade == trade);
                leg.map(|leg| leg.order)
            };
            match &breach {
                Breach::Lopsided { trade, .. } => {
                    let text = format!("trade {trade} on {copy} has not a buyer and a seller");
                    self.found.add("I1", text, order(trade));
                }
                Breach::Twice { execution } | Breach::Changed { execution } => {
                    let text = format!("trade {execution} is told more than once on {copy}");
                    self.found.add("I2", text, order(execution));
                }
                // Positions are taken from what orders say, which need not be what trades say.
                Breach::Unequal { .. }
                | Breach::Untold { .. }
                | Breach::Position { .. }
                | Breach::Money { .. } => {}
            }
        }
    }

    fn quantities(&mut self, book: &CopyBook, held: &[(&u64, &Held)], legs: Option<&[Leg]>) {
        let standings: Vec<Standing> = held
            .iter()
            .filter_map(|(number, it)| standing(**number, it))
            .collect();
        if standings.is_empty() {
            return;
        }
        self.found.checked.insert("I3");
        for breach in check_quantities(&standings, legs.unwrap_or_default()) {
            match breach {
                Breach::Unequal { standing } => {
                    let text = format!(
                        "{} on {} is of {} lots, of which {} are open, {} filled, {} cancelled",
                        id_of(self.input, standing.order),
                        book.name,
                        standing.lots,
                        standing.open_lots,
                        standing.filled_lots,
                        standing.cancelled_lots
                    );
                    self.found.add("I3", text, Some(standing.order));
                }
                Breach::Untold {
                    order,
                    filled_lots,
                    told_lots,
                } if legs.is_some() => {
                    let text = format!(
                        "{} on {} has filled {filled_lots} lots, and its trades are of {told_lots}",
                        id_of(self.input, order),
                        book.name
                    );
                    self.found.add("I3", text, Some(order));
                }
                Breach::Untold { .. }
                | Breach::Lopsided { .. }
                | Breach::Twice { .. }
                | Breach::Changed { .. }
                | Breach::Position { .. }
                | Breach::Money { .. } => {}
            }
        }
    }

    fn positions(&mut self, book: &CopyBook, symbol: u8, held: &[(&u64, &Held)]) {
        let all_told = held.iter().all(|(_, it)| it.filled.is_some());
        if !self.is_alone || !all_told || held.is_empty() {
            return;
        }
        self.found.checked.insert("I4");
        let of = |side: Side| -> u128 {
            let orders = held.iter().filter(|(_, it)| it.side == side);
            orders.filter_map(|(_, it)| it.filled).map(u128::from).sum()
        };
        let (bought, sold) = (of(Side::Buy), of(Side::Sell));
        if bought != sold {
            let text = format!(
                "{bought} lots of {} were bought and {sold} sold, by the orders on {}",
                self.name(symbol),
                book.name
            );
            self.found.add("I4", text, None);
        }
    }

    /// Copies that must hold every order must hold the same books.
    fn compare(&mut self, books: &[CopyBook]) {
        let Some((first, others)) = books.split_first() else {
            return;
        };
        if others.is_empty() || self.plan.system.books_are_apart() {
            return;
        }
        self.found.checked.insert("I8");
        let hash = |book: &CopyBook, symbol: u8| {
            let held = book.orders.iter().filter(|(_, it)| it.symbol == symbol);
            book_hash(&resting(&held.collect::<Vec<_>>()))
        };
        for other in others {
            for symbol in 0..self.plan.load.symbols.len() as u8 {
                if hash(first, symbol) == hash(other, symbol) {
                    continue;
                }
                let differs = |number: &&u64| {
                    let on = |book: &CopyBook| book.orders.get(*number).and_then(open);
                    on(first) != on(other)
                };
                let mut numbers = first.orders.keys().chain(other.orders.keys());
                let about = numbers.find(differs).copied();
                let which = about.map_or(String::new(), |number| {
                    format!(", first in {}", id_of(self.input, number))
                });
                let text = format!(
                    "the books of {} on {} and {} differ{which}",
                    self.name(symbol),
                    first.name,
                    other.name
                );
                self.found.add("I8", text, about);
            }
        }
    }

    fn name(&self, symbol: u8) -> &str {
        let share = self.plan.load.symbols.get(usize::from(symbol));
        share.map_or("", |share| share.name.as_str())
    }

    fn price(&self, symbol: u8, ticks: i64) -> String {
        let share = self.plan.load.symbols.get(usize::from(symbol));
        share.map_or_else(String::new, |share| {
            share.instrument.tick.times(ticks).to_string()
        })
    }
}

/// Side, price and open lots of an order that can still trade; of a copy that tells no open lots, all of them.
fn open(held: &Held) -> Option<(Side, i64, u64)> {
    let lots = held.remaining.unwrap_or(held.lots);
    (held.state == State::Open).then_some((held.side, held.price_ticks, lots))
}

/// The orders that can still trade, those of one price in the order of their numbers: of their places a list says nothing.
fn resting(held: &[(&u64, &Held)]) -> Vec<Resting> {
    let rows = held.iter().filter_map(|(number, held)| {
        let (side, price_ticks, open_lots) = open(held)?;
        Some(Resting {
            order: **number,
            side,
            price_ticks,
            open_lots,
            placed_by: 0,
        })
    });
    rows.collect()
}

fn standing(order: u64, held: &Held) -> Option<Standing> {
    let (filled_lots, open_lots) = (held.filled?, held.remaining?);
    let rest = held
        .lots
        .saturating_sub(filled_lots)
        .saturating_sub(open_lots);
    Some(Standing {
        order,
        lots: held.lots,
        open_lots,
        filled_lots,
        cancelled_lots: match held.state {
            State::Open | State::Filled => 0,
            State::Ended => rest,
        },
    })
}
