//! Orders over HTTP/1.1. Answers come in the order of the requests: that is all there is to tell them apart by.

use std::collections::VecDeque;
use std::sync::Arc;

use shakedown_record::Outcome;
use shakedown_record::ledger::OrderKind;
use shakedown_scenarios::plan::{
    Answer as AnswerRule, Auth, Extract, Identity, OrderAction, Orders, Request,
};

use super::said::{Heard, Judged, Letter};
use super::texts::OrderTexts;
use crate::engine::desk::Job;
use crate::engine::names::Names;
use crate::engine::session::Flight;
use crate::http::{
    Answer, BaseUrl, Compiled, Decoder, Ending, Scratch, classify, take, take_server,
};
use crate::secret::Secrets;

/// Orders over HTTP/1.1.
#[derive(Debug)]
pub(crate) struct HttpOrders {
    orders: Arc<Orders>,
    /// For each entry address.
    actions: Vec<Actions<Compiled>>,
    texts: OrderTexts,
    names: Names,
    scratch: Scratch,
    /// One for each session.
    decoders: Vec<Decoder>,
}

/// The three actions of a profile, compiled for one entry address.
#[derive(Debug, Clone)]
pub(super) struct Actions<T> {
    new: T,
    cancel: Option<T>,
    replace: Option<T>,
}

impl HttpOrders {
    /// For the sessions that the texts are of.
    pub fn new(
        orders: Arc<Orders>,
        auth: &Auth,
        secrets: &Secrets,
        entry: &[BaseUrl],
        texts: OrderTexts,
        names: Names,
    ) -> HttpOrders {
        let keeps_bodies = needs_bodies(&orders);
        HttpOrders {
            actions: compile(&orders, entry, |request, url| {
                Compiled::new(request, auth, secrets, url)
            }),
            orders,
            decoders: (0..texts.sessions())
                .map(|_| Decoder::new(keeps_bodies))
                .collect(),
            texts,
            names,
            scratch: Scratch::default(),
        }
    }

    pub(super) fn begin(&mut self, session: usize) {
        self.decoders[session].reset();
    }

    pub(super) fn encode(&mut self, letter: &Letter<'_>, out: &mut Vec<u8>) {
        let vars = self.texts.of(letter);
        self.actions[letter.address]
            .of(letter.job.kind)
            .append(&vars, &mut self.scratch, out);
    }

    pub(super) fn hear(
        &mut self,
        session: usize,
        flight: &VecDeque<Flight>,
        bytes: &[u8],
    ) -> Heard {
        self.hear_at(session, flight, 0, bytes)
    }

    /// The same where the next answer is to the slot at another place than the first.
    pub(super) fn hear_at(
        &mut self,
        session: usize,
        flight: &VecDeque<Flight>,
        place: usize,
        bytes: &[u8],
    ) -> Heard {
        let Some(asked) = flight.get(place) else {
            return Heard::Unasked;
        };
        let job = &asked.job;
        let to_head = self.actions[0].of(job.kind).asks_for_head();
        let (orders, names) = (&self.orders, &mut self.names);
        hear(
            &mut self.decoders[session],
            bytes,
            to_head,
            place,
            |answer| judge(orders, names, job, answer),
        )
    }

    pub(super) fn end(&mut self, session: usize, flight: &VecDeque<Flight>) -> Option<Judged> {
        match (self.decoders[session].end(), flight.front()) {
            (Ending::Answer(answer), Some(oldest)) => {
                Some(judge(&self.orders, &mut self.names, &oldest.job, &answer))
            }
            (Ending::Answer(_) | Ending::Idle | Ending::Torn, _) => None,
        }
    }
}

/// Reads on; an answer belongs to the slot at this place of the flight.
pub(super) fn hear(
    decoder: &mut Decoder,
    bytes: &[u8],
    to_head: bool,
    place: usize,
    judge: impl FnOnce(&Answer<'_>) -> Judged,
) -> Heard {
    match decoder.decode(bytes, to_head) {
        Ok(None) => Heard::More,
        Ok(Some((used, answer))) => Heard::Answer {
            used,
            place,
            judged: judge(&answer),
            close: answer.close,
        },
        Err(malformed) => {
            tracing::debug!(%malformed, "a connection is closed");
            Heard::Malformed
        }
    }
}

/// What an answer means; ids and sequence are taken from acknowledgements only, who gave it from every answer.
pub(super) fn judge(orders: &Orders, names: &mut Names, job: &Job, answer: &Answer<'_>) -> Judged {
    let action = action(orders, job.kind);
    let classified = classify(action, answer.status, answer.body);
    let mut judged = Judged::without_answer(classified.outcome);
    let header = |name: &str| answer.header(name);
    let taken = match classified.outcome {
        Outcome::Acked => take(&orders.take, header, answer.body),
        _ => take_server(&orders.take, header, answer.body),
    };
    judged.sequence = taken.sequence.filter(|sequence| *sequence < u64::MAX);
    judged.term = taken.term;
    if let Some(name) = taken.served_by {
        judged.served_by = names.number(&name);
    }
    if orders.identity == Identity::Server && job.kind.makes_order() {
        judged.server_id = taken.server_id.map(|id| Box::from(id.as_ref()));
    }
    judged
}

impl<T> Actions<T> {
    pub(super) fn of(&self, kind: OrderKind) -> &T {
        let action = match kind {
            OrderKind::New | OrderKind::Oversized | OrderKind::Request => Some(&self.new),
            OrderKind::Cancel => self.cancel.as_ref(),
            OrderKind::Replace => self.replace.as_ref(),
        };
        action.expect("a desk is only made for mixes that the profile can carry")
    }
}

fn action(orders: &Orders, kind: OrderKind) -> &OrderAction {
    let action = match kind {
        OrderKind::New | OrderKind::Oversized | OrderKind::Request => Some(&orders.new),
        OrderKind::Cancel => orders.cancel.as_ref(),
        OrderKind::Replace => orders.replace.as_ref(),
    };
    action.expect("a desk is only made for mixes that the profile can carry")
}

/// The actions for each entry address.
pub(super) fn compile<T: Clone>(
    orders: &Orders,
    entry: &[BaseUrl],
    compile: impl Fn(&Request, &BaseUrl) -> T,
) -> Vec<Actions<T>> {
    let for_entry = |url: &BaseUrl| {
        let compiled = |action: &OrderAction| compile(&action.send, url);
        let actions = Actions {
            new: compiled(&orders.new),
            cancel: orders.cancel.as_ref().map(compiled),
            replace: orders.replace.as_ref().map(compiled),
        };
        vec![actions; url.addresses.len()]
    };
    entry.iter().flat_map(for_entry).collect()
}

/// Some rule looks into bodies.
pub(super) fn needs_bodies(orders: &Orders) -> bool {
    let points = |extract: &Option<Extract>| matches!(extract, Some(Extract::Pointer(_)));
    let conditional =
        |rule: Option<&AnswerRule>| rule.is_some_and(|rule| !rule.conditions.is_empty());
    let looked_into = |action: &OrderAction| {
        conditional(Some(&action.acked))
            || conditional(action.rejected.as_ref())
            || conditional(action.throttled.as_ref())
            || conditional(action.too_late.as_ref())
    };
    points(&orders.take.server_id)
        || points(&orders.take.sequence)
        || points(&orders.take.served_by)
        || points(&orders.take.term)
        || looked_into(&orders.new)
        || orders.cancel.as_ref().is_some_and(looked_into)
        || orders.replace.as_ref().is_some_and(looked_into)
}
