//! Orders in length-prefixed frames. Every answer repeats the number of its message: answers may come in any order, and
//! a second one to the same message changes nothing.

use std::collections::VecDeque;

use shakedown_record::Outcome;
use shakedown_record::ledger::OrderKind;
use shakedown_scenarios::plan::Identity;

use super::said::{Heard, Judged, Letter};
use super::texts::OrderTexts;
use crate::binary::{Answer, Frames, Kind, Status};
use crate::engine::names::Names;
use crate::engine::session::Flight;
use crate::error::LoadError;

/// Orders in length-prefixed frames.
#[derive(Debug)]
pub(crate) struct BinaryOrders {
    identity: Identity,
    batch: usize,
    texts: OrderTexts,
    names: Names,
    links: Vec<Link>,
}

/// What is known of a session's present connection.
#[derive(Debug, Default)]
struct Link {
    frames: Frames,
    /// The highest number that was sent.
    sent: u64,
}

impl BinaryOrders {
    /// For the sessions that the texts are of; `batch`: most messages that are written at once.
    ///
    /// # Errors
    /// When a symbol or account is too long for a frame.
    pub fn new(
        identity: Identity,
        batch: u32,
        texts: OrderTexts,
        names: Names,
    ) -> Result<BinaryOrders, LoadError> {
        texts.refuse_long_names()?;
        Ok(BinaryOrders {
            identity,
            batch: batch as usize,
            links: (0..texts.sessions()).map(|_| Link::default()).collect(),
            texts,
            names,
        })
    }

    pub(super) fn batch(&self) -> usize {
        self.batch
    }

    pub(super) fn begin(&mut self, session: usize) {
        let link = &mut self.links[session];
        link.frames.reset();
        link.sent = 0;
    }

    pub(super) fn encode(&mut self, letter: &Letter<'_>, out: &mut Vec<u8>) {
        self.links[letter.session].sent = letter.number;
        let kind = asked(letter.job.kind);
        self.texts.request(kind, letter).append(out);
    }

    pub(super) fn hear(
        &mut self,
        session: usize,
        flight: &VecDeque<Flight>,
        bytes: &[u8],
    ) -> Heard {
        let Link { frames, sent } = &mut self.links[session];
        let read = match frames.next(bytes) {
            Ok(None) => return Heard::More,
            Ok(Some((used, frame))) => Answer::read(frame).map(|answer| (used, answer)),
            Err(malformed) => Err(malformed),
        };
        let (used, answer) = match read {
            Ok(read) => read,
            Err(malformed) => {
                tracing::debug!(%malformed, "a connection is closed");
                return Heard::Malformed;
            }
        };
        let place = flight.binary_search_by_key(&answer.number, |flight| flight.number);
        let Ok(place) = place else {
            // Zero and what was never sent cannot be answered.
            return match (1..=*sent).contains(&answer.number) {
                true => Heard::Aside { used },
                false => Heard::Malformed,
            };
        };
        let asked = &flight[place];
        if self.texts.id_of(asked.slot, &asked.job) != answer.id {
            tracing::debug!("an answer names another order than its message did");
            return Heard::Malformed;
        }
        Heard::Answer {
            used,
            place,
            judged: judge(self.identity, &mut self.names, asked.job.kind, &answer),
            close: answer.leave && flight.len() == 1,
        }
    }
}

fn asked(kind: OrderKind) -> Kind {
    match kind {
        OrderKind::New | OrderKind::Oversized | OrderKind::Request => Kind::New,
        OrderKind::Cancel => Kind::Cancel,
        OrderKind::Replace => Kind::Replace,
    }
}

fn judge(identity: Identity, names: &mut Names, kind: OrderKind, answer: &Answer<'_>) -> Judged {
    let outcome = outcome(asked(kind), answer.status);
    let mut judged = Judged::without_answer(outcome);
    if !answer.node.is_empty() {
        judged.served_by = names.number(answer.node);
    }
    if outcome != Outcome::Acked {
        return judged;
    }
    judged.sequence = answer.sequence.filter(|sequence| *sequence < u64::MAX);
    if identity == Identity::Server && kind.makes_order() {
        judged.server_id = answer.order_id.map(|id| id.to_string().into());
    }
    judged
}

/// An acknowledgement of something else than was asked says nothing about what was.
fn outcome(asked: Kind, status: Status) -> Outcome {
    match (status, asked) {
        (Status::Accepted, Kind::New)
        | (Status::Cancelled, Kind::Cancel)
        | (Status::Replaced, Kind::Replace) => Outcome::Acked,
        (Status::Rejected | Status::TooLate | Status::UnknownOrder, _) => Outcome::Rejected,
        (Status::Throttled, _) => Outcome::Throttled,
        (Status::Accepted | Status::Cancelled | Status::Replaced, _)
        | (Status::Unavailable | Status::Unknown | Status::Malformed, _) => Outcome::BadResponse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_is_acknowledged() {
        assert_eq!(outcome(Kind::New, Status::Accepted), Outcome::Acked);
        assert_eq!(outcome(Kind::Cancel, Status::Cancelled), Outcome::Acked);
        assert_eq!(
            outcome(Kind::Cancel, Status::Accepted),
            Outcome::BadResponse
        );
        assert_eq!(outcome(Kind::New, Status::Replaced), Outcome::BadResponse);
        assert_eq!(outcome(Kind::Cancel, Status::TooLate), Outcome::Rejected);
        assert_eq!(outcome(Kind::New, Status::Throttled), Outcome::Throttled);
        for status in [Status::Unavailable, Status::Unknown, Status::Malformed] {
            assert_eq!(
                outcome(Kind::New, status),
                Outcome::BadResponse,
                "{status:?}"
            );
        }
    }
}
