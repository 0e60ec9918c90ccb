//! Which orders are ours, and what we sent: the ledger and its side files, as the reads after the load need them.

use std::collections::{BTreeSet, HashMap};

use shakedown_record::Outcome;
use shakedown_record::ledger::{Entry, LedgerError, LedgerReader, OrderKind, read_server_ids};
use shakedown_record::run_dir::RunDir;
use shakedown_scenarios::plan::Identity;

use crate::probes::{OrderWords, Target};
use crate::sentinel::Sentinels;

/// The orders of this run.
#[derive(Debug)]
pub struct Ours {
    /// `None`: it is still being written.
    ledger: Option<LedgerReader>,
    identity: Identity,
    /// Ids made by the engine, by slot; more than one when a retry was given another one.
    engine_ids: HashMap<u64, Vec<String>>,
    slots: HashMap<String, u64>,
    pub sentinels: Sentinels,
}

/// An order by both of its ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderIds {
    /// The client's: `{prefix}-{slot}`.
    pub client: String,
    /// By which the engine is asked: its own where it makes the ids.
    pub engine: String,
}

/// The orders that a read by id asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub orders: Vec<OrderIds>,
    /// Acknowledged orders whose id the engine did not tell: nobody can ask for them.
    pub without_id: u64,
}

impl Ours {
    /// Opens the ledger of the run.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(
        target: &Target,
        run_dir: &RunDir,
        sentinels: Sentinels,
    ) -> Result<Self, LedgerError> {
        let mut engine_ids: HashMap<u64, Vec<String>> = HashMap::new();
        let mut slots = HashMap::new();
        for known in read_server_ids(&run_dir.ledger())? {
            let ids = engine_ids.entry(known.slot).or_default();
            if !ids.contains(&known.id) {
                ids.push(known.id.clone());
            }
            slots.insert(known.id, known.slot);
        }
        Ok(Self {
            ledger: Some(LedgerReader::open(&run_dir.ledger())?),
            identity: target.plan.system.orders.identity,
            engine_ids,
            slots,
            sentinels,
        })
    }

    /// While the load is on: enough to know our orders by the ids that we made.
    pub fn underway(target: &Target) -> Self {
        Self {
            ledger: None,
            identity: target.plan.system.orders.identity,
            engine_ids: HashMap::new(),
            slots: HashMap::new(),
            sentinels: Sentinels::default(),
        }
    }

    /// Every slot in order.
    pub fn entries(&self) -> impl Iterator<Item = Result<(u64, Entry), LedgerError>> + '_ {
        self.ledger.iter().flat_map(LedgerReader::entries)
    }

    /// The client's id of an order that a copy showed under `id`; `None` when it is not ours.
    pub fn client_id(&self, target: &Target, id: &str) -> Option<String> {
        let ours = id.strip_prefix(&target.prefix);
        if ours.is_some_and(|rest| rest.starts_with('-')) {
            return Some(id.to_string());
        }
        match self.identity {
            Identity::Client => None,
            Identity::Server => {
                let sentinel = self.sentinels.orders.iter();
                let sentinel = sentinel
                    .filter(|order| order.server_id.as_deref() == Some(id))
                    .map(|order| order.words.id.clone())
                    .next();
                sentinel.or_else(|| self.slots.get(id).map(|slot| target.order_id(*slot)))
            }
        }
    }

    /// The ids by which the engine knows the order of a slot; none when it never told.
    pub fn engine_ids(&self, target: &Target, slot: u64) -> Vec<String> {
        match self.identity {
            Identity::Client => vec![target.order_id(slot)],
            Identity::Server => self.engine_ids.get(&slot).cloned().unwrap_or_default(),
        }
    }

    /// What was sent for an order of ours; `None` when nothing was.
    pub fn words(&self, target: &Target, client_id: &str) -> Option<OrderWords> {
        if let Some(slot) = target.slot_of(client_id) {
            let entry = self.ledger.as_ref()?.get(slot).ok().flatten()?;
            return Some(target.words(slot, &entry));
        }
        let mut sentinels = self.sentinels.orders.iter();
        let sentinel = sentinels.find(|order| order.words.id == client_id)?;
        Some(sentinel.words.clone())
    }

    /// Every order that may be there and has an id to ask for: acknowledged, rejected or indeterminate.
    ///
    /// # Errors
    /// When the ledger is damaged.
    pub fn asked(&self, target: &Target) -> Result<Asked, LedgerError> {
        let mut asked = Asked::default();
        for entry in self.entries() {
            let (slot, entry) = entry?;
            let outcome = entry.settled();
            let may_be_there = outcome.is_served() || outcome.is_indeterminate();
            if !entry.kind.makes_order() || !may_be_there {
                continue;
            }
            let ids = self.engine_ids(target, slot);
            if ids.is_empty() && outcome == Outcome::Acked {
                asked.without_id += 1;
            }
            asked.orders.extend(ids.into_iter().map(|engine| OrderIds {
                client: target.order_id(slot),
                engine,
            }));
        }
        Ok(asked)
    }

    /// Orders that may be open as far as the ledger tells: acknowledged or indeterminate, and not seen to be
    /// cancelled. For when no copy could be read.
    ///
    /// # Errors
    /// When the ledger is damaged.
    pub fn maybe_open(&self, target: &Target) -> Result<Vec<OrderIds>, LedgerError> {
        let mut open = BTreeSet::new();
        for entry in self.entries() {
            let (slot, entry) = entry?;
            let outcome = entry.settled();
            let executed = outcome == Outcome::Acked;
            match (entry.kind, entry.target) {
                (OrderKind::New | OrderKind::Oversized, _)
                    if executed || outcome.is_indeterminate() =>
                {
                    open.insert(slot);
                }
                (OrderKind::Cancel, Some(cancelled)) if executed => {
                    open.remove(&cancelled);
                }
                _ => {}
            }
        }
        let ids = open.into_iter().flat_map(|slot| {
            let ids = self.engine_ids(target, slot).into_iter();
            ids.map(move |engine| OrderIds {
                client: target.order_id(slot),
                engine,
            })
        });
        Ok(ids.chain(self.sentinels.ids(self.identity)).collect())
    }
}
