//! Orders that end with their connection: those whose connection ended against what the contract says, and all others, which
//! it says nothing of.
//!
//! Client and engine need not see an end at the same moment. So an order counts as cancelled without a reason only when its
//! connection was still there after the read, or has taken another order after the cancel by the engine's own numbers. And
//! something came too late only when an order has a lower number that was sent after the time had passed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use shakedown_record::Outcome;
use shakedown_record::ledger::{Entry, OrderKind};
use shakedown_record::readback::ReadKind;
use shakedown_record::run_record::DisconnectsRecord;
use shakedown_scenarios::plan::{Plan, SessionContract};

use super::copy::{Copies, Held, State, slot_of};
use crate::connections::{Connection, Connections};
use crate::data_loss::CopyRead;
use crate::input::{Fate, Input};
use crate::words::duration_ns;

/// Contradictions that are told in full.
const KEPT: usize = 5;

/// What became of orders whose connection ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Disconnects {
    /// Connections that ended while the load ran, and those that were kept until after the read.
    pub ended: u64,
    pub kept: u64,
    /// Orders that were acknowledged over those that ended.
    pub orders: u64,
    /// Of these, orders that the engine has cancelled, as it may.
    pub cancelled: u64,
    pub contradictions: u64,
    /// The first contradictions, and the order of each.
    pub first: Vec<(String, Option<u64>)>,
    /// Why there may be more.
    pub open: Option<String>,
    /// Every order was looked at.
    pub is_whole: bool,
}

impl Disconnects {
    /// As it stands in `record.json`.
    pub fn record(&self) -> DisconnectsRecord {
        DisconnectsRecord {
            connections_ended: self.ended,
            connections_kept: self.kept,
            orders: self.orders,
            cancelled: self.cancelled,
            contradictions: self.contradictions,
            open: self.open.clone(),
            examples: self.first.iter().map(|(text, _)| text.clone()).collect(),
        }
    }

    fn add(&mut self, slot: u64, text: String) {
        self.contradictions += 1;
        if self.first.len() < KEPT {
            self.first.push((text, Some(slot)));
        }
    }
}

/// Looks at every order; `None` where the profile has no contract.
pub(crate) fn disconnects(
    input: &Input,
    plan: &Plan,
    reads: &[(ReadKind, Vec<CopyRead>)],
) -> Option<Disconnects> {
    let contract = plan.system.cancel_on_disconnect?;
    let Some(connections) = &input.connections else {
        return Some(Disconnects {
            open: Some("nobody wrote down when connections ended".to_string()),
            ..Disconnects::default()
        });
    };
    let mut looking = Looking {
        input,
        contract,
        copies: Copies::read(input, plan, reads),
        numbers: Numbers::of(input, connections),
        touched: touched(input),
        read_ns: read_from_ns(input),
        ends: BTreeMap::new(),
        found: Disconnects::default(),
    };
    (looking.found.ended, looking.found.kept) = connections.counts(input.end_ns());
    let unknown = looking.orders(connections);
    looking.trades();
    looking.found.is_whole = looking.copies.unread.is_empty() && unknown == 0;
    looking.found.open = looking.why_open(unknown);
    Some(looking.found)
}

struct Looking<'a> {
    input: &'a Input,
    contract: SessionContract,
    copies: Copies,
    numbers: Numbers,
    touched: BTreeSet<u64>,
    read_ns: u64,
    /// When the connection of an order ended, by slot.
    ends: BTreeMap<u64, u64>,
    found: Disconnects,
}

