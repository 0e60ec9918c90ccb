//! One book with price-time priority, from its definition: the best price first, at one price the earliest first, what
//! rests never crosses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use shakedown_record::ledger::Side;

use crate::operation::Ask;

/// What a request did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It was done, and so many lots traded at once.
    Done { filled_lots: u64 },
    /// The book does not allow it; nothing changed.
    Refused(Refusal),
}

/// Why a book refuses a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is an order of that number.
    Known,
    /// There never was an order of that number.
    Unknown,
    /// The order is filled or cancelled.
    Closed,
    /// Not more than what was filled already, or nothing.
    TooLittle,
}

/// An order in the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Open {
    pub side: Side,
    pub price_ticks: i64,
    /// Its whole quantity, of which `filled_lots` have traded.
    pub lots: u64,
    pub filled_lots: u64,
    /// Place in time: smaller is earlier.
    priority: u64,
}

impl Open {
    /// What is still to be traded.
    pub fn open_lots(&self) -> u64 {
        self.lots - self.filled_lots
    }
}

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Open(Open),
    Closed { filled_lots: u64 },
}

impl Order {
    fn filled_lots(&self) -> u64 {
        match self {
            Order::Open(open) => open.filled_lots,
            Order::Closed { filled_lots } => *filled_lots,
        }
    }
}

/// Best first: price with its sign turned for bids, then time.
type Place = (i64, u64, u64);

/// What is needed to take a step back.
#[derive(Debug, Clone, Copy)]
enum Change {
    Queued(Side, Place),
    Unqueued(Side, Place),
    Order(u64, Option<Order>),
    Tick,
}

/// A book.
#[derive(Debug, Clone, Default)]
pub struct Book {
    bids: BTreeSet<Place>,
    asks: BTreeSet<Place>,
    orders: HashMap<u64, Order>,
    ticks: u64,
    changes: Vec<Change>,
}

impl Book {
    /// Does what is asked, as request `number`.
    pub fn apply(&mut self, number: u64, ask: &Ask) -> Effect {
        match *ask {
            Ask::New {
                side,
                price_ticks,
                lots,
            } => self.enter(number, side, price_ticks, u64::from(lots)),
            Ask::Cancel { order } => self.cancel(order),
            Ask::Replace {
                order,
                price_ticks,
                lots,
            } => self.replace(order, price_ticks, u64::from(lots)),
        }
    }

    /// How many changes were made: a point to go back to.
    pub fn mark(&self) -> usize {
        self.changes.len()
    }

    /// Takes back every change since a mark.
    pub fn back_to(&mut self, mark: usize) {
        while self.changes.len() > mark {
            let Some(change) = self.changes.pop() else {
                return;
            };
            match change {
                Change::Queued(side, place) => {
                    self.queue(side).remove(&place);
                }
                Change::Unqueued(side, place) => {
                    self.queue(side).insert(place);
                }
                Change::Order(number, Some(before)) => {
                    self.orders.insert(number, before);
                }
                Change::Order(number, None) => {
                    self.orders.remove(&number);
                }
                Change::Tick => self.ticks -= 1,
            }
        }
    }

