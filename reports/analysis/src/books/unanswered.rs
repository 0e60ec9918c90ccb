//! Requests without an answer, and what the copies tell of their end.
//!
//! ```text
//! new      on a copy: done, where the row says so; on none of all copies: never done
//! cancel   its order is open or filled: never done; it ended: done, unless another cancel ended it before
//! replace  its order was never replaced, or last by one that was answered before this was sent: never done;
//!          last by a number that nobody else has: done, if it is the only one with these values
//! ```
//!
//! What the copies leave open stays a request that may have been done at any time since it was sent, or never.

use std::collections::{BTreeMap, BTreeSet};

use shakedown_history::{Ask, Learned, Operation};
use shakedown_scenarios::plan::{FieldMap, Plan, ReadBack};

use super::copy::{Copies, Held, State};
use super::requests::Asked;

/// What became of them.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    /// Those that were done, or may have been.
    pub placed: Vec<Asked>,
    /// How many may have been done or not, or were done nobody knows where.
    pub open: u64,
}

/// Tells the ends of requests that got no answer. `answered`: all others; the time in which one of them may have been done
/// grows where it may be a request of these that was.
pub(super) fn resolve(
    plan: &Plan,
    copies: &Copies,
    answered: &mut [Asked],
    unanswered: Vec<Asked>,
) -> Unanswered {
    let fields = match &plan.system.read_back {
        Some(ReadBack::List { fields, .. } | ReadBack::ById { fields, .. }) => fields.clone(),
        None => FieldMap::default(),
    };
    let mut of_order: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (at, one) in answered.iter().enumerate() {
        if let Ask::Cancel { order } | Ask::Replace { order, .. } = one.operation.ask
            && one.operation.learned != Learned::Refused
        {
            of_order.entry(order).or_default().push(at);
        }
    }
    let mut resolving = Resolving {
        copies,
        fields,
        answered,
        of_order,
        cancelled: BTreeSet::new(),
        found: Unanswered::default(),
    };
    for one in unanswered {
        resolving.take(one);
    }
    resolving.replaces_that_are_told_apart();
    let done = resolving.found.placed.iter();
    let open = done.filter(|one| one.operation.sequence.is_none()).count();
    resolving.found.open = open as u64;
    resolving.found
}

struct Resolving<'a> {
    copies: &'a Copies,
    fields: FieldMap,
    answered: &'a mut [Asked],
    /// Cancels and replaces that were acknowledged, by their order.
    of_order: BTreeMap<u64, Vec<usize>>,
    /// Orders that an unanswered cancel is known to have ended.
    cancelled: BTreeSet<u64>,
    found: Unanswered,
}

impl Resolving<'_> {
    fn take(&mut self, one: Asked) {
        match one.operation.ask {
            Ask::New { .. } => self.take_new(one),
            Ask::Cancel { order } => self.take_cancel(one, order),
            Ask::Replace { order, .. } => self.take_replace(one, order),
        }
    }

    fn take_new(&mut self, mut one: Asked) {
        match self.copies.held(one.operation.number) {
            None if self.copies.unread.is_empty() => return,
            None => {}
            Some(held) => done_at(&mut one.operation, held.sequence),
        }
        self.found.placed.push(one);
    }

    fn take_cancel(&mut self, mut one: Asked, order: u64) {
        let Some(held) = self.copies.held(order).copied() else {
            return self.found.placed.push(one);
        };
        match held.state {
            State::Open | State::Filled => return,
            State::Ended => {}
        }
        let known = self.of_order.get(&order).into_iter().flatten();
        let acked = known.copied().find(|at| {
            let other = &self.answered[*at].operation;
            matches!(other.ask, Ask::Cancel { .. })
        });
        if let Some(at) = acked {
            // One of the two ended it, and an engine may answer the other with the number of the first.
            let other = &mut self.answered[at].operation;
            other.sent_ns = other.sent_ns.min(one.operation.sent_ns);
            return;
        }
        match (held.cancelled, &self.fields.cancelled_sequence) {
            (Some(_), _) | (None, None) => {
                if !self.cancelled.insert(order) {
                    return self.again(order, one.operation.sent_ns);
                }
                done_at(&mut one.operation, held.cancelled);
            }
            // Nobody's cancel ended it: the engine did.
            (None, Some(_)) => {}
        }
        self.found.placed.push(one);
    }

    /// Another unanswered cancel of an order that one of them has ended.
    fn again(&mut self, order: u64, sent_ns: u64) {
        let first = self.found.placed.iter_mut().find(
            |one| matches!(one.operation.ask, Ask::Cancel { order: known } if known == order),
        );
        if let Some(first) = first {
            first.operation.sent_ns = first.operation.sent_ns.min(sent_ns);
        }
    }

    fn take_replace(&mut self, one: Asked, order: u64) {
        for at in self.of_order.get(&order).into_iter().flatten() {
            // The answer to the other may be the answer to this one, if it asked for the same.
            let other = &mut self.answered[*at].operation;
            if other.ask == one.operation.ask {
                other.sent_ns = other.sent_ns.min(one.operation.sent_ns);
            }
        }
        let tells = self.fields.replaced_sequence.is_some();
        let Some(held) = self.copies.held(order).filter(|_| tells) else {
            return self.found.placed.push(one);
        };
        let Some(last) = held.replaced else {
            return;
        };
        let known = self.of_order.get(&order).into_iter().flatten();
        let of_last = known
            .map(|at| &self.answered[*at].operation)
            .find(|other| other.sequence == Some(last));
        let came_after = of_last.is_some_and(|other| other.precedes(&one.operation));
        if !came_after {
            self.found.placed.push(one);
        }
    }

    /// The last replace of an order that nobody got an answer to, where its values say which of them it was.
    fn replaces_that_are_told_apart(&mut self) {
        let mut of_order: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (at, one) in self.found.placed.iter().enumerate() {
            if let Ask::Replace { order, .. } = one.operation.ask {
                of_order.entry(order).or_default().push(at);
            }
        }
        for (order, places) in of_order {
            let Some(held) = self.copies.held(order).copied() else {
                continue;
            };
            let Some(last) = held.replaced else {
                continue;
            };
            let known = self.of_order.get(&order).into_iter().flatten();
            let mut answered = known.map(|at| self.answered[*at].operation.sequence);
            if answered.any(|sequence| sequence == Some(last)) {
                continue;
            }
            let fits = |at: &&usize| sets(&self.found.placed[**at].operation, &held);
            if let [only] = places.iter().filter(fits).collect::<Vec<_>>()[..] {
                done_at(&mut self.found.placed[*only].operation, Some(last));
            }
        }
    }
}

fn done_at(operation: &mut Operation, sequence: Option<u64>) {
    operation.learned = Learned::Done { filled_lots: None };
    operation.sequence = sequence;
}

/// A replace that leaves an order as it is.
fn sets(operation: &Operation, held: &Held) -> bool {
    matches!(operation.ask, Ask::Replace { price_ticks, lots, .. }
        if price_ticks == held.price_ticks && u64::from(lots) == held.lots)
}
