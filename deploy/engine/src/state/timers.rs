//! Orders that wait: for a trade at their stop price, or for the end of their time.

use std::collections::BTreeSet;

use super::Order;
use crate::command::Side;
use crate::instruments;

/// Stop prices of one side of an instrument, in ticks, with the engine's ids of the orders.
type Waiting = BTreeSet<(u64, u64)>;

/// Everything that waits. It follows from the orders, so that no snapshot holds it.
#[derive(Debug)]
pub struct Timers {
    /// By instrument, buys and sells.
    stops: Vec<[Waiting; 2]>,
    /// Ends in milliseconds since 1970, with the engine's ids of the orders.
    ends: BTreeSet<(u64, u64)>,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            stops: instruments::all()
                .iter()
                .map(|_| Default::default())
                .collect(),
            ends: BTreeSet::new(),
        }
    }
}

impl Timers {
    /// An open order waits for what it is to wait for.
    pub fn add(&mut self, order: &Order) {
        let Some(timing) = &order.timing else {
            return;
        };
        if let (Some(stop), true) = (timing.stop, order.waits()) {
            let waiting = self.of(order.instrument.index(), order.side);
            waiting.insert((stop.price_ticks, order.order_id));
        }
        if let Some(end) = timing.end {
            self.ends.insert((end.at_ms, order.order_id));
        }
    }

    /// No order waits for its price.
    pub fn has_no_stops(&self) -> bool {
        self.stops.iter().flatten().all(Waiting::is_empty)
    }

    /// Takes out who waited for a trade at this price or one that it is beyond: buys from the lowest stop price upwards,
    /// then sells from the highest downwards; at one price the oldest order first.
    pub fn reached(&mut self, instrument: usize, price_ticks: u64) -> Vec<u64> {
        let buys = self.of(instrument, Side::Buy);
        let above = buys.split_off(&(price_ticks + 1, 0));
        let reached = std::mem::replace(buys, above).into_iter();
        let mut orders: Vec<u64> = reached.map(|(_, order_id)| order_id).collect();
        let sells = self.of(instrument, Side::Sell);
        let mut reached: Vec<_> = sells.split_off(&(price_ticks, 0)).into_iter().collect();
        reached.sort_by_key(|(price_ticks, order_id)| (std::cmp::Reverse(*price_ticks), *order_id));
        orders.extend(reached.into_iter().map(|(_, order_id)| order_id));
        orders
    }

    /// When the next order ends, in milliseconds since 1970.
    pub fn next_end_ms(&self) -> Option<u64> {
        self.ends.first().map(|(at_ms, _)| *at_ms)
    }

    /// Takes out whose time is over: the earliest end first.
    pub fn over(&mut self, now_ms: u64) -> Vec<u64> {
        let later = self.ends.split_off(&(now_ms.saturating_add(1), 0));
        let over = std::mem::replace(&mut self.ends, later).into_iter();
        over.map(|(_, order_id)| order_id).collect()
    }

    /// Nobody waits for a price any more, for a defect only.
    pub(super) fn forget_stops(&mut self) {
        self.stops.iter_mut().flatten().for_each(Waiting::clear);
    }

    /// No time ends any more, for a defect only.
    pub(super) fn forget_ends(&mut self) {
        self.ends.clear();
    }

    fn of(&mut self, instrument: usize, side: Side) -> &mut Waiting {
        let [buys, sells] = &mut self.stops[instrument];
        match side {
            Side::Buy => buys,
            Side::Sell => sells,
        }
    }
}
