//! The exchange as a value: what the commands change and the read endpoints show.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Accounts, Chunks, Exposures, Lines, Memory, Order, Orders, Timers};
use crate::book::Book;
use crate::command::{Fill, OrderState, Side};
use crate::defects::Defects;
use crate::instruments::{self, InstrumentId};

/// One trade between two orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// Unique and ascending over all instruments, from 1.
    pub trade_id: u64,
    /// What was traded.
    pub instrument: InstrumentId,
    /// The resting order's price.
    pub price_ticks: u64,
    /// How much.
    pub lots: u64,
    /// The order that rested.
    pub maker_order_id: u64,
    /// The order that came in.
    pub taker_order_id: u64,
    /// The side of the order that came in.
    pub taker_side: Side,
    /// The engine sequence number of the command that caused it.
    pub sequence: u64,
}

/// An order with its account's name.
#[derive(Debug, Clone)]
pub struct OrderView {
    /// The order.
    pub order: Order,
    /// Whose it is.
    pub account: Arc<str>,
}

/// A part of a list, with the state it was read from.
#[derive(Debug)]
pub struct Page<T> {
    /// The rows in ascending order.
    pub rows: Vec<T>,
    /// There are more rows after these.
    pub more: bool,
    /// How many rows there are in all.
    pub total: u64,
    /// The last applied engine sequence number.
    pub watermark: u64,
}

/// One resting order as the book shows it.
#[derive(Debug, PartialEq, Eq)]
pub struct DepthOrder {
    /// Its price.
    pub price_ticks: u64,
    /// Its open quantity.
    pub lots: u64,
    /// The client's id.
    pub id: Arc<str>,
    /// The engine's id.
    pub order_id: u64,
}

/// Both sides of a book, best price first, and within a price earliest first.
#[derive(Debug)]
pub struct Depth {
    /// Buy orders.
    pub bids: Vec<DepthOrder>,
    /// Sell orders.
    pub asks: Vec<DepthOrder>,
    /// The last applied engine sequence number.
    pub sequence: u64,
}

/// What rests at a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceLevel {
    /// The price.
    pub price_ticks: u64,
    /// The open quantity of all orders together.
    pub lots: u64,
    /// How many orders that is.
    pub orders: u64,
}

/// The whole replicated state.
#[derive(Debug)]
pub struct Exchange {
    pub(super) orders: Orders,
    pub(super) trades: Chunks<Trade>,
    pub(super) books: Vec<Book>,
    pub(super) accounts: Accounts,
    pub(super) lines: Lines,
    pub(super) exposures: Exposures,
    pub(super) timers: Timers,
    pub(super) sequence: u64,
    pub(super) max_open_orders_per_account: u32,
    pub(super) defects: Defects,
    pub(super) memory: Memory,
}

impl Exchange {
    /// An exchange on which nothing has happened yet.
    pub fn new(defects: Defects) -> Self {
        Self {
            orders: Orders::default(),
            trades: Chunks::default(),
            books: instruments::all().iter().map(|_| Book::default()).collect(),
            accounts: Accounts::that_keep(defects.overruns_risk()),
            lines: Lines::default(),
            exposures: Exposures::default(),
            timers: Timers::default(),
            sequence: 0,
            max_open_orders_per_account: super::MAX_OPEN_ORDERS_PER_ACCOUNT,
            defects,
            memory: Memory::default(),
        }
    }

    /// The same, where an account may have no more than so many orders in the books.
    pub fn with_limit(defects: Defects, max_open_orders_per_account: u32) -> Self {
        Self {
            max_open_orders_per_account,
            ..Self::new(defects)
        }
    }

    /// What the account that has most of it uses of its limit on open orders, as a share.
    pub fn risk_utilisation(&self) -> f64 {
        let most = f64::from(self.accounts.most_open_orders());
        most / f64::from(self.max_open_orders_per_account.max(1))
    }

    /// The engine sequence number of the last command that changed anything.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Hook of the defects: the drop copy leaves out that this order was accepted.
    pub fn leaves_copy_out(&self, order_id: u64) -> bool {
        self.defects.leaves_copy_out(order_id)
    }

    /// The engine id that the next accepted order gets.
    pub fn next_order_id(&self) -> u64 {
        self.orders.next_order_id()
    }

    /// How many orders are on record.
    pub fn orders(&self) -> u64 {
        self.orders.count()
    }

    /// How many orders are in the books.
    pub fn open_orders(&self) -> u64 {
        self.accounts.open_orders_total()
    }

    /// Up to `limit` orders after an engine id.
    pub fn orders_after(&self, order_id: u64, limit: usize) -> Page<OrderView> {
        let mut rows: Vec<OrderView> = self
            .orders
            .after(order_id)
            .filter(|order| !self.is_missing(order.order_id))
            .take(limit.saturating_add(1))
            .map(|order| self.view(order))
            .collect();
        let more = rows.len() > limit;
        rows.truncate(limit);
        Page {
            rows,
            more,
            total: self.orders.count() - self.missing(),
            watermark: self.sequence,
        }
    }

