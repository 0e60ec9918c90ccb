//! What must hold of a book as it was read at one moment.
//!
//! ```text
//! I5  the best bid is below the best ask
//! I6  orders of one price stand in the order in which they came to it
//! I7  the depth of a price is the sum of its orders
//! I8  two books are the same when their hashes are
//! ```

use std::collections::BTreeMap;

use shakedown_record::ledger::Side;

/// An order in a book, as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Resting {
    pub order: u64,
    pub side: Side,
    pub price_ticks: i64,
    pub open_lots: u64,
    /// The engine's number of what last gave the order its place: its entry, or a replace that cost it.
    pub placed_by: u64,
}

/// The depth of a price, as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    pub side: Side,
    pub price_ticks: i64,
    pub lots: u64,
    pub orders: u64,
}

/// A rule that a book breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Somebody would trade at once (I5).
    Crossed { bid_ticks: i64, ask_ticks: i64 },
    /// `first` stands before `second`, which came to that price earlier (I6).
    OutOfTurn { first: u64, second: u64 },
    /// The depth of a price is not that of its orders (I7); `None`: no such price.
    OtherDepth {
        side: Side,
        price_ticks: i64,
        read: Option<(u64, u64)>,
        summed: Option<(u64, u64)>,
    },
}

/// Holds a book against I5 and I6. `rows`: those of one price in the order in which they would trade.
pub fn check_book(rows: &[Resting]) -> Vec<Fault> {
    let of = |side: Side| rows.iter().filter(move |row| row.side == side);
    let bid = of(Side::Buy).map(|row| row.price_ticks).max();
    let ask = of(Side::Sell).map(|row| row.price_ticks).min();
    let crossed = bid.zip(ask).filter(|(bid, ask)| bid >= ask);
    let crossed = crossed.map(|(bid_ticks, ask_ticks)| Fault::Crossed {
        bid_ticks,
        ask_ticks,
    });
    let mut last: BTreeMap<(u8, i64), &Resting> = BTreeMap::new();
    let mut faults: Vec<Fault> = crossed.into_iter().collect();
    for row in rows {
        let before = last.insert((row.side as u8, row.price_ticks), row);
        if let Some(before) = before.filter(|before| before.placed_by > row.placed_by) {
            faults.push(Fault::OutOfTurn {
                first: before.order,
                second: row.order,
            });
        }
    }
    faults
}

/// Holds the depth that was read against the orders that were read at the same moment (I7).
pub fn check_depth(rows: &[Resting], depths: &[Depth]) -> Vec<Fault> {
    let mut summed: BTreeMap<(u8, i64), (Side, u64, u64)> = BTreeMap::new();
    for row in rows {
        let key = (row.side as u8, row.price_ticks);
        let (_, lots, orders) = summed.entry(key).or_insert((row.side, 0, 0));
        *lots += row.open_lots;
        *orders += 1;
    }
    let mut faults = Vec::new();
    for depth in depths {
        let ours = summed.remove(&(depth.side as u8, depth.price_ticks));
        let ours = ours.map(|(_, lots, orders)| (lots, orders));
        if ours != Some((depth.lots, depth.orders)) {
            faults.push(Fault::OtherDepth {
                side: depth.side,
                price_ticks: depth.price_ticks,
                read: Some((depth.lots, depth.orders)),
                summed: ours,
            });
        }
    }
    let unread = summed.into_iter();
    faults.extend(unread.map(
        |((_, price_ticks), (side, lots, orders))| Fault::OtherDepth {
            side,
            price_ticks,
            read: None,
            summed: Some((lots, orders)),
        },
    ));
    faults
}

/// The hash of a book (I8): the same for the same orders at the same prices with the same open lots, in whichever order
/// the prices are read, and another one when two orders of a price have changed places.
pub fn book_hash(rows: &[Resting]) -> u64 {
    let mut before: BTreeMap<(u8, i64), u64> = BTreeMap::new();
    rows.iter()
        .map(|row| {
            let key = (row.side as u8, row.price_ticks);
            let link = before.insert(key, row.order).map_or(0, |order| order + 1);
            let values = [
                row.order,
                row.side as u64,
                row.price_ticks.cast_unsigned(),
                row.open_lots,
                link,
            ];
            values.into_iter().fold(0, |sum, value| mixed(sum ^ value))
        })
        .fold(0, |sum, one| sum ^ one)
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), on the next of its sequence.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(order: u64, side: Side, price_ticks: i64, open_lots: u64) -> Resting {
        Resting {
            order,
            side,
            price_ticks,
            open_lots,
            placed_by: order,
        }
    }

    fn rows() -> Vec<Resting> {
        vec![
            row(1, Side::Buy, 9, 5),
            row(2, Side::Buy, 9, 3),
            row(3, Side::Sell, 10, 4),
        ]
    }

    #[test]
    fn a_book_that_would_trade_and_an_order_out_of_turn_are_found() {
        assert_eq!(check_book(&rows()), []);
        let mut crossed = rows();
        crossed[2].price_ticks = 9;
        let fault = Fault::Crossed {
            bid_ticks: 9,
            ask_ticks: 9,
        };
        assert_eq!(check_book(&crossed), [fault]);
        let mut turned = rows();
        turned.swap(0, 1);
        let fault = Fault::OutOfTurn {
            first: 2,
            second: 1,
        };
        assert_eq!(check_book(&turned), [fault]);
    }

    #[test]
    fn a_depth_that_is_not_the_sum_of_its_orders_is_found() {
        let level = |side, price_ticks, lots, orders| Depth {
            side,
            price_ticks,
            lots,
            orders,
        };
        let right = [level(Side::Buy, 9, 8, 2), level(Side::Sell, 10, 4, 1)];
        assert_eq!(check_depth(&rows(), &right), []);
        let wrong = [level(Side::Buy, 9, 7, 2), level(Side::Buy, 8, 1, 1)];
        let other = |side, price_ticks, read, summed| Fault::OtherDepth {
            side,
            price_ticks,
            read,
            summed,
        };
        assert_eq!(
            check_depth(&rows(), &wrong),
            [
                other(Side::Buy, 9, Some((7, 2)), Some((8, 2))),
                other(Side::Buy, 8, Some((1, 1)), None),
                other(Side::Sell, 10, None, Some((4, 1))),
            ]
        );
    }

    #[test]
    fn a_hash_knows_places_within_a_price_and_not_the_order_of_prices() {
        let rows = rows();
        let prices_turned = [rows[2], rows[0], rows[1]];
        let places_turned = [rows[1], rows[0], rows[2]];
        let mut changed = rows.clone();
        changed[0].open_lots -= 1;
        assert_eq!(book_hash(&rows), book_hash(&prices_turned));
        assert_ne!(book_hash(&rows), book_hash(&places_turned));
        assert_ne!(book_hash(&rows), book_hash(&changed));
        assert_ne!(book_hash(&rows), book_hash(&rows[..2]));
    }
}
