//! All orders ever accepted, by the engine's id and by the client's.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Chunks;
use crate::book::Place;
use crate::command::{Line, OrderState, OrderType, Side};
use crate::instruments::InstrumentId;

/// The last replace of an order, kept so that a retry of it gets the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// The price it set.
    pub price_ticks: u64,
    /// The total quantity it set.
    pub lots: u64,
    /// Its engine sequence number.
    pub sequence: u64,
    /// What was left to trade after it.
    pub remaining_lots: u64,
    /// The first trade it caused (an index into the trades) and how many.
    pub trades: (u64, u32),
}

/// That an order ends, or has ended, without its client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The connection with which it ends, if any.
    pub line: Option<Line>,
    /// The engine sequence number with which it ended with its connection, or by the kill switch of its account.
    pub ended: Option<u64>,
}

/// What an order waits for, and when it ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// The trade that it waits for, or has waited for.
    pub stop: Option<Stop>,
    /// The end of its time.
    pub end: Option<End>,
}

/// A stop price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The order enters the book when its symbol trades here or beyond.
    pub price_ticks: u64,
    /// The engine sequence number of the command whose trade it was.
    pub triggered: Option<u64>,
    /// How often it has entered.
    pub count: u32,
}

/// The end of an order's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// In milliseconds since 1970.
    pub at_ms: u64,
    /// The engine sequence number with which it ended so, and the engine's time then.
    pub ended: Option<(u64, u64)>,
    /// How often it has ended.
    pub count: u32,
}

/// One accepted order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The client's id.
    pub id: Arc<str>,
    /// The engine's id: 1 for the first order, and ascending.
    pub order_id: u64,
    /// The account's number.
    pub account: u32,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Which side.
    pub side: Side,
    /// Limit or market.
    pub order_type: OrderType,
    /// The current limit price; 0 for market orders.
    pub price_ticks: u64,
    /// The quantity of the first acknowledgement.
    pub asked_lots: u64,
    /// The current total quantity.
    pub lots: u64,
    /// What of it has traded.
    pub filled_lots: u64,
    /// Where it stands.
    pub state: OrderState,
    /// The engine sequence number of its acceptance.
    pub sequence: u64,
    /// The consensus term of its acceptance.
    pub term: u64,
    /// The engine sequence number with which it took its place in the queue.
    pub priority: u64,
    /// The first trade on entry (an index into the trades) and how many.
    pub entry_trades: (u64, u32),
    /// The engine sequence number of its cancel, if its client cancelled it.
    pub cancel_sequence: Option<u64>,
    /// Its last replace.
    pub replaced: Option<Box<Replaced>>,
    /// The number of the session whose risk it is, if that has a limit.
    pub risk: Option<u32>,
    /// What ends it beside its client, if anything does.
    pub bound: Option<Box<Bound>>,
    /// What it waits for, and when it ends, if its client wants any of it.
    pub timing: Option<Box<Timing>>,
}

impl Order {
    /// What is left to trade if the order is open.
    pub fn open_lots(&self) -> u64 {
        self.lots.saturating_sub(self.filled_lots)
    }

    /// What can still trade: 0 once it is filled or cancelled.
    pub fn remaining_lots(&self) -> u64 {
        match self.state {
            OrderState::Open => self.open_lots(),
            OrderState::Filled | OrderState::Cancelled => 0,
        }
    }

    /// The engine sequence number with which its client, the end of its connection or of its time, or a kill switch took it out.
    pub fn cancelled_at(&self) -> Option<u64> {
        let ended = self.bound.as_ref().and_then(|bound| bound.ended);
        let end = self.timing.as_ref().and_then(|timing| timing.end);
        let over = end.and_then(|end| end.ended).map(|(sequence, _)| sequence);
        self.cancel_sequence.or(ended).or(over)
    }

    /// It is open, and not in the book: it waits for its stop price.
    pub fn waits(&self) -> bool {
        let stop = self.timing.as_ref().and_then(|timing| timing.stop);
        self.state == OrderState::Open && stop.is_some_and(|stop| stop.triggered.is_none())
    }

