//! Price-time priority: an incoming order trades with the best price first, and at one price with the earliest first.

use super::{Book, Level, Take};
use crate::command::Side;

/// One match between an incoming order and a resting one, at the resting order's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execution {
    /// The resting order.
    pub maker_order_id: u64,
    /// The resting order's price.
    pub price_ticks: u64,
    /// How much was traded.
    pub lots: u64,
    /// Nothing is left of the resting order, and it is out of the book.
    pub maker_done: bool,
}

impl Book {
    /// Trades up to `lots` of an incoming order of side `taker` against the book, at `limit_ticks` or better
    /// (at any price if there is none). What is left over is not entered.
    pub fn execute(&mut self, taker: Side, limit_ticks: Option<u64>, lots: u64) -> Vec<Execution> {
        self.execute_by(Level::take_front, taker, limit_ticks, lots)
    }

    /// The same; `take` says who of a price is next.
    pub fn execute_by(
        &mut self,
        take: Take,
        taker: Side,
        limit_ticks: Option<u64>,
        lots: u64,
    ) -> Vec<Execution> {
        let mut executions = Vec::new();
        let mut left = lots;
        while left > 0 {
            let Some(price_ticks) = self.best(taker.opposite()) else {
                break;
            };
            if !crosses(taker, limit_ticks, price_ticks) {
                break;
            }
            let levels = self.side_mut(taker.opposite());
            let Some(level) = levels.get_mut(&price_ticks) else {
                break;
            };
            if let Some((place, given, maker_done)) = take(level, left) {
                left -= given;
                executions.push(Execution {
                    maker_order_id: place.order_id,
                    price_ticks,
                    lots: given,
                    maker_done,
                });
            }
            if level.is_empty() {
                levels.remove(&price_ticks);
            }
        }
        executions
    }
}

/// Whether an order of side `taker` with this limit trades at `price_ticks`.
fn crosses(taker: Side, limit_ticks: Option<u64>, price_ticks: u64) -> bool {
    match (limit_ticks, taker) {
        (None, Side::Buy | Side::Sell) => true,
        (Some(limit), Side::Buy) => price_ticks <= limit,
        (Some(limit), Side::Sell) => price_ticks >= limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Place;
    use proptest::prelude::*;

    fn place(priority: u64) -> Place {
        Place {
            priority,
            order_id: priority,
        }
    }

    fn book(asks: &[(u64, u64, u64)]) -> Book {
        let mut book = Book::default();
        for (priority, price, lots) in asks {
            book.insert(Side::Sell, *price, place(*priority), *lots);
        }
        book
    }

    #[test]
    fn better_price_first_then_earlier_first() {
        let mut book = book(&[(1, 102, 5), (2, 101, 5), (3, 101, 5)]);
        let makers: Vec<_> = book
            .execute(Side::Buy, Some(102), 12)
            .iter()
            .map(|execution| {
                (
                    execution.maker_order_id,
                    execution.price_ticks,
                    execution.lots,
                )
            })
            .collect();
        assert_eq!(makers, vec![(2, 101, 5), (3, 101, 5), (1, 102, 2)]);
    }

    #[test]
    fn a_limit_is_never_traded_through() {
        let mut book = book(&[(1, 101, 5), (2, 103, 5)]);
        let executions = book.execute(Side::Buy, Some(102), 10);
        assert_eq!(executions.len(), 1);
        assert!(executions[0].maker_done);
        assert_eq!(book.best(Side::Sell), Some(103));
    }

    #[test]
    fn a_partly_filled_maker_keeps_its_place() {
        let mut book = book(&[(1, 101, 5), (2, 101, 5)]);
        let first = book.execute(Side::Buy, None, 3);
        assert!(!first[0].maker_done);
        let second = book.execute(Side::Buy, None, 3);
        assert_eq!(
            (
                second[0].maker_order_id,
                second[0].lots,
                second[0].maker_done
            ),
            (1, 2, true)
        );
        assert_eq!((second[1].maker_order_id, second[1].lots), (2, 1));
    }

    #[test]
    fn a_sell_takes_the_highest_bid() {
        let mut book = Book::default();
        book.insert(Side::Buy, 99, place(1), 4);
        book.insert(Side::Buy, 100, place(2), 4);
        let executions = book.execute(Side::Sell, Some(99), 6);
        assert_eq!(executions[0].price_ticks, 100);
        assert_eq!((executions[1].price_ticks, executions[1].lots), (99, 2));
        assert!(book.execute(Side::Sell, Some(100), 1).is_empty());
    }

    #[test]
    fn what_is_removed_does_not_trade_and_leaves_no_level() {
        let mut book = book(&[(1, 101, 5)]);
        assert!(book.remove(Side::Sell, 101, place(1)));
        assert!(!book.remove(Side::Sell, 101, place(1)));
        assert_eq!(book.best(Side::Sell), None);
        assert!(!book.resize(Side::Sell, 101, place(1), 2));
    }

    proptest! {
        #[test]
        fn lots_are_conserved_and_the_book_is_never_crossed(
            orders in prop::collection::vec((any::<bool>(), 95u64..105, 1u64..20), 1..120)
        ) {
            let mut book = Book::default();
            let (mut entered, mut traded) = (0u64, 0u64);
            for (number, (buy, price, lots)) in orders.into_iter().enumerate() {
                let side = if buy { Side::Buy } else { Side::Sell };
                entered += lots;
                let done: u64 = book.execute(side, Some(price), lots).iter().map(|e| e.lots).sum();
                traded += 2 * done;
                if done < lots {
                    book.insert(side, price, place(number as u64), lots - done);
                }
                if let (Some(bid), Some(ask)) = (book.best(Side::Buy), book.best(Side::Sell)) {
                    prop_assert!(bid < ask);
                }
            }
            let resting: u64 = [Side::Buy, Side::Sell]
                .iter()
                .flat_map(|side| book.levels(*side))
                .flat_map(|(_, level)| level.iter().map(|(_, lots)| lots).collect::<Vec<_>>())
                .sum();
            prop_assert_eq!(entered, traded + resting);
        }
    }
}
