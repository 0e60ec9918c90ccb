//! One price level: a queue in the order in which places were taken.

use std::collections::BTreeMap;
use std::collections::btree_map::OccupiedEntry;

/// A place in the queue of a level. Lower is earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The engine sequence number with which the order took its place here.
    pub priority: u64,
    /// The engine's order id.
    pub order_id: u64,
}

/// Takes up to so many lots from the next of a level: who gave, how much, and whether nothing is left of it.
pub type Take = fn(&mut Level, u64) -> Option<(Place, u64, bool)>;

/// The orders resting at one price, in time order, with their open lots.
#[derive(Debug, Default)]
pub struct Level {
    queue: BTreeMap<Place, u64>,
}

impl Level {
    /// Puts an order at its place.
    pub fn insert(&mut self, place: Place, open_lots: u64) {
        self.queue.insert(place, open_lots);
    }

    /// Takes an order out; false if it was not there.
    pub fn remove(&mut self, place: Place) -> bool {
        self.queue.remove(&place).is_some()
    }

    /// Sets the open lots of an order that keeps its place; false if it is not there.
    pub fn resize(&mut self, place: Place, open_lots: u64) -> bool {
        match self.queue.get_mut(&place) {
            Some(lots) => {
                *lots = open_lots;
                true
            }
            None => false,
        }
    }

    /// Takes up to `lots` from the front of the queue: who gave, how much, and whether nothing is left of it.
    pub fn take_front(&mut self, lots: u64) -> Option<(Place, u64, bool)> {
        self.queue.first_entry().map(|front| take(front, lots))
    }

    /// The same from the back of the queue; for a defect only.
    pub fn take_back(&mut self, lots: u64) -> Option<(Place, u64, bool)> {
        self.queue.last_entry().map(|back| take(back, lots))
    }

    /// Nothing rests here.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The queue from front to back: place and open lots.
    pub fn iter(&self) -> impl Iterator<Item = (Place, u64)> + '_ {
        self.queue.iter().map(|(place, lots)| (*place, *lots))
    }
}

fn take(mut entry: OccupiedEntry<'_, Place, u64>, lots: u64) -> (Place, u64, bool) {
    let place = *entry.key();
    let given = lots.min(*entry.get());
    *entry.get_mut() -= given;
    let done = *entry.get() == 0;
    if done {
        entry.remove();
    }
    (place, given, done)
}
