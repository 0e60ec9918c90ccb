//! What was read of a book's orders in the end, held against every step that a search takes.
//!
//! A request's answer tells little: that it was done. What traded in the end tells much more, and earlier: an order cannot
//! have traded more than that at any time, what left the book is not open in the end, and what an order took of others
//! it took when it came in, or was replaced.

use std::collections::{BTreeMap, BTreeSet};

use shakedown_record::ledger::Side;

use crate::book::{Book, Effect, Open};
use crate::operation::{Ask, Learned, Operation};

/// What was read in the end of the orders of one book; `None`: that was not read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading<'a> {
    /// What was in the book: each order with what was still to be traded of it.
    pub after: Option<&'a BTreeMap<u64, u64>>,
    /// How much had traded of orders.
    pub filled: Option<&'a BTreeMap<u64, u64>>,
    /// Where all trades were read: how much each order took of which other ones that were in the book before it.
    pub taken: Option<&'a BTreeMap<u64, BTreeMap<u64, u64>>>,
}

/// Why a request cannot be done at a place, or why nothing may come after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// The book would do something else than its client was told.
    Answer {
        number: u64,
        learned: Learned,
        effect: Effect,
    },
    /// With request `number`, one order takes so much of another in all; so much it took by what was read.
    Taken {
        number: u64,
        taker: u64,
        maker: u64,
        read: u64,
        replayed: u64,
    },
    /// With request `number`, so much of an order has traded; so much had by what was read.
    Filled {
        number: u64,
        order: u64,
        read: u64,
        replayed: u64,
    },
    /// Request `number` takes an order out of the book, which was read there in the end, open with so many lots.
    Closed { number: u64, order: u64, read: u64 },
    /// In the end an order is open with so many lots, and was read with so many; `None`: not open.
    Open {
        order: u64,
        read: Option<u64>,
        replayed: Option<u64>,
    },
}

/// What orders have taken of which others, for those that may take more than once.
pub(crate) type Taken = BTreeMap<(u64, u64), u64>;

/// A reading, ready to be held against steps.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    reading: Reading<'a>,
    /// Orders that were replaced, or may have been: they can take more than once.
    many: BTreeSet<u64>,
}

impl<'a> Known<'a> {
    pub fn new(reading: Reading<'a>, operations: &[Operation]) -> Self {
        let replaced = operations.iter().filter_map(|one| match one.ask {
            Ask::Replace { order, .. } if one.learned != Learned::Refused => Some(order),
            Ask::New { .. } | Ask::Cancel { .. } | Ask::Replace { .. } => None,
        });
        Self {
            reading,
            many: replaced.collect(),
        }
    }

    /// Why what the book did since a mark, for a request, does not fit.
    pub fn misfit(
        &self,
        operation: &Operation,
        effect: Effect,
        book: &Book,
        mark: usize,
        taken: &Taken,
    ) -> Option<Misfit> {
        let number = operation.number;
        if !agrees(operation.learned, effect) {
            return Some(Misfit::Answer {
                number,
                learned: operation.learned,
                effect,
            });
        }
        if let Effect::Refused(_) = effect {
            return None;
        }
        taker_of(operation)
            .and_then(|taker| self.otherwise_taken(number, taker, book, mark, taken))
            .or_else(|| {
                book.touched(mark)
                    .find_map(|order| self.otherwise_ended(operation, order, book, taken))
            })
    }

    /// An order that has traded too much, or left the book as it did not leave it by what was read.
    fn otherwise_ended(
        &self,
        operation: &Operation,
        order: u64,
        book: &Book,
        taken: &Taken,
    ) -> Option<Misfit> {
        let number = operation.number;
        let is_open = book.open(order).is_some();
        let of = |lots: Option<&BTreeMap<u64, u64>>| lots?.get(&order).copied();
        if let (Some(read), Some(replayed)) = (of(self.reading.filled), book.filled_lots(order))
            && (replayed > read || (!is_open && replayed != read))
        {
            return Some(Misfit::Filled {
                number,
                order,
                read,
                replayed,
            });
        }
        if is_open {
            return None;
        }
        if let Some(read) = of(self.reading.after) {
            return Some(Misfit::Closed {
                number,
                order,
                read,
            });
        }
        // What the request itself takes is not in `taken` yet, and was looked at.
        let is_other = taker_of(operation) != Some(order);
        is_other
            .then(|| self.not_taken_in_all(number, order, taken))
            .flatten()
    }

    /// What an order that may take more than once has taken when it takes no more, and did not by what was read.
    fn not_taken_in_all(&self, number: u64, taker: u64, taken: &Taken) -> Option<Misfit> {
        if !self.many.contains(&taker) {
            return None;
        }
        let read = self.reading.taken?.get(&taker)?;
        read.iter().find_map(|(maker, read)| {
            let replayed = taken.get(&(taker, *maker)).copied().unwrap_or_default();
            (replayed != *read).then_some(Misfit::Taken {
                number,
                taker,
                maker: *maker,
                read: *read,
                replayed,
            })
        })
    }

