//! Acknowledged orders of one session that a cancel or replace may address.

use std::collections::BTreeMap;

use shakedown_record::ledger::Side;

use super::draft::Draft;

/// An order that the engine acknowledged and that has not been cancelled by us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveOrder {
    /// Slot of the new order.
    pub slot: u64,
    pub symbol: u8,
    pub side: Side,
    pub account: u8,
    /// Price in ticks as last acknowledged.
    pub price_ticks: i64,
    /// Quantity in lots as last acknowledged.
    pub quantity_lots: u32,
    /// The engine's own id, where the profile says that ids are the engine's.
    pub server_id: Option<Box<str>>,
}

/// The most recent live orders of a session; the oldest are forgotten (they stay open in the engine).
///
/// An order that is being cancelled or replaced is out of the ring until its answer says that it lives on, so that no
/// order has two such messages in flight.
#[derive(Debug, Clone, Default)]
pub struct LiveOrders {
    orders: Vec<LiveOrder>,
    oldest: usize,
}

impl LiveOrders {
    /// Orders that are remembered for each session.
    pub const CAPACITY: usize = 128;

    /// Remembers an order, in place of the oldest when the ring is full.
    pub fn add(&mut self, order: LiveOrder) {
        if self.orders.len() < Self::CAPACITY {
            self.orders.push(order);
            return;
        }
        self.orders[self.oldest] = order;
        self.oldest = (self.oldest + 1) % Self::CAPACITY;
    }

    /// Takes out the order that `pick` chooses; `None` when the session has no live order.
    pub fn take(&mut self, pick: u64) -> Option<LiveOrder> {
        let at = pick.checked_rem(self.orders.len() as u64)? as usize;
        Some(self.orders.swap_remove(at))
    }

    /// Number of orders that can be addressed.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// True when nothing can be addressed.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }
}

/// Live orders of a session by their slots, for cancels and replaces that mean one order and no other; when there are too
/// many, the oldest are forgotten (they stay open in the engine).
#[derive(Debug, Clone, Default)]
pub struct LiveBySlot {
    orders: BTreeMap<u64, LiveOrder>,
    most: usize,
    takes_the_nearest: bool,
}

impl LiveBySlot {
    /// Orders that are remembered over all sessions.
    const CAPACITY: usize = 1 << 20;

    /// Room for one of so many sessions. `takes_the_nearest`: an order that is not live stands for the nearest in price.
    pub fn for_sessions(sessions: usize, takes_the_nearest: bool) -> LiveBySlot {
        LiveBySlot {
            orders: BTreeMap::new(),
            most: (Self::CAPACITY / sessions.max(1)).max(LiveOrders::CAPACITY),
            takes_the_nearest,
        }
    }

    /// Remembers an order.
    pub fn add(&mut self, order: LiveOrder) {
        self.orders.insert(order.slot, order);
        if self.orders.len() > self.most {
            self.orders.pop_first();
        }
    }

    /// Takes out the order of a slot, or the nearest in price on the side of the draft where that is asked for, the oldest of
    /// several; `None` when there is none.
    pub fn take(&mut self, slot: u64, draft: &Draft) -> Option<LiveOrder> {
        let found = self.orders.remove(&slot);
        if found.is_some() || !self.takes_the_nearest {
            return found;
        }
        let distance = |order: &LiveOrder| order.price_ticks.abs_diff(draft.price_ticks);
        let nearest = self
            .orders
            .values()
            .filter(|order| order.side == draft.side && order.symbol == draft.symbol)
            .min_by_key(|order| (distance(order), order.slot))?
            .slot;
        self.orders.remove(&nearest)
    }
}

/// Live orders of a session, as the flow addresses them.
#[derive(Debug, Clone)]
pub enum Live {
    /// Any of the most recent.
    Recent(LiveOrders),
    /// By slot.
    BySlot(LiveBySlot),
}

impl Live {
    /// Remembers an order.
    pub fn add(&mut self, order: LiveOrder) {
        match self {
            Live::Recent(live) => live.add(order),
            Live::BySlot(live) => live.add(order),
        }
    }

    /// Takes out the order that a cancel or replace addresses; `None` when there is none.
    pub fn take(&mut self, draft: &Draft) -> Option<LiveOrder> {
        match (self, draft.aim) {
            (Live::Recent(live), _) => live.take(draft.pick),
            (Live::BySlot(live), Some(slot)) => live.take(slot, draft),
            (Live::BySlot(_), None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(slot: u64) -> LiveOrder {
        LiveOrder {
            slot,
            symbol: 0,
            side: Side::Buy,
            account: 0,
            price_ticks: 1,
            quantity_lots: 1,
            server_id: None,
        }
    }

    #[test]
    fn an_order_is_addressed_at_most_once_until_it_is_put_back() {
        let mut live = LiveOrders::default();
        assert_eq!(live.take(7), None);
        (0..10).for_each(|slot| live.add(order(slot)));
        let mut taken: Vec<u64> = (0..10)
            .map(|pick| live.take(pick * 7919).unwrap().slot)
            .collect();
        assert!(live.is_empty());
        taken.sort_unstable();
        assert_eq!(taken, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let mut live = LiveOrders::default();
        let count = LiveOrders::CAPACITY as u64;
        (0..count + 10).for_each(|slot| live.add(order(slot)));
        assert_eq!(live.len(), LiveOrders::CAPACITY);
        let slots: Vec<u64> = (0..count)
            .filter_map(|_| live.take(0))
            .map(|o| o.slot)
            .collect();
        assert!(slots.iter().all(|slot| *slot >= 10));
    }

    #[test]
    fn adding_after_taking_never_leaves_the_ring() {
        let mut live = LiveOrders::default();
        for slot in 0..1_000 {
            live.add(order(slot));
            if slot % 3 == 0 {
                live.take(slot * 31);
            }
        }
        assert!(live.len() <= LiveOrders::CAPACITY);
    }
}