    /// What of it counts as risk: what is open, and what was filled.
    pub fn exposed_lots(&self) -> u64 {
        match self.state {
            OrderState::Open => self.lots,
            OrderState::Filled | OrderState::Cancelled => self.filled_lots,
        }
    }

    /// Its place in the queue of its price.
    pub fn place(&self) -> Place {
        Place {
            priority: self.priority,
            order_id: self.order_id,
        }
    }
}

/// The order store. A row can be missing only where a defect removed it.
#[derive(Debug, Default)]
pub struct Orders {
    rows: Chunks<Option<Order>>,
    by_id: HashMap<Arc<str>, u64>,
    live: u64,
}

impl Orders {
    /// The store that holds these rows; the first order of each client id is the one found by it.
    pub fn from_rows(rows: Chunks<Option<Order>>) -> Self {
        let mut orders = Self {
            rows: Chunks::default(),
            by_id: HashMap::with_capacity(rows.len()),
            live: 0,
        };
        for order in rows.iter_from(0).flatten() {
            orders
                .by_id
                .entry(Arc::clone(&order.id))
                .or_insert(order.order_id);
            orders.live += 1;
        }
        orders.rows = rows;
        orders
    }

    /// The rows, sharing their memory.
    pub fn share_rows(&self) -> Chunks<Option<Order>> {
        self.rows.clone()
    }

    /// The id that the next accepted order gets.
    pub fn next_order_id(&self) -> u64 {
        self.rows.len() as u64 + 1
    }

    /// Adds an accepted order, whose `order_id` is [`Self::next_order_id`].
    pub fn push(&mut self, order: Order) {
        debug_assert_eq!(order.order_id, self.next_order_id());
        self.by_id
            .entry(Arc::clone(&order.id))
            .or_insert(order.order_id);
        self.rows.push(Some(order));
        self.live += 1;
    }

    /// The order with this engine id.
    pub fn get(&self, order_id: u64) -> Option<&Order> {
        self.rows.get(row_index(order_id)?)?.as_ref()
    }

    /// The order with this engine id, to be changed.
    pub fn get_mut(&mut self, order_id: u64) -> Option<&mut Order> {
        self.rows.get_mut(row_index(order_id)?)?.as_mut()
    }

    /// The order with this client id.
    pub fn find(&self, id: &str) -> Option<&Order> {
        self.get(*self.by_id.get(id)?)
    }

    /// The first open order with this client id, where a defect let several in under it.
    pub fn find_open(&self, id: &str) -> Option<&Order> {
        let first = self.by_id.get(id)?;
        let mut twins = self.after(first - 1).filter(|order| &*order.id == id);
        twins.find(|order| order.state == OrderState::Open)
    }

    /// The orders after this engine id, ascending.
    pub fn after(&self, order_id: u64) -> impl Iterator<Item = &Order> + '_ {
        let start = usize::try_from(order_id).unwrap_or(usize::MAX);
        self.rows.iter_from(start).flatten()
    }

    /// How many orders there are.
    pub fn count(&self) -> u64 {
        self.live
    }

    /// Removes the last `count` orders from the store, as if they had never been; for a defect only.
    pub fn forget_last(&mut self, count: usize) -> Vec<Order> {
        let mut forgotten = Vec::new();
        let mut order_id = self.rows.len() as u64;
        while order_id > 0 && forgotten.len() < count {
            forgotten.extend(self.forget(order_id));
            order_id -= 1;
        }
        forgotten
    }

    /// Removes an order, as if it had never been; for a defect only.
    pub fn forget(&mut self, order_id: u64) -> Option<Order> {
        let order = self.rows.get_mut(row_index(order_id)?)?.take()?;
        if self.by_id.get(&order.id) == Some(&order_id) {
            self.by_id.remove(&order.id);
        }
        self.live -= 1;
        Some(order)
    }
}

fn row_index(order_id: u64) -> Option<usize> {
    usize::try_from(order_id.checked_sub(1)?).ok()
}
