//! What sessions or accounts have open and filled, at every place of the engine's own order.
//!
//! It is counted from below: an order counts with the least quantity that it can have had, and not at all any more when it may have been
//! cancelled, but for what of it was filled. So whatever is above the limit was above it, whatever else is not known.

use std::collections::{BTreeMap, HashMap};

use shakedown_record::ledger::OrderKind;
use shakedown_record::readback::ReadKind;
use shakedown_record::run_record::ExposureRecord;
use shakedown_scenarios::plan::{ExposurePer, Plan, RuleKind};

use super::copy::{Copies, State};
use crate::data_loss::CopyRead;
use crate::input::{Fate, Input};

/// Contradictions that are told in full.
const KEPT: usize = 5;

/// A limit that nobody came nearer to than this share was not tried.
const NEAR: f64 = 0.8;

/// What it came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Exposed {
    /// Orders that were counted, and of how many sessions or accounts and instruments.
    pub orders: u64,
    pub holders: u64,
    /// The largest share of the limit that anybody had.
    pub most: f64,
    /// Holders that were above the limit.
    pub above: u64,
    /// The first of them, and the order with which it came above it.
    pub first: Vec<(String, Option<u64>)>,
    /// Why there may be more.
    pub open: Option<String>,
}

impl Exposed {
    /// As it stands in `record.json`.
    pub fn record(&self) -> ExposureRecord {
        ExposureRecord {
            orders: self.orders,
            holders: self.holders,
            most: self.most,
            above: self.above,
            open: self.open.clone(),
            examples: self.first.iter().map(|(text, _)| text.clone()).collect(),
        }
    }
}

/// Whose it is, and in which instrument.
type Holder = (u16, u8);

/// What changes at a place of the engine's order: which order, and lots.
#[derive(Debug, Clone, Copy)]
struct Change {
    slot: u64,
    lots: i64,
}

/// Counts; `None` when no rule asks.
pub(crate) fn exposed(
    input: &Input,
    plan: &Plan,
    reads: &[(ReadKind, Vec<CopyRead>)],
) -> Option<Exposed> {
    let mut rules = plan.rules.iter();
    rules.find(|rule| rule.kind == RuleKind::Exposure)?;
    let limit = plan.system.exposure?;
    let copies = Copies::read(input, plan, reads);
    let mut found = Exposed::default();
    let changes = changes(input, limit.per, &copies, &mut found);
    found.holders = changes.len() as u64;
    for ((holder, symbol), changes) in changes {
        let Some(share) = plan.load.symbols.get(usize::from(symbol)) else {
            continue;
        };
        let lot = share.instrument.lot.to_f64();
        let at_most = (limit.at_most.to_f64() / lot).round().max(1.0);
        let (mut has, mut most, mut broke) = (0_i64, 0_i64, None);
        for (sequence, change) in changes {
            has += change.lots;
            most = most.max(has);
            if has as f64 > at_most {
                broke = broke.or(Some((sequence, change.slot, has)));
            }
        }
        found.most = found.most.max(most as f64 / at_most);
        let Some((sequence, slot, has)) = broke else {
            continue;
        };
        found.above += 1;
        if found.first.len() < KEPT {
            let whose = match limit.per {
                ExposurePer::Session => format!("session {holder}"),
                ExposurePer::Account => account(plan, holder),
            };
            let lot = share.instrument.lot;
            found.first.push((
                format!(
                    "{whose} had {} of {} open and filled at {sequence}, limit {}",
                    lot.times(has),
                    share.name,
                    limit.at_most
                ),
                Some(slot),
            ));
        }
    }
    found.open = why_open(&copies, &found);
    Some(found)
}

fn account(plan: &Plan, holder: u16) -> String {
    let name = plan.load.accounts.get(usize::from(holder));
    name.map_or_else(
        || format!("account {holder}"),
        |name| format!("account {name}"),
    )
}

fn why_open(copies: &Copies, found: &Exposed) -> Option<String> {
    if !copies.unread.is_empty() {
        return Some(copies.unread.join("; "));
    }
    (found.most < NEAR).then(|| {
        format!(
            "nobody came near the limit: {:.0}% of it at most",
            found.most * 100.0
        )
    })
}

/// What clients have asked to be done to an order.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    /// The lowest number of an acknowledged cancel.
    cancelled: Option<u64>,
    /// A cancel got no answer: it may have been done at any time.
    unanswered: bool,
    /// The least quantity that a replace may have given it.
    least_lots: Option<u32>,
}

/// What every holder has more and less, in the engine's order.
fn changes(
    input: &Input,
    per: ExposurePer,
    copies: &Copies,
    found: &mut Exposed,
) -> BTreeMap<Holder, BTreeMap<u64, Change>> {
    let asked = asked(input);
    let mut changes: BTreeMap<Holder, BTreeMap<u64, Change>> = BTreeMap::new();
    let news = input.orders.iter();
    for (slot, entry) in
        news.filter(|(_, it)| matches!(it.kind, OrderKind::New | OrderKind::Oversized))
    {
        let (Fate::Acked { .. }, Some(sequence)) =
            (input.fate(slot, &entry), input.sequence(slot, &entry))
        else {
            continue;
        };
        let holder = match per {
            ExposurePer::Session => entry.session,
            ExposurePer::Account => u16::from(entry.account),
        };
        found.orders += 1;
        let of = changes.entry((holder, entry.symbol)).or_default();
        let asked = asked.get(&slot).copied().unwrap_or_default();
        let least = asked
            .least_lots
            .unwrap_or(entry.quantity_lots)
            .min(entry.quantity_lots);
        let held = copies.held(slot);
        let filled = held.and_then(|held| held.filled).unwrap_or(0);
        let filled = i64::try_from(filled)
            .unwrap_or(i64::MAX)
            .min(i64::from(least));
        let ended_otherwise =
            held.is_none_or(|held| held.state == State::Ended) && asked.cancelled.is_none();
        let lots = match asked.unanswered || ended_otherwise {
            true => filled,
            false => i64::from(least),
        };
        of.insert(sequence, Change { slot, lots });
        if let Some(cancelled) = asked.cancelled.filter(|_| lots > filled) {
            of.insert(
                cancelled,
                Change {
                    slot,
                    lots: filled - lots,
                },
            );
        }
    }
    changes
}

fn asked(input: &Input) -> HashMap<u64, Asked> {
    let mut all: HashMap<u64, Asked> = HashMap::new();
    for (slot, entry) in input.orders.iter() {
        let Some(target) = entry.target else { continue };
        let of = all.entry(target).or_default();
        match (entry.kind, input.fate(slot, &entry)) {
            (OrderKind::Cancel, Fate::Acked { .. }) => match input.sequence(slot, &entry) {
                Some(sequence) => {
                    of.cancelled = Some(of.cancelled.map_or(sequence, |it| it.min(sequence)))
                }
                None => of.unanswered = true,
            },
            (OrderKind::Cancel, Fate::Indeterminate) => of.unanswered = true,
            (OrderKind::Replace, Fate::Acked { .. } | Fate::Indeterminate) => {
                let least = of.least_lots.unwrap_or(entry.quantity_lots);
                of.least_lots = Some(least.min(entry.quantity_lots));
            }
            (_, _) => {}
        }
    }
    all
}
