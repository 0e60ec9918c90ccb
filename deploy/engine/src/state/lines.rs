//! Connections of clients to which orders are bound.
//!
//! A connection is known by the node that has it, the node's epoch and a number. A node that is lost, or that comes back,
//! gets the next epoch: whatever is bound to an earlier one has ended, and what still comes from there is refused.

use std::collections::BTreeMap;

use crate::command::Line;

/// What is bound to connections that have not ended.
#[derive(Debug, Default)]
pub struct Lines {
    /// By connection the orders that were entered over it, also those that have been filled or cancelled since.
    orders: BTreeMap<Line, Vec<u64>>,
    /// By node; 0 where none is named.
    epochs: BTreeMap<u64, u64>,
}

impl Lines {
    /// Nothing is bound yet.
    pub fn of_epochs(epochs: BTreeMap<u64, u64>) -> Self {
        Self {
            orders: BTreeMap::new(),
            epochs,
        }
    }

    /// The epochs of the nodes that are not in their first.
    pub fn epochs(&self) -> &BTreeMap<u64, u64> {
        &self.epochs
    }

    /// The epoch of a node.
    pub fn epoch(&self, node: u64) -> u64 {
        self.epochs.get(&node).copied().unwrap_or(0)
    }

    /// Orders are bound to connections of this node.
    pub fn has(&self, node: u64) -> bool {
        self.orders.keys().any(|line| line.node == node)
    }

    /// All connections of its node's epoch have ended.
    pub fn has_ended(&self, line: Line) -> bool {
        line.epoch < self.epoch(line.node)
    }

    /// Binds an order to a connection.
    pub fn bind(&mut self, line: Line, order_id: u64) {
        self.orders.entry(line).or_default().push(order_id);
    }

    /// A connection has ended: its orders.
    pub fn end(&mut self, line: Line) -> Vec<u64> {
        self.orders.remove(&line).unwrap_or_default()
    }

    /// All connections of a node up to an epoch have ended, the present one if none is named: their orders.
    pub fn end_node(&mut self, node: u64, epoch: Option<u64>) -> Vec<u64> {
        let present = self.epoch(node);
        let epoch = epoch.unwrap_or(present).min(present);
        self.epochs.insert(node, present.max(epoch + 1));
        let mut ended = Vec::new();
        self.orders.retain(|line, orders| {
            let stays = line.node != node || line.epoch > epoch;
            if !stays {
                ended.append(orders);
            }
            stays
        });
        ended
    }

    /// Every order that is bound to anything, for a defect only.
    pub(super) fn all(&self) -> Vec<u64> {
        self.orders.values().flatten().copied().collect()
    }
}
