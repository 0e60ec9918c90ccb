//! What several copies and several reads of one run tell of the same trades and fills.
//!
//! ```text
//! I2  a trade id stands for one trade, on every copy and in every read; what was told does not go away
//! I3  what was filled stays filled
//! ```
//!
//! Each copy by itself can be sound and all of them wrong: an engine that forgets its last trades over an outage gives
//! their ids again, to others. Ids are those of a symbol: an engine may number each symbol's trades by themselves.

use std::collections::{BTreeMap, BTreeSet};

use shakedown_record::readback::ReadKind;
use shakedown_scenarios::plan::Plan;

use super::copy::{Copies, CopyBook, Traded, id_of};
use super::invariants::Invariants;
use crate::data_loss::CopyRead;
use crate::input::Input;

/// A trade by its symbol and id.
type Key = (u8, String);

/// All reads so far.
#[derive(Default)]
struct Known {
    /// Each trade as it was told first, and where that was.
    trades: BTreeMap<Key, (Traded, String)>,
    /// The most that each order had filled, and where it was told.
    filled: BTreeMap<u64, (u64, String)>,
}

/// Holds the converged copies against each other, and against those of every read after an outage.
pub(super) fn hold(
    found: &mut Invariants,
    input: &Input,
    plan: &Plan,
    reads: &[(ReadKind, Vec<CopyRead>)],
    converged: &[CopyBook],
) {
    if plan.system.books_are_apart() {
        // Each numbers its trades by itself, and none of them outlives an outage.
        for book in converged.chunks(1) {
            Known::default().take(found, input, ReadKind::Converged, book);
        }
        return;
    }
    let mut known = Known::default();
    known.take(found, input, ReadKind::Converged, converged);
    for (read, _) in reads.iter().filter(|(read, _)| read.is_after_outage()) {
        let copies = Copies::of(input, plan, reads, *read);
        if let Some(why) = copies.unread.first() {
            found.open.get_or_insert_with(|| why.clone());
        }
        if copies.unread.is_empty() {
            known.gone(found, *read, &copies.all);
        }
        known.take(found, input, *read, &copies.all);
    }
}

impl Known {
    /// Compares a read with what is known, and knows it from then on.
    fn take(&mut self, found: &mut Invariants, input: &Input, read: ReadKind, copies: &[CopyBook]) {
        for book in copies {
            let place = format!("{} ({} read)", book.name, read.name());
            for trade in book.trades.iter().flatten() {
                self.trade(found, book, trade, &place);
            }
        }
        let mut fewer = BTreeSet::new();
        for book in copies {
            let place = format!("{} ({} read)", book.name, read.name());
            for (order, held) in &book.orders {
                let (Some(now), Some((before, there))) = (held.filled, self.filled.get(order))
                else {
                    continue;
                };
                if now < *before && read.is_after_outage() && fewer.insert(*order) {
                    let id = id_of(input, *order);
                    let text = format!(
                        "{id} had filled {before} lots on {there}, and has {now} on {place}"
                    );
                    found.add("I3", text, Some(*order));
                }
            }
        }
        for book in copies {
            let place = format!("{} ({} read)", book.name, read.name());
            for (order, held) in &book.orders {
                let Some(now) = held.filled else { continue };
                let known = self
                    .filled
                    .entry(*order)
                    .or_insert_with(|| (now, place.clone()));
                if now > known.0 {
                    *known = (now, place.clone());
                }
            }
        }
    }

    fn trade(&mut self, found: &mut Invariants, book: &CopyBook, trade: &Traded, place: &str) {
        let Some(key) = key(book, trade) else {
            return;
        };
        let Some((first, there)) = self.trades.get(&key) else {
            self.trades.insert(key, (trade.clone(), place.to_string()));
            return;
        };
        let is_same = (first.maker, first.taker) == (trade.maker, trade.taker)
            && (first.price, first.quantity) == (trade.price, trade.quantity);
        if !is_same {
            let text = format!(
                "trade {} is one on {there}, and another on {place}: its id was given twice",
                trade.id
            );
            found.add("I2", text, trade.taker.or(trade.maker));
        }
    }

    /// Trades that were told before, and that no copy of this read has; only where every copy told its trades.
    fn gone(&self, found: &mut Invariants, read: ReadKind, copies: &[CopyBook]) {
        let mut there = BTreeSet::new();
        for book in copies {
            let Some(trades) = &book.trades else { return };
            there.extend(trades.iter().filter_map(|trade| key(book, trade)));
        }
        if copies.is_empty() {
            return;
        }
        for (key, (trade, told)) in &self.trades {
            if !there.contains(key) {
                let text = format!(
                    "trade {} was told on {told}, and no copy has it in the {} read",
                    trade.id,
                    read.name()
                );
                found.add("I2", text, trade.taker.or(trade.maker));
            }
        }
    }
}

/// `None`: neither side is an order of ours.
fn key(book: &CopyBook, trade: &Traded) -> Option<Key> {
    let mut sides = [trade.maker, trade.taker].into_iter().flatten();
    let held = sides.find_map(|order| book.orders.get(&order))?;
    Some((held.symbol, trade.id.clone()))
}
