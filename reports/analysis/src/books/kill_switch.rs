//! Accounts whose kill switch was pulled: nothing of theirs may be let in, replaced, filled or open from then on.
//!
//! Two witnesses: the time at which its acknowledgement was there, against that at which requests were sent; and the engine's own
//! numbers, against that of the acknowledgement. Each is proof by itself.

use std::collections::BTreeMap;

use shakedown_record::Outcome;
use shakedown_record::control::KillSwitchRecord;
use shakedown_record::fault::EffectFigure;
use shakedown_record::ledger::{Entry, OrderKind};
use shakedown_record::readback::ReadKind;
use shakedown_scenarios::plan::{FaultKind, Plan, RuleKind};

use super::copy::{Copies, CopyBook, State, slot_of};
use crate::data_loss::CopyRead;
use crate::facts::FiringFacts;
use crate::input::{Fate, Input};

/// Contradictions that are told in full.
const KEPT: usize = 5;

/// What it came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Killed {
    /// Accounts whose kill switch was acknowledged.
    pub accounts: u64,
    /// Their requests that were sent after that and answered; and those sent after the last fault, where one came later.
    pub tried: u64,
    pub tried_after_faults: Option<u64>,
    pub contradictions: u64,
    /// The first contradictions, and the order of each.
    pub first: Vec<(String, Option<u64>)>,
    /// Why there may be more.
    pub open: Option<String>,
}

impl Killed {
    /// As it stands in `record.json`.
    pub fn record(&self) -> KillSwitchRecord {
        KillSwitchRecord {
            accounts: self.accounts,
            tried: self.tried,
            tried_after_faults: self.tried_after_faults,
            contradictions: self.contradictions,
            open: self.open.clone(),
            examples: self.first.iter().map(|(text, _)| text.clone()).collect(),
        }
    }
}

/// Looks at every order; `None` when no rule asks.
pub(crate) fn killed(
    input: &Input,
    plan: &Plan,
    reads: &[(ReadKind, Vec<CopyRead>)],
) -> Option<Killed> {
    let mut rules = plan.rules.iter();
    rules.find(|rule| rule.kind == RuleKind::KillSwitch)?;
    let (pulled, unpulled) = pulled(input, plan);
    let last_fault_ns = last_fault_ns(input, &pulled);
    let mut looking = Looking {
        input,
        error_ns: input.clock_error_ns(),
        tried: pulled.keys().map(|account| (*account, 0)).collect(),
        tried_after_faults: last_fault_ns.map(|_| 0),
        last_fault_ns,
        pulled,
        against: BTreeMap::new(),
    };
    looking.requests();
    let copies = Copies::read(input, plan, reads);
    copies.all.iter().for_each(|copy| looking.copy(copy));
    Some(looking.found(unpulled.or_else(|| unread(&copies))))
}

fn unread(copies: &Copies) -> Option<String> {
    (!copies.unread.is_empty()).then(|| copies.unread.join("; "))
}

/// A kill switch that was acknowledged.
#[derive(Debug, Clone)]
struct Pulled {
    name: String,
    injected_ns: u64,
    /// Its acknowledgement was there by then, in nanoseconds since zero.
    acked_ns: u64,
    /// By the engine's own numbers.
    sequence: Option<u64>,
}

