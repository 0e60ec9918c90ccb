//! Resting orders: entering, leaving, resizing, and looking at a book.

use std::collections::BTreeMap;

use super::{Level, Place};
use crate::command::Side;

/// Both sides of one instrument's book.
#[derive(Debug, Default)]
pub struct Book {
    pub(super) bids: BTreeMap<u64, Level>,
    pub(super) asks: BTreeMap<u64, Level>,
}

impl Book {
    /// Lets an order rest at `price_ticks`.
    pub fn insert(&mut self, side: Side, price_ticks: u64, place: Place, open_lots: u64) {
        self.side_mut(side)
            .entry(price_ticks)
            .or_default()
            .insert(place, open_lots);
    }

    /// Takes an order out; false if it was not there.
    pub fn remove(&mut self, side: Side, price_ticks: u64, place: Place) -> bool {
        let levels = self.side_mut(side);
        let Some(level) = levels.get_mut(&price_ticks) else {
            return false;
        };
        let removed = level.remove(place);
        if level.is_empty() {
            levels.remove(&price_ticks);
        }
        removed
    }

    /// Sets the open lots of an order that keeps its place; false if it is not there.
    pub fn resize(&mut self, side: Side, price_ticks: u64, place: Place, open_lots: u64) -> bool {
        self.side_mut(side)
            .get_mut(&price_ticks)
            .is_some_and(|level| level.resize(place, open_lots))
    }

    /// The best price of a side: the highest bid, the lowest ask.
    pub fn best(&self, side: Side) -> Option<u64> {
        match side {
            Side::Buy => self.bids.keys().next_back().copied(),
            Side::Sell => self.asks.keys().next().copied(),
        }
    }

    /// The levels of a side from the best price outwards.
    pub fn levels(&self, side: Side) -> Box<dyn Iterator<Item = (u64, &Level)> + '_> {
        match side {
            Side::Buy => Box::new(self.bids.iter().rev().map(|(price, level)| (*price, level))),
            Side::Sell => Box::new(self.asks.iter().map(|(price, level)| (*price, level))),
        }
    }

    pub(super) fn side_mut(&mut self, side: Side) -> &mut BTreeMap<u64, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}
