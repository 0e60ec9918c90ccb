//! Connections that end, and the orders that end with them.

use crate::command::{Answer, Line, OrderState};
use crate::state::Exchange;

impl Exchange {
    /// A connection has ended.
    pub(super) fn hang_up(&mut self, line: Line) -> Answer {
        let orders = self.lines.end(line);
        self.end_orders(line.node, orders)
    }

    /// A node has lost all its connections up to an epoch.
    pub(super) fn lose_node(&mut self, node: u64, epoch: Option<u64>) -> Answer {
        let mut orders = self.lines.end_node(node, epoch);
        if self.defects.forgets_lost_node() {
            orders.clear();
        }
        if epoch.is_some() && self.defects.ends_bystanders() {
            orders.extend(self.lines.all());
        }
        self.end_orders(node, orders)
    }

    /// Cancels what is open of these, each under a sequence number of its own.
    fn end_orders(&mut self, node: u64, mut orders: Vec<u64>) -> Answer {
        orders.retain(|order_id| self.end_order(*order_id));
        let epoch = self.lines.epoch(node);
        Answer::Ended { orders, epoch }
    }

    pub(super) fn end_order(&mut self, order_id: u64) -> bool {
        let order = self.orders.get(order_id);
        let Some(order) = order.filter(|order| order.state == OrderState::Open) else {
            return false;
        };
        let (book, account) = (order.instrument.index(), order.account);
        let (side, price_ticks, place) = (order.side, order.price_ticks, order.place());
        self.books[book].remove(side, price_ticks, place);
        self.accounts.closed(account);
        self.sequence += 1;
        let sequence = self.sequence;
        if let Some(order) = self.orders.get_mut(order_id) {
            order.state = OrderState::Cancelled;
            if let Some(bound) = &mut order.bound {
                bound.ended = Some(sequence);
            }
            let (order, lots) = (order.clone(), order.lots);
            self.exposed(&order, lots);
        }
        true
    }
}