/// Whose kill switch was acknowledged, by the number of the account; and why not all were that should have been.
fn pulled(input: &Input, plan: &Plan) -> (BTreeMap<u8, Pulled>, Option<String>) {
    let (mut all, mut unpulled) = (BTreeMap::new(), None);
    for fault in &plan.faults {
        let FaultKind::KillSwitch { accounts } = &fault.kind else {
            continue;
        };
        let mut firings = input.facts.firings.iter();
        let firing = firings.find(|firing| firing.firing.fault == fault.id);
        let Some((firing, (acked, effect))) = firing
            .filter(|it| it.is_confirmed())
            .and_then(|firing| Some((firing, firing.effect.as_ref()?)))
        else {
            let said = firing.map_or_else(|| "it never fired".to_string(), why_not);
            unpulled.get_or_insert(format!(
                "the kill switch of {} was never acknowledged: {said}",
                accounts.join(", ")
            ));
            continue;
        };
        let at = |mono_ns| Some(input.facts.since_zero(mono_ns?)?.max(0) as u64);
        let (Some(injected_ns), Some(acked_ns)) = (at(firing.injected), at(Some(*acked))) else {
            continue;
        };
        for name in accounts {
            let Some(account) = plan.load.accounts.iter().position(|known| known == name) else {
                continue;
            };
            let told = |it: &&EffectFigure| it.name == *name && it.unit == EffectFigure::SEQUENCE;
            let figure = effect.figures.iter().find(told);
            all.entry(account as u8).or_insert_with(|| Pulled {
                name: name.clone(),
                injected_ns,
                acked_ns,
                sequence: figure
                    .and_then(|it| it.measured)
                    .map(|number| number as u64),
            });
        }
    }
    (all, unpulled)
}

fn why_not(firing: &FiringFacts) -> String {
    let seen = firing.effect.as_ref().map(|(_, effect)| &effect.text);
    let why = firing.refused.as_ref().or(firing.failed.as_ref()).or(seen);
    why.cloned().unwrap_or_else(|| "no answer came".to_string())
}

/// When the last fault struck that came at the kill switch or after it.
fn last_fault_ns(input: &Input, pulled: &BTreeMap<u8, Pulled>) -> Option<u64> {
    let first_ns = pulled.values().map(|it| it.injected_ns).min()?;
    let others = input
        .facts
        .firings
        .iter()
        .filter(|firing| !firing.is_kill_switch());
    let struck =
        others.filter_map(|firing| Some(input.facts.since_zero(firing.injected?)?.max(0) as u64));
    struck.filter(|at_ns| *at_ns >= first_ns).max()
}

struct Looking<'a> {
    input: &'a Input,
    pulled: BTreeMap<u8, Pulled>,
    /// How far the times of load workers may be from ours.
    error_ns: u64,
    last_fault_ns: Option<u64>,
    /// Requests that were answered, by account.
    tried: BTreeMap<u8, u64>,
    tried_after_faults: Option<u64>,
    /// By slot of the order or replace that it is about.
    against: BTreeMap<u64, String>,
}

