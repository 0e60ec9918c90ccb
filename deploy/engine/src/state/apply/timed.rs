//! Stop orders and orders that are good until a time: what sets them off, and what ends them.
//!
//! Nothing here looks at a clock: trades set stops off at the place of the log where they happen, and what the time is, the
//! leader tells the log.

use super::Taker;
use crate::command::{Answer, OrderState, OrderType};
use crate::state::Exchange;

impl Exchange {
    /// Lets the stops enter that trades from this one on have reached, and those that these reach by trading.
    pub(super) fn set_off_reached(&mut self, first_trade: usize) {
        let mut next = first_trade;
        while let Some(trade) = self.trades.get(next).copied() {
            next += 1;
            let reached = self
                .timers
                .reached(trade.instrument.index(), trade.price_ticks);
            for order_id in reached {
                self.set_off(order_id);
            }
        }
    }

    /// A stop enters the book under the number of the command whose trade has reached its price.
    fn set_off(&mut self, order_id: u64) {
        let order = self.orders.get(order_id);
        let Some(mut order) = order.filter(|order| order.waits()).cloned() else {
            return;
        };
        if let Some(stop) = order
            .timing
            .as_mut()
            .and_then(|timing| timing.stop.as_mut())
        {
            stop.triggered = Some(self.sequence);
            stop.count += 1;
        }
        let before = order.lots;
        order.priority = self.sequence;
        let taker = Taker {
            order_id,
            instrument: order.instrument,
            side: order.side,
        };
        let limit_ticks = match order.order_type {
            OrderType::Limit => Some(order.price_ticks),
            OrderType::Market => None,
        };
        let (filled_lots, _) = self.trade(&taker, limit_ticks, order.open_lots());
        order.filled_lots += filled_lots;
        order.state = match (order.open_lots(), order.order_type) {
            (0, OrderType::Limit | OrderType::Market) => OrderState::Filled,
            (_, OrderType::Limit) => OrderState::Open,
            (_, OrderType::Market) => OrderState::Cancelled,
        };
        match order.state {
            OrderState::Open => self.rest(&order),
            OrderState::Filled | OrderState::Cancelled => self.accounts.closed(order.account),
        }
        self.exposed(&order, before);
        if let Some(row) = self.orders.get_mut(order_id) {
            *row = order;
        }
    }

    /// It is so late: what is open of orders whose time is over ends, each under a sequence number of its own.
    pub(super) fn expire(&mut self, now_ms: u64) -> Answer {
        let mut orders = self.timers.over(now_ms);
        orders.retain(|order_id| {
            let has_ended = self.end_order(*order_id);
            let sequence = self.sequence;
            let order = self.orders.get_mut(*order_id).filter(|_| has_ended);
            let timing = order.and_then(|order| order.timing.as_mut());
            if let Some(end) = timing.and_then(|timing| timing.end.as_mut()) {
                end.ended = Some((sequence, now_ms));
                end.count += 1;
            }
            has_ended
        });
        Answer::Ended { orders, epoch: 0 }
    }
}