    /// The order with this client id.
    pub fn order(&self, id: &str) -> Option<OrderView> {
        let found = self.orders.find(id);
        found
            .filter(|order| !self.is_missing(order.order_id))
            .map(|order| self.view(order))
    }

    /// The order with this engine id.
    pub fn order_numbered(&self, order_id: u64) -> Option<OrderView> {
        self.orders.get(order_id).map(|order| self.view(order))
    }

    /// The client's id of the order with this engine id.
    pub fn client_id(&self, order_id: u64) -> Option<Arc<str>> {
        Some(Arc::clone(&self.orders.get(order_id)?.id))
    }

    /// How many trades there were.
    pub fn trade_count(&self) -> u64 {
        self.trades.len() as u64
    }

    /// The row of the order with this client id.
    pub fn row(&self, id: &str) -> Option<&Order> {
        self.orders.find(id)
    }

    /// The row of the order with this engine id.
    pub fn row_numbered(&self, order_id: u64) -> Option<&Order> {
        self.orders.get(order_id)
    }

    /// What is bound to connections.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// When the next order ends that is good until a time, in milliseconds since 1970.
    pub fn next_end_ms(&self) -> Option<u64> {
        self.timers.next_end_ms()
    }

    /// Up to `limit` trades after a trade id.
    pub fn trades_after(&self, trade_id: u64, limit: usize) -> Page<Trade> {
        let start = usize::try_from(trade_id).unwrap_or(usize::MAX);
        let mut rows: Vec<Trade> = self
            .trades
            .iter_from(start)
            .take(limit.saturating_add(1))
            .copied()
            .collect();
        let more = rows.len() > limit;
        rows.truncate(limit);
        Page {
            rows,
            more,
            total: self.trades.len() as u64,
            watermark: self.sequence,
        }
    }

    /// The book of an instrument, order by order.
    pub fn depth(&self, instrument: InstrumentId) -> Depth {
        Depth {
            bids: self.depth_of(instrument, Side::Buy),
            asks: self.depth_of(instrument, Side::Sell),
            sequence: self.sequence,
        }
    }

    /// The best price of a side of an instrument's book, in ticks.
    pub fn best(&self, instrument: InstrumentId, side: Side) -> Option<u64> {
        self.books[instrument.index()].best(side)
    }

    /// What rests on a side of an instrument's book, best price first.
    pub fn levels(&self, instrument: InstrumentId, side: Side) -> Vec<PriceLevel> {
        let mut levels: Vec<PriceLevel> = Vec::new();
        for order in self.depth_of(instrument, side) {
            match levels
                .last_mut()
                .filter(|it| it.price_ticks == order.price_ticks)
            {
                Some(level) => {
                    level.lots += order.lots;
                    level.orders += 1;
                }
                None => levels.push(PriceLevel {
                    price_ticks: order.price_ticks,
                    lots: order.lots + self.defects.drift(order.price_ticks),
                    orders: 1,
                }),
            }
        }
        levels
    }

    /// Removes the last `count` orders from list and book of this replica, as if they had never been; for a
    /// defect only. Says how many it removed.
    pub fn forget_last_orders(&mut self, count: usize) -> usize {
        let forgotten = self.orders.forget_last(count);
        for order in &forgotten {
            self.take_out(order);
        }
        forgotten.len()
    }

    /// Takes an order that is no longer in the list out of the book too; for a defect only.
    pub(super) fn take_out(&mut self, order: &Order) {
        if order.state == OrderState::Open {
            self.books[order.instrument.index()].remove(
                order.side,
                order.price_ticks,
                order.place(),
            );
            self.accounts.closed(order.account);
        }
    }

    /// The fills behind a range of trades.
    pub(super) fn fills(&self, (first, count): (u64, u32)) -> Vec<Fill> {
        let start = usize::try_from(first).unwrap_or(usize::MAX);
        self.trades
            .iter_from(start)
            .take(count as usize)
            .map(|trade| Fill {
                trade_id: trade.trade_id,
                price_ticks: trade.price_ticks,
                lots: trade.lots,
            })
            .collect()
    }

    fn depth_of(&self, instrument: InstrumentId, side: Side) -> Vec<DepthOrder> {
        let mut rows = Vec::new();
        for (price_ticks, level) in self.books[instrument.index()].levels(side) {
            let listed = level
                .iter()
                .filter(|(place, _)| !self.is_missing(place.order_id));
            for (place, lots) in listed {
                rows.push(DepthOrder {
                    price_ticks,
                    lots,
                    id: self
                        .orders
                        .get(place.order_id)
                        .map_or_else(|| Arc::from(""), |order| Arc::clone(&order.id)),
                    order_id: place.order_id,
                });
            }
        }
        rows
    }

    fn view(&self, order: &Order) -> OrderView {
        OrderView {
            order: order.clone(),
            account: self.accounts.name(order.account),
        }
    }
}