impl Looking<'_> {
    /// What was asked for, and what was answered.
    fn requests(&mut self) {
        let input = self.input;
        for (slot, entry) in input.orders.iter() {
            let is_replace = match entry.kind {
                OrderKind::New | OrderKind::Oversized => false,
                OrderKind::Replace => true,
                OrderKind::Cancel | OrderKind::Request => continue,
            };
            let Some(pulled) = self.pulled.get(&entry.account) else {
                continue;
            };
            let sequence = input.sequence(slot, &entry);
            let is_acked = matches!(input.fate(slot, &entry), Fate::Acked { .. });
            let above = pulled.above(sequence).filter(|_| is_acked);
            let is_late = self.is_late(pulled, &entry);
            // A repeated replace may be answered with the number of the one that was done before.
            let is_old = is_replace && sequence.is_some() && pulled.sequence.is_some();
            let is_let_in = is_late && entry.settled() == Outcome::Acked && !is_old;
            let words = match (above, is_let_in) {
                (Some(above), _) => Some(format!("was acknowledged at {above}")),
                (None, true) => Some(format!(
                    "was acknowledged, sent {} after the kill switch of {}",
                    crate::words::duration_ns(since(&entry, pulled.acked_ns)),
                    pulled.name
                )),
                (None, false) => None,
            };
            if let Some(words) = words {
                let what = if is_replace { "a replace of " } else { "" };
                let of = entry.target.filter(|_| is_replace).unwrap_or(slot);
                let text = format!("{what}{} {words}", input.order_id(of));
                self.against.entry(of).or_insert(text);
            }
            if is_late && entry.settled().is_served() {
                *self.tried.entry(entry.account).or_default() += 1;
                self.count_after_faults(&entry);
            }
        }
    }

    fn count_after_faults(&mut self, entry: &Entry) {
        let (Some(count), Some(at_ns)) = (&mut self.tried_after_faults, self.last_fault_ns) else {
            return;
        };
        *count += u64::from(
            entry
                .sent_ns
                .is_some_and(|sent| sent > at_ns + self.error_ns),
        );
    }

    /// It was surely sent after the acknowledgement was there.
    fn is_late(&self, pulled: &Pulled, entry: &Entry) -> bool {
        let sent_ns = entry.sent_ns;
        sent_ns.is_some_and(|sent_ns| sent_ns > pulled.acked_ns + self.error_ns)
    }

    /// What a copy shows of their orders and trades.
    fn copy(&mut self, copy: &CopyBook) {
        let input = self.input;
        for (number, held) in &copy.orders {
            let Some((slot, entry, pulled)) = self.theirs(*number) else {
                continue;
            };
            let is_late = self.is_late(pulled, &entry);
            let numbered = pulled
                .above(held.sequence)
                .map(|above| format!("stands on {} at {above}", copy.name));
            let replaced = pulled
                .above(held.replaced)
                .map(|above| format!("was replaced at {above} ({})", copy.name));
            let open = (held.state == State::Open).then(|| {
                format!(
                    "is open on {}, after the kill switch of {}",
                    copy.name, pulled.name
                )
            });
            let late = is_late.then(|| {
                format!(
                    "is on {}, sent after the kill switch of {}",
                    copy.name, pulled.name
                )
            });
            if let Some(words) = numbered.or(replaced).or(open).or(late) {
                let text = format!("{} {words}", input.order_id(slot));
                self.against.entry(slot).or_insert(text);
            }
        }
        for trade in copy.trades.iter().flatten() {
            for number in [trade.maker, trade.taker].into_iter().flatten() {
                let Some((slot, _, pulled)) = self.theirs(number) else {
                    continue;
                };
                if let Some(above) = pulled.above(trade.sequence) {
                    let id = input.order_id(slot);
                    let text = format!(
                        "{id} was filled at {above} (trade {}, {})",
                        trade.id, copy.name
                    );
                    self.against.entry(slot).or_insert(text);
                }
            }
        }
    }

    fn theirs(&self, number: u64) -> Option<(u64, Entry, &Pulled)> {
        let slot = slot_of(number)?;
        let entry = self.input.orders.get(slot)?;
        Some((slot, entry, self.pulled.get(&entry.account)?))
    }

    fn found(self, why: Option<String>) -> Killed {
        let untried = self.tried.iter().find(|(_, count)| **count == 0);
        let untried = untried
            .and_then(|(account, _)| self.pulled.get(account))
            .map(|pulled| {
                format!(
                    "nothing of {} was sent after its kill switch and answered: it was not tried",
                    pulled.name
                )
            });
        let unheld = (self.tried_after_faults == Some(0)).then(|| {
            "nothing of theirs was sent after the last fault and answered: whether it outlasts it was not tried".to_string()
        });
        Killed {
            accounts: self.pulled.len() as u64,
            tried: self.tried.values().sum(),
            tried_after_faults: self.tried_after_faults,
            contradictions: self.against.len() as u64,
            first: (self.against.into_iter().take(KEPT))
                .map(|(slot, text)| (text, Some(slot)))
                .collect(),
            open: why.or(untried).or(unheld),
        }
    }
}

impl Pulled {
    /// The words for a number of the engine's that is above that of the kill switch.
    fn above(&self, sequence: Option<u64>) -> Option<String> {
        let (sequence, killed) = (sequence?, self.sequence?);
        (sequence > killed).then(|| {
            format!(
                "{sequence}, above {killed}, the kill switch of {}",
                self.name
            )
        })
    }
}

fn since(entry: &Entry, at_ns: u64) -> f64 {
    entry.sent_ns.unwrap_or(at_ns).saturating_sub(at_ns) as f64
}
