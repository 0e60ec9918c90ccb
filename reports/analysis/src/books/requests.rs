//! The requests of a run as a history of books: what was asked, between which moments, and what is known of its end.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use shakedown_history::{Ask, Learned, Operation};
use shakedown_record::Outcome;
use shakedown_record::ledger::{Entry, OrderKind};
use shakedown_scenarios::HistoryBy;
use shakedown_scenarios::plan::Plan;

use super::copy::{Copies, Held, State, slot_of};
use super::unanswered::{Unanswered, resolve};
use crate::input::{Fate, Input};

/// All requests, by the book that they were for.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pub of_symbol: BTreeMap<u8, Vec<Operation>>,
    /// Requests that got no answer, and of those, the ones whose end the copies tell.
    pub unanswered: u64,
    pub resolved: u64,
    /// Orders without an answer that rest untouched, and that no request is about: where they came in nobody can say, and
    /// what was done to others does not tell. A search leaves them out, as it does sentinels.
    pub bystanders: BTreeSet<u64>,
    /// Orders that were acknowledged with one number, and stand with another one: number, acknowledged, read.
    pub misnumbered: Vec<(u64, u64, u64)>,
}

/// What the same request in other words has in common: an engine may answer it with the number that it has given already.
/// Where there are no numbers, all cancels of an order are one, and so are all replaces of it by the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Same {
    Cancel { order: u64, sequence: Option<u64> },
    Replace { ask: Ask, sequence: Option<u64> },
}

/// A request on its way into a history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub symbol: u8,
    pub operation: Operation,
}

struct Gathering<'a> {
    input: &'a Input,
    copies: &'a Copies,
    by: HistoryBy,
    error_ns: u64,
    all: Vec<Asked>,
    known: HashMap<Same, usize>,
    /// Replaces by what was asked for before, where there are no numbers: done anew, or already.
    repeated: Vec<Asked>,
    unanswered: Vec<Asked>,
    requests: Requests,
}

/// Gathers every request that may have had an effect, or was refused one.
pub(super) fn gather(input: &Input, plan: &Plan, copies: &Copies, by: HistoryBy) -> Requests {
    let mut gathering = Gathering {
        input,
        copies,
        by,
        error_ns: input.clock_error_ns(),
        all: Vec::new(),
        known: HashMap::new(),
        repeated: Vec::new(),
        unanswered: Vec::new(),
        requests: Requests::default(),
    };
    for (slot, entry) in input.orders.iter() {
        gathering.take(slot, &entry);
    }
    let mut requests = gathering.requests;
    requests.unanswered = gathering.unanswered.len() as u64;
    let mut all = gathering.all;
    let resolved = resolve(plan, copies, &mut all, gathering.unanswered);
    let Unanswered { placed, open } = resolved;
    let open = match by {
        HistoryBy::Numbers => open,
        HistoryBy::Search => placed.iter().filter(|one| is_open(one)).count() as u64,
    };
    requests.resolved = requests.unanswered - open;
    all.extend(placed);
    let repeated = that_may_matter(gathering.repeated, &all);
    all.extend(repeated);
    if by == HistoryBy::Search {
        requests.bystanders = bystanders(copies, &all);
        all.retain(|one| !requests.bystanders.contains(&one.operation.number));
    }
    let last_ns = all.iter().filter_map(|one| one.operation.answered_ns).max();
    all.extend(sentinels(copies, by, last_ns.unwrap_or(0)));
    for mut one in all {
        if by == HistoryBy::Search {
            one.operation.sequence = None;
        }
        let of = requests.of_symbol.entry(one.symbol).or_default();
        of.push(one.operation);
    }
    requests
}

