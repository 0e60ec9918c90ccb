//! What sessions have open and filled, and how much of it they may have.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::instruments::InstrumentId;

/// A session in an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    session: u32,
    instrument: usize,
}

/// Names and limits, as they are kept in an image: what a session has follows from its orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    names: Vec<Arc<str>>,
    /// By session and index of the instrument, in lots.
    lots: BTreeMap<(u32, usize), u64>,
}

/// The sessions that have a limit.
#[derive(Debug, Default)]
pub struct Exposures {
    limits: Limits,
    numbers: BTreeMap<Arc<str>, u32>,
    /// In lots.
    has: BTreeMap<Place, u64>,
}

impl Exposures {
    /// Sessions with these limits, that have nothing yet.
    pub fn with(limits: Limits) -> Self {
        let names = limits.names.iter().zip(0..);
        Self {
            numbers: names
                .map(|(name, number)| (Arc::clone(name), number))
                .collect(),
            limits,
            has: BTreeMap::new(),
        }
    }

    /// Names and limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The number of a session, given out at its first use.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.limits.names.len())
            .expect("sessions are far fewer than four billion");
        let name: Arc<str> = Arc::from(name);
        self.limits.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    /// Whether a session may have so many lots more in an instrument, `asked` being the limit if it has none there yet.
    pub fn allows(&self, name: &str, instrument: InstrumentId, lots: u64, asked: u64) -> bool {
        let Some(session) = self.numbers.get(name).copied() else {
            return lots <= asked;
        };
        let instrument = instrument.index();
        let known = self.limits.lots.get(&(session, instrument));
        let limit = known.copied().unwrap_or(asked);
        self.has(session, instrument).saturating_add(lots) <= limit
    }

    /// Whether a session may have so many lots more where it has a limit.
    pub fn allows_more(&self, session: u32, instrument: InstrumentId, lots: u64) -> bool {
        let instrument = instrument.index();
        let limit = self.limits.lots.get(&(session, instrument));
        limit.is_none_or(|limit| self.has(session, instrument).saturating_add(lots) <= *limit)
    }

    /// What a session's first order in an instrument says of its limit there.
    pub fn agree(&mut self, session: u32, instrument: InstrumentId, lots: u64) {
        self.limits
            .lots
            .entry((session, instrument.index()))
            .or_insert(lots);
    }

    /// A session has so many lots more.
    pub fn add(&mut self, session: u32, instrument: InstrumentId, lots: u64) {
        let instrument = instrument.index();
        *self
            .has
            .entry(Place {
                session,
                instrument,
            })
            .or_default() += lots;
    }

    /// A session has so many lots fewer.
    pub fn remove(&mut self, session: u32, instrument: InstrumentId, lots: u64) {
        let instrument = instrument.index();
        let has = self
            .has
            .entry(Place {
                session,
                instrument,
            })
            .or_default();
        *has = has.saturating_sub(lots);
    }

    /// Takes every limit away that was agreed, for a defect only.
    pub(super) fn reset(&mut self) {
        self.limits
            .lots
            .values_mut()
            .for_each(|lots| *lots = u64::MAX);
    }

    fn has(&self, session: u32, instrument: usize) -> u64 {
        let has = self.has.get(&Place {
            session,
            instrument,
        });
        has.copied().unwrap_or(0)
    }
}
