//! Orders over HTTP/2: many streams on one connection, each answered by itself. What the server says it has not looked at
//! (REFUSED_STREAM, or beyond the last stream of a GOAWAY) is definitely absent; what a reset or an end leaves unanswered
//! may have executed.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use shakedown_record::Outcome;
use shakedown_scenarios::plan::{Auth, Orders};

use super::http::{Actions, compile, judge, needs_bodies};
use super::said::{Heard, Judged, Letter};
use super::texts::OrderTexts;
use crate::engine::desk::Job;
use crate::engine::names::Names;
use crate::engine::session::Flight;
use crate::http::{Answer, BaseUrl};
use crate::http2::{Connection, Event, Http2Request, Http2Scratch};
use crate::secret::Secrets;

/// Orders over HTTP/2.
#[derive(Debug)]
pub(crate) struct Http2Orders {
    orders: Arc<Orders>,
    /// For each entry address.
    actions: Vec<Actions<Http2Request>>,
    texts: OrderTexts,
    names: Names,
    scratch: Http2Scratch,
    /// One for each session.
    links: Vec<Connection>,
}

impl Http2Orders {
    /// For the sessions that the texts are of.
    pub fn new(
        orders: Arc<Orders>,
        auth: &Auth,
        secrets: &Secrets,
        entry: &[BaseUrl],
        texts: OrderTexts,
        names: Names,
    ) -> Http2Orders {
        let keeps_bodies = needs_bodies(&orders);
        Http2Orders {
            actions: compile(&orders, entry, |request, url| {
                Http2Request::new(request, auth, secrets, url)
            }),
            orders,
            links: (0..texts.sessions())
                .map(|_| Connection::new(keeps_bodies))
                .collect(),
            texts,
            names,
            scratch: Http2Scratch::default(),
        }
    }

    pub(super) fn begin(&mut self, session: usize, hello: &mut Vec<u8>) {
        self.links[session].begin(hello);
    }

    pub(super) fn most_in_flight(&self, session: usize) -> usize {
        self.links[session].most_streams()
    }

    pub(super) fn encode(&mut self, letter: &Letter<'_>, out: &mut Vec<u8>) {
        let link = &mut self.links[letter.session];
        let vars = self.texts.of(letter);
        self.actions[letter.address].of(letter.job.kind).ask(
            &vars,
            stream(letter.number),
            link,
            &mut self.scratch,
            out,
        );
    }

    pub(super) fn hear(
        &mut self,
        session: usize,
        flight: &VecDeque<Flight>,
        bytes: &[u8],
        reply: &mut Vec<u8>,
    ) -> Heard {
        let (orders, names) = (&self.orders, &mut self.names);
        let link = &mut self.links[session];
        hear(link, flight, bytes, reply, |job, answer| {
            judge(orders, names, job, answer)
        })
    }
}

/// Reads on; an answer belongs to the slot of its stream.
pub(super) fn hear(
    link: &mut Connection,
    flight: &VecDeque<Flight>,
    bytes: &[u8],
    reply: &mut Vec<u8>,
    judge: impl FnOnce(&Job, &Answer<'_>) -> Judged,
) -> Heard {
    let (used, event) = match link.next(bytes, reply) {
        Ok(Some(said)) => said,
        Ok(None) => return Heard::More,
        Err(malformed) => {
            tracing::debug!(%malformed, "a connection is closed");
            return Heard::Malformed;
        }
    };
    let place = |id: u32| flight.binary_search_by_key(&id, |flight| stream(flight.number));
    // With the last answer the connection has done all that it can.
    let close = link.most_streams() == 0 && flight.len() == 1;
    match event {
        Event::Open => Heard::Open { used },
        Event::Answered(id) => match place(id) {
            Err(_) => Heard::Aside { used },
            Ok(place) => Heard::Answer {
                used,
                place,
                judged: judge(&flight[place].job, &link.answer()),
                close,
            },
        },
        Event::Reset { stream, refused } => match (place(stream), refused) {
            (Err(_), _) => Heard::Aside { used },
            (Ok(place), true) => Heard::Declined {
                used,
                places: place..place + 1,
                close,
            },
            (Ok(place), false) => Heard::Answer {
                used,
                place,
                judged: Judged::without_answer(Outcome::ResetAfterSend),
                close,
            },
        },
        Event::Away => away(link, flight, used),
    }
}

/// The stream of the message with this number.
pub(super) fn stream(number: u64) -> u32 {
    // The connection takes no message whose stream would have no number.
    u32::try_from(2 * number - 1).unwrap_or(u32::MAX)
}

/// The server leaves: what is beyond its last stream it has not looked at.
fn away(link: &Connection, flight: &VecDeque<Flight>, used: usize) -> Heard {
    let last = link.last().unwrap_or(u32::MAX);
    let stays = flight.partition_point(|flight| stream(flight.number) <= last);
    let places: Range<usize> = stays..flight.len();
    match (stays, places.is_empty()) {
        (0, true) => Heard::Bye,
        (_, true) => Heard::Aside { used },
        (_, false) => Heard::Declined {
            used,
            places,
            close: stays == 0,
        },
    }
}