impl Gathering<'_> {
    fn take(&mut self, slot: u64, entry: &Entry) {
        let Some(ask) = ask(entry) else {
            return;
        };
        let of = match ask {
            Ask::New { .. } => slot,
            Ask::Cancel { order } | Ask::Replace { order, .. } => order,
        };
        let symbol = self
            .input
            .orders
            .get(of)
            .map_or(entry.symbol, |it| it.symbol);
        let operation = Operation {
            number: slot,
            ask,
            sent_ns: entry
                .sent_ns
                .unwrap_or(entry.intended_ns)
                .saturating_sub(self.error_ns),
            answered_ns: None,
            learned: Learned::Nothing,
            sequence: None,
        };
        let asked = Asked { symbol, operation };
        match self.input.fate(slot, entry) {
            Fate::Acked { at_ns } => self.acked(slot, entry, asked, at_ns),
            Fate::Indeterminate => self.unanswered.push(asked),
            // That another rule refused it is no matter of the book. Of cancels there is none.
            Fate::Absent(Outcome::Rejected) if entry.kind == OrderKind::Cancel => {
                let answered_ns = entry.done_ns.map(|done_ns| done_ns + self.error_ns);
                self.all.push(Asked {
                    operation: Operation {
                        learned: Learned::Refused,
                        answered_ns,
                        ..operation
                    },
                    ..asked
                });
            }
            Fate::Absent(_) => {}
        }
    }

    fn acked(&mut self, slot: u64, entry: &Entry, asked: Asked, at_ns: u64) {
        let told = match self.by {
            HistoryBy::Numbers => self.input.sequence(slot, entry),
            HistoryBy::Search => None,
        };
        let sequence = told.or_else(|| self.copies.held(slot)?.sequence);
        let operation = Operation {
            answered_ns: Some(at_ns + self.error_ns),
            learned: Learned::Done { filled_lots: None },
            sequence,
            ..asked.operation
        };
        if let Some(told) = told {
            self.compare_numbers(&operation, told);
        }
        let same = match self.by {
            HistoryBy::Numbers => sequence.and_then(|sequence| same(operation.ask, Some(sequence))),
            HistoryBy::Search => same(operation.ask, None),
        };
        if let Some(first) = same.and_then(|same| self.known.get(&same)) {
            // It was done once: after the first was sent, and before the first answer.
            let known = &mut self.all[*first].operation;
            if let (HistoryBy::Search, Ask::Replace { .. }) = (self.by, operation.ask) {
                let operation = Operation {
                    sent_ns: known.sent_ns.max(operation.sent_ns),
                    learned: Learned::Nothing,
                    ..operation
                };
                self.repeated.push(Asked { operation, ..asked });
            }
            known.sent_ns = known.sent_ns.min(operation.sent_ns);
            known.answered_ns = known.answered_ns.min(operation.answered_ns);
            return;
        }
        if let Some(same) = same {
            self.known.insert(same, self.all.len());
        }
        self.all.push(Asked { operation, ..asked });
    }

    /// The number in an acknowledgement is the one under which every copy has it.
    fn compare_numbers(&mut self, operation: &Operation, told: u64) {
        for copy in &self.copies.all {
            let read = match operation.ask {
                Ask::New { .. } => copy
                    .orders
                    .get(&operation.number)
                    .and_then(|it| it.sequence),
                Ask::Cancel { order } => {
                    let held = copy.orders.get(&order);
                    held.filter(|it| it.state == State::Ended)
                        .and_then(|it| it.cancelled)
                }
                Ask::Replace { .. } => None,
            };
            if let Some(read) = read.filter(|read| *read != told) {
                let found = (operation.number, told, read);
                self.requests.misnumbered.push(found);
                return;
            }
        }
    }
}

fn ask(entry: &Entry) -> Option<Ask> {
    let (price_ticks, lots) = (entry.price_ticks, entry.quantity_lots);
    match entry.kind {
        OrderKind::New | OrderKind::Oversized => Some(Ask::New {
            side: entry.side,
            price_ticks,
            lots,
        }),
        OrderKind::Cancel => Some(Ask::Cancel {
            order: entry.target?,
        }),
        OrderKind::Replace => Some(Ask::Replace {
            order: entry.target?,
            price_ticks,
            lots,
        }),
        OrderKind::Request => None,
    }
}

