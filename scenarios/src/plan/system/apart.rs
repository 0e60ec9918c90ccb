//! Replicas that each have books of their own.

use super::{DataLayout, ReadBack, System};

impl System {
    /// Each replica has books of its own: an order is on one copy, and only there can it be looked for, replaced and
    /// cancelled.
    pub fn books_are_apart(&self) -> bool {
        let replicas = self.parts.first().map_or(1, |part| part.replicas);
        match self.data {
            DataLayout::Memory => replicas > 1 && self.reads_each_replica(),
            DataLayout::Replicated | DataLayout::Sharded { .. } | DataLayout::Store { .. } => false,
        }
    }

    fn reads_each_replica(&self) -> bool {
        match &self.read_back {
            Some(
                ReadBack::List {
                    at_each_replica, ..
                }
                | ReadBack::ById {
                    at_each_replica, ..
                },
            ) => *at_each_replica,
            None => false,
        }
    }
}
