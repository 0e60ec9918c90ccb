//! The story of one order: what was sent, how it ended, which fault was near, which copies have it.

use std::collections::BTreeSet;

use shakedown_record::ledger::{Entry, OrderKind};
use shakedown_record::readback::ReadKind;
use shakedown_scenarios::plan::Plan;

use crate::data_loss::{CopyRead, fault_of, outcome_words, side_name};
use crate::failover::Struck;
use crate::input::{Fate, Input};
use crate::words::{duration_ns, moment_s};

/// Tells stories of the orders of one run.
pub(crate) struct Teller<'a> {
    pub input: &'a Input,
    pub plan: &'a Plan,
    pub struck: &'a [Struck],
    /// When each firing was over.
    pub over: &'a [Option<u64>],
    pub reads: &'a [(ReadKind, Vec<CopyRead>)],
}

impl Teller<'_> {
    /// One sentence.
    pub fn in_short(&self, slot: u64) -> String {
        let Some(entry) = self.input.orders.get(slot) else {
            return format!("slot {slot} was never sent{}", self.found_on(slot));
        };
        let mut text = format!("{}, {}", self.what(&entry), self.ending(&entry));
        if let Some(retry) = self.retries(slot).last() {
            text.push_str(&format!("; {retry}"));
        }
        if let Some(near) = self.near_fault(slot, &entry) {
            text.push_str(&format!("; {near}"));
        }
        text.push_str(&self.found_on(slot));
        text
    }

    /// What was to be done, when, by whom: `buy 0.5 BTCUSD at 50000 due at 12.301 s in session 7`.
    pub fn what(&self, entry: &Entry) -> String {
        let order = self.order_words(entry);
        let due = moment_s(entry.intended_ns as f64 / 1e9);
        format!("{order} due at {due} in session {}", entry.session)
    }

    fn order_words(&self, entry: &Entry) -> String {
        let Some(symbol) = self.plan.load.symbols.get(usize::from(entry.symbol)) else {
            return "order".to_string();
        };
        let values = format!(
            "{} {} {} at {}",
            side_name(entry.side),
            symbol.instrument.lot.times(i64::from(entry.quantity_lots)),
            symbol.name,
            symbol.instrument.tick.times(entry.price_ticks),
        );
        match (entry.kind, entry.target) {
            (OrderKind::Cancel, Some(target)) => format!("cancel of slot {target}"),
            (OrderKind::Replace, Some(target)) => format!("replace of slot {target} by {values}"),
            (OrderKind::Oversized, _) => format!("{values} (too large on purpose)"),
            _ => values,
        }
    }

    /// How it ended: `acknowledged at 12.303 s by engine-1, sequence 1234`.
    pub fn ending(&self, entry: &Entry) -> String {
        let outcome = entry.settled();
        let mut text = outcome_words(outcome).to_string();
        if let Some(done_ns) = entry.done_ns {
            text.push_str(&format!(" at {}", moment_s(done_ns as f64 / 1e9)));
        }
        if let Some(node) = self.input.served_by(entry) {
            text.push_str(&format!(" by {node}"));
        }
        if let Some(sequence) = entry.sequence {
            text.push_str(&format!(", sequence {sequence}"));
        }
        text
    }

    /// Each time it was sent again.
    pub fn retries(&self, slot: u64) -> Vec<String> {
        let retries = self.input.retries.get(&slot).map_or(&[][..], Vec::as_slice);
        let told = retries.iter().map(|retry| {
            let sent = moment_s(retry.sent_ns as f64 / 1e9);
            format!(
                "sent again under the same id at {sent}: {}",
                outcome_words(retry.outcome)
            )
        });
        told.collect()
    }

    /// The fault that was not over when the order ended, and how far away it was.
    pub fn near_fault(&self, slot: u64, entry: &Entry) -> Option<String> {
        let at_ns = match self.input.fate(slot, entry) {
            Fate::Acked { at_ns } => at_ns,
            Fate::Indeterminate | Fate::Absent(_) => entry.done_ns.unwrap_or(entry.intended_ns),
        };
        let firing = self.struck.get(fault_of(at_ns, self.over)?)?;
        let apart = duration_ns(firing.injected_ns.abs_diff(at_ns) as f64);
        let side = if at_ns < firing.injected_ns {
            "before"
        } else {
            "after"
        };
        Some(format!("{apart} {side} {} struck", firing.label))
    }

    /// Which copies have it, and which do not.
    pub fn found_on(&self, slot: u64) -> String {
        let mut text = String::new();
        let mut was_there = false;
        for (read, copies) in self.reads {
            let having = names(copies, |copy| copy.present.contains(slot));
            let missing = names(copies, |copy| {
                copy.is_complete() && !copy.present.contains(slot)
            });
            let unread = names(copies, |copy| {
                !copy.is_complete() && !copy.present.contains(slot)
            });
            let parts = [
                ("found on", having),
                ("missing on", missing),
                ("not to be told of", unread),
            ];
            for (words, names) in parts.into_iter().filter(|(_, names)| !names.is_empty()) {
                text.push_str(&format!("; {words} {}", names.join(", ")));
            }
            if self.reads.len() > 1 {
                text.push_str(&format!(" ({} read)", read.name()));
            }
            let is_there = copies.iter().any(|copy| copy.present.contains(slot));
            if was_there && !is_there && copies.iter().all(CopyRead::is_complete) {
                text.push_str(&format!(": gone {}", read.moment()));
            }
            was_there |= is_there;
            for copy in copies {
                if copy.twice.contains(slot) {
                    text.push_str(&format!("; {} has it more than once", copy.replica));
                }
                if let Some(what) = copy.differences.get(&slot) {
                    text.push_str(&format!("; {} has {what}", copy.replica));
                }
            }
        }
        text
    }

    /// A cancel or replace, with when it was due and how it ended.
    pub fn follower(&self, entry: &Entry) -> (u64, String) {
        let text = format!("{}: {}", self.order_words(entry), self.ending(entry));
        (entry.intended_ns, text)
    }
}

/// Cancels and replaces that address some orders, all found in one walk over the ledger.
pub(crate) struct Followers(Vec<Entry>);

impl Followers {
    /// Those of these orders.
    pub fn of(input: &Input, orders: &BTreeSet<u64>) -> Self {
        let follows = |entry: &Entry| entry.target.is_some_and(|it| orders.contains(&it));
        match orders.is_empty() {
            true => Self(Vec::new()),
            false => Self(input.orders.picked(follows)),
        }
    }

    /// Those of one of them, in the order of the ledger.
    pub fn of_order(&self, slot: u64) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(move |it| it.target == Some(slot))
    }
}

fn names(copies: &[CopyRead], pick: impl Fn(&CopyRead) -> bool) -> Vec<&str> {
    copies
        .iter()
        .filter(|copy| pick(copy))
        .map(|copy| copy.replica.as_str())
        .collect()
}