impl Looking<'_> {
    /// How many orders came over a connection of which nobody knows the end.
    fn orders(&mut self, connections: &Connections) -> u64 {
        let mut unknown = 0;
        for (slot, entry) in self.input.orders.iter().filter(|(_, entry)| is_new(entry)) {
            let Some(connection) = connections.that_answered(&entry) else {
                unknown += 1;
                continue;
            };
            match connection.ended_ns {
                Some(ended_ns) => self.order_of_ended(slot, connection, ended_ns),
                None => self.order_of_kept(slot),
            }
        }
        unknown
    }

    fn rows(&self, slot: u64) -> impl Iterator<Item = (&str, &Held)> {
        let copies = self.copies.all.iter();
        copies.filter_map(move |copy| Some((copy.name.as_str(), copy.orders.get(&slot)?)))
    }

    /// The contract says nothing of it.
    fn order_of_kept(&mut self, slot: u64) {
        if self.touched.contains(&slot) {
            return;
        }
        let ended = self.rows(slot).find(|(_, held)| held.state == State::Ended);
        let Some((copy, _)) = ended else {
            return;
        };
        let id = self.input.order_id(slot);
        let text = format!("{id} was cancelled ({copy}), and its session was never disconnected");
        self.found.add(slot, text);
    }

    fn order_of_ended(&mut self, slot: u64, connection: Connection, ended_ns: u64) {
        self.found.orders += 1;
        self.ends.insert(slot, ended_ns);
        let words = self
            .rows(slot)
            .find_map(|(copy, held)| self.wrong(connection, ended_ns, copy, held, slot));
        if let Some(words) = words {
            let id = self.input.order_id(slot);
            return self.found.add(slot, format!("{id} {words}"));
        }
        let is_gone = self.contract.unlisted && self.rows(slot).next().is_none();
        let is_ended = |(_, held): (&str, &Held)| held.state == State::Ended;
        let is_cancelled = self.rows(slot).any(is_ended);
        if (is_gone || is_cancelled) && !self.touched.contains(&slot) {
            self.found.cancelled += 1;
        }
    }

    /// What is wrong with an order whose connection has ended, as a copy shows it.
    fn wrong(
        &self,
        connection: Connection,
        ended_ns: u64,
        copy: &str,
        held: &Held,
        slot: u64,
    ) -> Option<String> {
        match held.state {
            State::Filled => None,
            State::Open => {
                let due_ns = ended_ns + self.contract.within_ns?;
                let after = duration_ns(self.read_ns.saturating_sub(ended_ns) as f64);
                (due_ns <= self.read_ns)
                    .then(|| format!("is open on {copy} {after} after its connection ended"))
            }
            State::Ended if self.touched.contains(&slot) => None,
            State::Ended => {
                let cancelled = held.cancelled?;
                let alive = self.numbers.last_of.get(&connection).copied();
                if let Some(alive) = alive.filter(|alive| *alive > cancelled) {
                    return Some(format!(
                        "was cancelled at {cancelled}, and its connection took another order at {alive}"
                    ));
                }
                let after = duration_ns(self.too_late_ns(ended_ns, cancelled)? as f64);
                Some(format!(
                    "was cancelled more than {after} after its connection ended"
                ))
            }
        }
    }

    /// How long after the end something was done at the least, when that is too late.
    fn too_late_ns(&self, ended_ns: u64, sequence: u64) -> Option<u64> {
        let after_ns = self
            .numbers
            .not_before_ns(sequence)?
            .checked_sub(ended_ns)?;
        (after_ns > self.contract.within_ns?).then_some(after_ns)
    }

    /// No order whose connection has ended trades when the time has passed.
    fn trades(&mut self) {
        let Some(trades) = self.copies.all.iter().find_map(|copy| copy.trades.as_ref()) else {
            return;
        };
        let mut late = Vec::new();
        for trade in trades {
            for slot in [trade.maker, trade.taker].into_iter().flatten() {
                let ended = slot_of(slot).and_then(|slot| self.ends.get(&slot));
                let after_ns = ended
                    .zip(trade.sequence)
                    .and_then(|(ended_ns, sequence)| self.too_late_ns(*ended_ns, sequence));
                if let Some(after_ns) = after_ns {
                    late.push((slot, duration_ns(after_ns as f64)));
                }
            }
        }
        for (slot, after) in late {
            let id = self.input.order_id(slot);
            let text = format!("{id} traded more than {after} after its connection ended");
            self.found.add(slot, text);
        }
    }

    fn why_open(&self, unknown: u64) -> Option<String> {
        if !self.copies.unread.is_empty() {
            return Some(self.copies.unread.join("; "));
        }
        if unknown > 0 {
            return Some(format!(
                "of {unknown} orders nobody knows when their connection ended"
            ));
        }
        (self.found.ended == 0).then(|| "no session lost its connection".to_string())
    }
}

/// The engine's numbers of new orders, and what they tell of time.
#[derive(Debug, Default)]
struct Numbers {
    /// In order of the numbers, with the latest sending up to there.
    sent: Vec<(u64, u64)>,
    /// The highest number that came over a connection.
    last_of: HashMap<Connection, u64>,
}

impl Numbers {
    fn of(input: &Input, connections: &Connections) -> Numbers {
        let mut numbers = Numbers::default();
        for (_, entry) in input.orders.iter().filter(|(_, entry)| is_new(entry)) {
            let (Some(sequence), Some(sent_ns)) = (entry.sequence, entry.sent_ns) else {
                continue;
            };
            numbers.sent.push((sequence, sent_ns));
            if let Some(connection) = connections.that_answered(&entry) {
                let last = numbers.last_of.entry(connection).or_default();
                *last = sequence.max(*last);
            }
        }
        numbers.sent.sort_unstable();
        let mut latest_ns = 0;
        for (_, sent_ns) in &mut numbers.sent {
            latest_ns = latest_ns.max(*sent_ns);
            *sent_ns = latest_ns;
        }
        numbers
    }

    /// Before this moment what has the number was not done: an order with a lower one had not been sent.
    fn not_before_ns(&self, sequence: u64) -> Option<u64> {
        let before = self.sent.partition_point(|(known, _)| *known < sequence);
        Some(self.sent.get(before.checked_sub(1)?)?.1)
    }
}

/// A new order that was acknowledged to whoever sent it first.
fn is_new(entry: &Entry) -> bool {
    let is_new = matches!(entry.kind, OrderKind::New | OrderKind::Oversized);
    is_new && entry.settled() == Outcome::Acked
}

/// Orders that their client has cancelled, or may have.
fn touched(input: &Input) -> BTreeSet<u64> {
    let cancels = input
        .orders
        .iter()
        .filter(|(_, entry)| entry.kind == OrderKind::Cancel);
    let done = cancels.filter(|(slot, entry)| match input.fate(*slot, entry) {
        Fate::Acked { .. } | Fate::Indeterminate => true,
        Fate::Absent(_) => false,
    });
    done.filter_map(|(_, entry)| entry.target).collect()
}

/// What the copies show is not older than this, in nanoseconds since zero: the order that is behind all others.
fn read_from_ns(input: &Input) -> u64 {
    let facts = &input.facts;
    let sentinel = facts.sentinel_seen.get(&ReadKind::Converged);
    let since = sentinel.and_then(|mono_ns| facts.since_zero(*mono_ns));
    since.map_or(input.end_ns(), |since| since.max(0) as u64)
}