    /// The orders that were changed since a mark, some of them more than once.
    pub fn touched(&self, mark: usize) -> impl Iterator<Item = u64> + '_ {
        self.changes[mark..]
            .iter()
            .filter_map(|change| match change {
                Change::Order(number, _) => Some(*number),
                Change::Queued(..) | Change::Unqueued(..) | Change::Tick => None,
            })
    }

    /// How much each order has traded since a mark, for those that have.
    pub fn traded(&self, mark: usize) -> BTreeMap<u64, u64> {
        let mut before: BTreeMap<u64, u64> = BTreeMap::new();
        for change in &self.changes[mark..] {
            if let Change::Order(number, order) = change {
                let filled_lots = order.map_or(0, |order| order.filled_lots());
                before.entry(*number).or_insert(filled_lots);
            }
        }
        let traded = before.into_iter().map(|(number, filled_lots)| {
            let now = self.filled_lots(number).unwrap_or(filled_lots);
            (number, now - filled_lots)
        });
        traded.filter(|(_, lots)| *lots > 0).collect()
    }

    /// Changes so far cannot be taken back any more.
    pub fn settle(&mut self) {
        self.changes.clear();
    }

    /// Settles, and forgets the orders that were closed since: the book refuses them now as it refuses unknown ones.
    pub(crate) fn settle_and_forget(&mut self) {
        for change in std::mem::take(&mut self.changes) {
            if let Change::Order(number, _) = change
                && let Some(Order::Closed { .. }) = self.orders.get(&number)
            {
                self.orders.remove(&number);
            }
        }
    }

    /// An order that is in the book.
    pub fn open(&self, number: u64) -> Option<&Open> {
        match self.orders.get(&number)? {
            Order::Open(open) => Some(open),
            Order::Closed { .. } => None,
        }
    }

    /// How much of an order has traded, whether it is in the book or not; `None`: there never was such an order.
    pub fn filled_lots(&self, number: u64) -> Option<u64> {
        Some(self.orders.get(&number)?.filled_lots())
    }

    /// Orders of a side with what is still to be traded of them, in the order in which they would trade.
    pub fn queue_of(&self, side: Side) -> impl Iterator<Item = (u64, Open)> + '_ {
        let queue = match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        };
        queue
            .iter()
            .filter_map(|(_, _, number)| Some((*number, *self.open(*number)?)))
    }

    /// How many orders it knows.
    pub(crate) fn size(&self) -> usize {
        self.orders.len()
    }

    /// The part of a side's queue that stands at one price.
    pub(crate) fn queue_at(
        &self,
        side: Side,
        price_ticks: i64,
    ) -> impl Iterator<Item = (u64, Open)> + '_ {
        let (queue, rank) = match side {
            Side::Buy => (&self.bids, -price_ticks),
            Side::Sell => (&self.asks, price_ticks),
        };
        queue
            .range((rank, 0, 0)..=(rank, u64::MAX, u64::MAX))
            .filter_map(|(_, _, number)| Some((*number, *self.open(*number)?)))
    }

    /// Sides and prices at which the queue, or an order in it, was changed since a mark.
    pub(crate) fn touched_prices(&self, mark: usize) -> Vec<(Side, i64)> {
        let price = |change: &Change| match change {
            Change::Queued(side, place) | Change::Unqueued(side, place) => match side {
                Side::Buy => Some((*side, -place.0)),
                Side::Sell => Some((*side, place.0)),
            },
            Change::Order(_, Some(Order::Open(open))) => Some((open.side, open.price_ticks)),
            Change::Order(_, Some(Order::Closed { .. }) | None) | Change::Tick => None,
        };
        let mut touched: Vec<(Side, i64)> = self.changes[mark..].iter().filter_map(price).collect();
        touched.sort_unstable_by_key(|(side, price_ticks)| (*side as u8, *price_ticks));
        touched.dedup();
        touched
    }

    /// Every order that there ever was, by number.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.orders.keys().copied()
    }

    fn enter(&mut self, number: u64, side: Side, price_ticks: i64, lots: u64) -> Effect {
        if self.orders.contains_key(&number) {
            return Effect::Refused(Refusal::Known);
        }
        if lots == 0 {
            return Effect::Refused(Refusal::TooLittle);
        }
        let filled_lots = self.take(side, price_ticks, lots);
        let order = Open {
            side,
            price_ticks,
            lots,
            filled_lots,
            priority: self.tick(),
        };
        self.rest(number, order);
        Effect::Done { filled_lots }
    }

    fn cancel(&mut self, number: u64) -> Effect {
        match self.orders.get(&number).copied() {
            None => Effect::Refused(Refusal::Unknown),
            Some(Order::Closed { .. }) => Effect::Refused(Refusal::Closed),
            Some(Order::Open(open)) => {
                self.unqueue(number, &open);
                let filled_lots = open.filled_lots;
                self.set(number, Order::Closed { filled_lots });
                Effect::Done { filled_lots: 0 }
            }
        }
    }

    fn replace(&mut self, number: u64, price_ticks: i64, lots: u64) -> Effect {
        let open = match self.orders.get(&number).copied() {
            None => return Effect::Refused(Refusal::Unknown),
            Some(Order::Closed { .. }) => return Effect::Refused(Refusal::Closed),
            Some(Order::Open(open)) => open,
        };
        if lots <= open.filled_lots {
            return Effect::Refused(Refusal::TooLittle);
        }
        if price_ticks == open.price_ticks && lots <= open.lots {
            self.set(number, Order::Open(Open { lots, ..open }));
            return Effect::Done { filled_lots: 0 };
        }
        self.unqueue(number, &open);
        let filled_lots = self.take(open.side, price_ticks, lots - open.filled_lots);
        let order = Open {
            price_ticks,
            lots,
            filled_lots: open.filled_lots + filled_lots,
            priority: self.tick(),
            ..open
        };
        self.rest(number, order);
        Effect::Done { filled_lots }
    }

    /// Trades with the other side up to a price; how many lots.
    fn take(&mut self, side: Side, price_ticks: i64, lots: u64) -> u64 {
        let (other, limit) = match side {
            Side::Buy => (Side::Sell, price_ticks),
            Side::Sell => (Side::Buy, -price_ticks),
        };
        let mut left = lots;
        while left > 0
            && let Some(&(rank, _, number)) = self.queue(other).first()
            && rank <= limit
            && let Some(maker) = self.open(number).copied()
        {
            let traded = left.min(maker.open_lots());
            left -= traded;
            let filled_lots = maker.filled_lots + traded;
            if filled_lots == maker.lots {
                self.unqueue(number, &maker);
                self.set(number, Order::Closed { filled_lots });
            } else {
                self.set(
                    number,
                    Order::Open(Open {
                        filled_lots,
                        ..maker
                    }),
                );
            }
        }
        lots - left
    }

    /// Puts an order where it belongs: into the queue, or away when it is filled.
    fn rest(&mut self, number: u64, order: Open) {
        if order.open_lots() == 0 {
            let filled_lots = order.filled_lots;
            return self.set(number, Order::Closed { filled_lots });
        }
        let place = place(number, &order);
        self.queue(order.side).insert(place);
        self.changes.push(Change::Queued(order.side, place));
        self.set(number, Order::Open(order));
    }

    fn unqueue(&mut self, number: u64, order: &Open) {
        let place = place(number, order);
        self.queue(order.side).remove(&place);
        self.changes.push(Change::Unqueued(order.side, place));
    }

    fn set(&mut self, number: u64, order: Order) {
        let before = self.orders.insert(number, order);
        self.changes.push(Change::Order(number, before));
    }

    fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.changes.push(Change::Tick);
        self.ticks
    }

    fn queue(&mut self, side: Side) -> &mut BTreeSet<Place> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

