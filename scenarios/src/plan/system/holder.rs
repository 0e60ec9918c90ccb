//! Which part's replicas are asked what: for the data, and whether they are ready.

use crate::plan::Request;

use super::{DataLayout, Part, ReadBack, System};

impl System {
    /// The part whose replicas are read, each as a copy: that which holds the data, where the read-back asks a store; else that
    /// which orders enter through.
    pub fn holder(&self) -> Option<&Part> {
        match self.store_that_is_read() {
            Some(store) => self.parts.iter().find(|part| part.name == store),
            None => self.parts.first(),
        }
    }

    /// How a replica of a part is asked whether it is ready, and at which port, if that is another one; `None`: nobody says.
    pub fn readiness(&self, part: &str) -> Option<(&Request, Option<u16>)> {
        let own = self.parts.iter().find(|known| known.name == part);
        if let Some(own) = own.and_then(|part| part.ready.as_ref()) {
            return Some((own, None));
        }
        let health = self.health.as_ref()?;
        Some((health.ready.as_ref()?, health.port))
    }

    /// Each copy must hold every order.
    pub fn copies_are_equal(&self) -> bool {
        match self.data {
            DataLayout::Replicated => true,
            DataLayout::Store { .. } => self.store_that_is_read().is_some(),
            DataLayout::Sharded { .. } | DataLayout::Memory => false,
        }
    }

    fn store_that_is_read(&self) -> Option<&str> {
        let DataLayout::Store { part } = &self.data else {
            return None;
        };
        let is_asked = match self.read_back.as_ref()? {
            ReadBack::List { get, .. } | ReadBack::ById { get, .. } => get.is_of_store(),
        };
        is_asked.then_some(part)
    }
}