    fn otherwise_taken(
        &self,
        number: u64,
        taker: u64,
        book: &Book,
        mark: usize,
        taken: &Taken,
    ) -> Option<Misfit> {
        let all = self.reading.taken?;
        let nothing = BTreeMap::new();
        let read = all.get(&taker).unwrap_or(&nothing);
        let now = book.traded(mark);
        let is_over = !self.many.contains(&taker) || book.open(taker).is_none();
        let makers: BTreeSet<u64> = read.keys().chain(now.keys()).copied().collect();
        makers
            .into_iter()
            .filter(|maker| *maker != taker)
            .find_map(|maker| {
                let of = |lots: &BTreeMap<u64, u64>| lots.get(&maker).copied().unwrap_or_default();
                let before = taken.get(&(taker, maker)).copied().unwrap_or_default();
                let (read, replayed) = (of(read), before + of(&now));
                let fits = replayed == read || (replayed < read && !is_over);
                (!fits).then_some(Misfit::Taken {
                    number,
                    taker,
                    maker,
                    read,
                    replayed,
                })
            })
    }

    /// What a request took since a mark, of an order that may take again.
    pub fn takes(&self, operation: &Operation, book: &Book, mark: usize) -> Vec<((u64, u64), u64)> {
        let taker = taker_of(operation).filter(|taker| self.many.contains(taker));
        let Some(taker) = taker.filter(|_| self.reading.taken.is_some()) else {
            return Vec::new();
        };
        let makers = book.traded(mark).into_iter();
        makers
            .filter(|(maker, _)| *maker != taker)
            .map(|(maker, lots)| ((taker, maker), lots))
            .collect()
    }

    /// Why a book is not the one that was read in the end.
    pub fn misfit_in_the_end(&self, book: &Book, taken: &Taken) -> Option<Misfit> {
        let mut open: BTreeMap<u64, Open> = BTreeMap::new();
        open.extend(book.queue_of(Side::Buy));
        open.extend(book.queue_of(Side::Sell));
        let left = self.reading.after.and_then(|after| {
            let orders: BTreeSet<&u64> = after.keys().chain(open.keys()).collect();
            orders.into_iter().find_map(|order| {
                let read = after.get(order).copied();
                let replayed = open.get(order).map(Open::open_lots);
                (read != replayed).then_some(Misfit::Open {
                    order: *order,
                    read,
                    replayed,
                })
            })
        });
        left.or_else(|| self.otherwise_filled(&open)).or_else(|| {
            let mut open = open.keys();
            open.find_map(|order| self.not_taken_in_all(*order, *order, taken))
        })
    }

    fn otherwise_filled(&self, open: &BTreeMap<u64, Open>) -> Option<Misfit> {
        let filled = self.reading.filled?;
        open.iter().find_map(|(order, open)| {
            let read = *filled.get(order)?;
            (read != open.filled_lots).then_some(Misfit::Filled {
                number: *order,
                order: *order,
                read,
                replayed: open.filled_lots,
            })
        })
    }

    /// An order that does not trade any more and was not open in the end, by what was read.
    pub fn is_to_go(&self, number: u64, open: &Open, taken: &Taken) -> bool {
        let after = self.reading.after;
        self.is_still(number, open)
            && after.is_some_and(|after| !after.contains_key(&number))
            && self.not_taken_in_all(number, number, taken).is_none()
    }

    /// An order that does not trade any more, by what was read.
    pub fn is_still(&self, number: u64, open: &Open) -> bool {
        let filled = self.reading.filled.and_then(|filled| filled.get(&number));
        filled == Some(&open.filled_lots)
    }
}

/// True when what a client learned is what the book did.
pub(crate) fn agrees(learned: Learned, effect: Effect) -> bool {
    match (learned, effect) {
        (Learned::Done { filled_lots: None }, Effect::Done { .. })
        | (Learned::Refused, Effect::Refused(_)) => true,
        (
            Learned::Done {
                filled_lots: Some(said),
            },
            Effect::Done { filled_lots },
        ) => said == filled_lots,
        // What had no effect need not be done at all.
        (Learned::Nothing, Effect::Done { .. }) => true,
        (Learned::Nothing | Learned::Done { .. }, Effect::Refused(_))
        | (Learned::Refused, Effect::Done { .. }) => false,
    }
}

/// The order that a request may make trade as the one that comes to the others; `None`: nothing trades.
fn taker_of(operation: &Operation) -> Option<u64> {
    match operation.ask {
        Ask::New { .. } => Some(operation.number),
        Ask::Replace { order, .. } => Some(order),
        Ask::Cancel { .. } => None,
    }
}