fn place(number: u64, order: &Open) -> Place {
    let rank = match order.side {
        Side::Buy => -order.price_ticks,
        Side::Sell => order.price_ticks,
    };
    (rank, order.priority, number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn new(side: Side, price_ticks: i64, lots: u32) -> Ask {
        Ask::New {
            side,
            price_ticks,
            lots,
        }
    }

    fn done(filled_lots: u64) -> Effect {
        Effect::Done { filled_lots }
    }

    #[test]
    fn the_best_price_trades_first_and_at_one_price_the_earliest() {
        let mut book = Book::default();
        for (number, price, lots) in [(1, 102, 5), (2, 101, 5), (3, 101, 5)] {
            assert_eq!(book.apply(number, &new(Side::Sell, price, lots)), done(0));
        }
        assert_eq!(book.apply(4, &new(Side::Buy, 101, 7)), done(7));
        assert_eq!(book.filled_lots(2), Some(5));
        assert_eq!(
            (book.filled_lots(3), book.filled_lots(1)),
            (Some(2), Some(0))
        );
        assert_eq!(book.apply(5, &new(Side::Buy, 101, 7)), done(3));
        let bids: Vec<_> = book
            .queue_of(Side::Buy)
            .map(|(n, o)| (n, o.open_lots()))
            .collect();
        assert_eq!(bids, [(5, 4)]);
    }

    #[test]
    fn an_order_is_cancelled_once_and_a_filled_one_never() {
        let mut book = Book::default();
        book.apply(1, &new(Side::Buy, 10, 2));
        book.apply(2, &new(Side::Sell, 10, 2));
        let cancel = |order| Ask::Cancel { order };
        assert_eq!(book.apply(3, &cancel(1)), Effect::Refused(Refusal::Closed));
        assert_eq!(book.apply(4, &cancel(9)), Effect::Refused(Refusal::Unknown));
        book.apply(5, &new(Side::Buy, 9, 2));
        assert_eq!(book.apply(6, &cancel(5)), done(0));
        assert_eq!(book.apply(7, &cancel(5)), Effect::Refused(Refusal::Closed));
        assert_eq!(
            book.apply(5, &new(Side::Buy, 9, 2)),
            Effect::Refused(Refusal::Known)
        );
    }

    #[test]
    fn a_smaller_order_keeps_its_place_and_a_larger_or_dearer_one_does_not() {
        let replace = |order, price_ticks, lots| Ask::Replace {
            order,
            price_ticks,
            lots,
        };
        let mut book = Book::default();
        book.apply(1, &new(Side::Sell, 10, 5));
        book.apply(2, &new(Side::Sell, 10, 5));
        let first = |book: &Book| book.queue_of(Side::Sell).next().map(|(number, _)| number);
        assert_eq!(book.apply(3, &replace(1, 10, 4)), done(0));
        assert_eq!(first(&book), Some(1));
        assert_eq!(book.apply(4, &replace(1, 10, 5)), done(0));
        assert_eq!(first(&book), Some(2));
        assert_eq!(book.apply(5, &new(Side::Buy, 9, 3)), done(0));
        assert_eq!(book.apply(6, &replace(2, 9, 5)), done(3));
        assert_eq!(
            book.apply(7, &replace(2, 9, 3)),
            Effect::Refused(Refusal::TooLittle)
        );
        assert_eq!(
            book.apply(8, &replace(5, 9, 3)),
            Effect::Refused(Refusal::Closed)
        );
    }

    fn asks() -> impl Strategy<Value = Vec<Ask>> {
        let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
        let new = (side, 95i64..105, 1u32..20).prop_map(|(side, price_ticks, lots)| Ask::New {
            side,
            price_ticks,
            lots,
        });
        let cancel = (0u64..60).prop_map(|order| Ask::Cancel { order });
        let replace =
            (0u64..60, 95i64..105, 1u32..20).prop_map(|(order, price_ticks, lots)| Ask::Replace {
                order,
                price_ticks,
                lots,
            });
        prop::collection::vec(prop_oneof![4 => new, 1 => cancel, 1 => replace], 1..60)
    }

    fn picture(book: &Book) -> Vec<(u64, Open)> {
        [Side::Buy, Side::Sell]
            .into_iter()
            .flat_map(|side| book.queue_of(side))
            .collect()
    }

    proptest! {
        #[test]
        fn what_rests_never_crosses_and_every_traded_lot_has_two_sides(asks in asks()) {
            let mut book = Book::default();
            for (number, ask) in asks.iter().enumerate() {
                book.apply(number as u64, ask);
                let best = |side| book.queue_of(side).next().map(|(_, open)| open.price_ticks);
                if let (Some(bid), Some(ask)) = (best(Side::Buy), best(Side::Sell)) {
                    prop_assert!(bid < ask);
                }
            }
            let sides: HashMap<u64, Side> = asks.iter().enumerate().filter_map(|(number, ask)| match ask {
                Ask::New { side, .. } => Some((number as u64, *side)),
                _ => None,
            }).collect();
            let filled = |side: Side| -> u64 {
                book.numbers().filter(|number| sides[number] == side).filter_map(|number| book.filled_lots(number)).sum()
            };
            prop_assert_eq!(filled(Side::Buy), filled(Side::Sell));
        }

        #[test]
        fn every_step_can_be_taken_back(asks in asks(), at in 0usize..60) {
            let at = at.min(asks.len());
            let mut book = Book::default();
            for (number, ask) in asks[..at].iter().enumerate() {
                book.apply(number as u64, ask);
            }
            let (mark, before) = (book.mark(), picture(&book));
            let effects = |book: &mut Book| -> Vec<Effect> {
                asks[at..].iter().enumerate().map(|(more, ask)| book.apply((at + more) as u64, ask)).collect()
            };
            let first = effects(&mut book);
            let after = picture(&book);
            book.back_to(mark);
            prop_assert_eq!(picture(&book), before);
            prop_assert_eq!(effects(&mut book), first);
            prop_assert_eq!(picture(&book), after);
        }
    }
}