fn same(ask: Ask, sequence: Option<u64>) -> Option<Same> {
    match ask {
        Ask::New { .. } => None,
        Ask::Cancel { order } => Some(Same::Cancel { order, sequence }),
        Ask::Replace { .. } => Some(Same::Replace { ask, sequence }),
    }
}

/// Repeated replaces of orders that other replaces are about as well: where nobody asked for anything else, a further time
/// changes nothing.
fn that_may_matter(repeated: Vec<Asked>, all: &[Asked]) -> Vec<Asked> {
    if repeated.is_empty() {
        return repeated;
    }
    let mut terms: HashMap<u64, HashSet<Ask>> = HashMap::new();
    for one in all {
        if let Ask::Replace { order, .. } = one.operation.ask {
            terms.entry(order).or_default().insert(one.operation.ask);
        }
    }
    let changes = |one: &Asked| match one.operation.ask {
        Ask::Replace { order, .. } => terms.get(&order).is_some_and(|terms| terms.len() > 1),
        Ask::New { .. } | Ask::Cancel { .. } => false,
    };
    repeated.into_iter().filter(changes).collect()
}

fn bystanders(copies: &Copies, all: &[Asked]) -> BTreeSet<u64> {
    let named: BTreeSet<u64> = all
        .iter()
        .filter_map(|one| match one.operation.ask {
            Ask::Cancel { order } | Ask::Replace { order, .. } => Some(order),
            Ask::New { .. } => None,
        })
        .collect();
    let rests = |number: &u64| {
        let mut held = copies.all.iter().map(|copy| copy.orders.get(number));
        held.all(|held| held.is_some_and(is_untouched)) && !copies.all.is_empty()
    };
    all.iter()
        .filter(|one| one.operation.answered_ns.is_none())
        .map(|one| one.operation.number)
        .filter(|number| !named.contains(number) && rests(number))
        .collect()
}

/// Sentinels are orders like any other, sent after all that was answered. One that rests untouched, and of which nobody
/// says where it came, changed nothing that we replay. A search asks for no place: what traded or ended was done some time.
fn sentinels(copies: &Copies, by: HistoryBy, last_ns: u64) -> Vec<Asked> {
    let mut found = Vec::new();
    let mut seen = Vec::new();
    for (number, held) in copies.all.iter().flat_map(|copy| &copy.orders) {
        if slot_of(*number).is_some() || seen.contains(number) {
            continue;
        }
        seen.push(*number);
        let is_left_out = match by {
            HistoryBy::Numbers => held.sequence.is_none() && is_untouched(held),
            HistoryBy::Search => is_untouched(held),
        };
        if is_left_out {
            continue;
        }
        let (learned, sent_ns) = match (held.sequence, by) {
            (_, HistoryBy::Search) => (Learned::Done { filled_lots: None }, 0),
            (Some(_), HistoryBy::Numbers) => (Learned::Done { filled_lots: None }, last_ns),
            (None, HistoryBy::Numbers) => (Learned::Nothing, last_ns),
        };
        found.push(Asked {
            symbol: held.symbol,
            operation: Operation {
                number: *number,
                ask: Ask::New {
                    side: held.side,
                    price_ticks: held.price_ticks,
                    lots: u32::try_from(held.lots).unwrap_or(u32::MAX),
                },
                sent_ns,
                answered_ns: None,
                learned,
                sequence: held.sequence,
            },
        });
    }
    found
}

impl Requests {
    /// Whether an order of a copy stands in the books that are held against each other: sentinels need a place in the
    /// engine's order, or must have done something.
    pub fn count(&self, number: u64, held: &Held, by: HistoryBy) -> bool {
        match (slot_of(number), by) {
            (Some(_), _) => !self.bystanders.contains(&number),
            (None, HistoryBy::Numbers) => held.sequence.is_some(),
            (None, HistoryBy::Search) => !is_untouched(held),
        }
    }
}

fn is_open(one: &Asked) -> bool {
    one.operation.learned == Learned::Nothing
}

/// Nothing of it has traded, and it was not taken out.
pub(super) fn is_untouched(held: &Held) -> bool {
    held.state == State::Open && held.remaining == Some(held.lots)
}
