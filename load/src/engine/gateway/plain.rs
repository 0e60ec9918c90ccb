//! One HTTP request again and again (`shakedown load URL`), over HTTP/1.1 or HTTP/2.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use shakedown_scenarios::plan::{Auth, Request};

use super::said::{Heard, Judged, Letter};
use super::texts::client_id;
use super::{http, http2};
use crate::engine::session::Flight;
use crate::engine::statuses::Statuses;
use crate::http::{Answer, BaseUrl, Compiled, Decoder, Ending, Scratch, Vars, classify_plain};
use crate::http2::{Connection, Http2Request, Http2Scratch};
use crate::secret::Secrets;

/// One request again and again, over HTTP/1.1.
#[derive(Debug)]
pub(crate) struct PlainRequests {
    /// For each entry address.
    compiled: Vec<Compiled>,
    asks_for_head: bool,
    texts: RequestTexts,
    scratch: Scratch,
    decoders: Vec<Decoder>,
    statuses: Statuses,
}

/// One request again and again, over HTTP/2.
#[derive(Debug)]
pub(crate) struct PlainStreams {
    /// For each entry address.
    compiled: Vec<Http2Request>,
    texts: RequestTexts,
    scratch: Http2Scratch,
    links: Vec<Connection>,
    statuses: Statuses,
}

/// What the places of a request are filled with.
#[derive(Debug)]
struct RequestTexts {
    prefix: Arc<str>,
    session_names: Vec<String>,
    id: String,
}

/// What the requests of a thread are made of.
pub(crate) struct PlainParts<'a> {
    pub request: &'a Request,
    pub secrets: &'a Secrets,
    pub entry: &'a [BaseUrl],
    pub prefix: &'a str,
    /// Numbers of the sessions.
    pub sessions: Vec<u16>,
}

impl PlainParts<'_> {
    fn texts(&self) -> RequestTexts {
        RequestTexts {
            prefix: self.prefix.into(),
            session_names: self.sessions.iter().map(u16::to_string).collect(),
            id: String::new(),
        }
    }

    /// The request for each entry address.
    fn compiled<T: Clone>(&self, compile: impl Fn(&Request, &Secrets, &BaseUrl) -> T) -> Vec<T> {
        let of = |url: &BaseUrl| {
            let compiled = compile(self.request, self.secrets, url);
            vec![compiled; url.addresses.len()]
        };
        self.entry.iter().flat_map(of).collect()
    }
}

impl RequestTexts {
    fn of(&mut self, letter: &Letter<'_>) -> Vars<'_> {
        client_id(&self.prefix, letter.slot, &mut self.id);
        Vars {
            id: Some(&self.id),
            session: Some(&self.session_names[letter.session]),
            ..Vars::default()
        }
    }
}

impl PlainRequests {
    pub fn new(parts: &PlainParts<'_>) -> PlainRequests {
        PlainRequests {
            compiled: parts.compiled(|request, secrets, url| {
                Compiled::new(request, &Auth::None, secrets, url)
            }),
            asks_for_head: parts.request.method == "HEAD",
            texts: parts.texts(),
            scratch: Scratch::default(),
            decoders: parts.sessions.iter().map(|_| Decoder::new(false)).collect(),
            statuses: Statuses::default(),
        }
    }

    pub(super) fn begin(&mut self, session: usize) {
        self.decoders[session].reset();
    }

    pub(super) fn encode<'a>(&'a mut self, letter: &Letter<'_>, out: &'a mut Vec<u8>) -> &'a [u8] {
        let compiled = &self.compiled[letter.address];
        if let Some(bytes) = compiled.fixed() {
            return bytes;
        }
        compiled.append(&self.texts.of(letter), &mut self.scratch, out);
        out
    }

    pub(super) fn hear(
        &mut self,
        session: usize,
        flight: &VecDeque<Flight>,
        bytes: &[u8],
    ) -> Heard {
        if flight.is_empty() {
            return Heard::Unasked;
        }
        let (decoder, statuses) = (&mut self.decoders[session], &mut self.statuses);
        http::hear(decoder, bytes, self.asks_for_head, 0, |answer| {
            judge(statuses, answer)
        })
    }

    /// How often each status was answered.
    pub(super) fn statuses(&self) -> BTreeMap<u16, u64> {
        self.statuses.counts()
    }

    pub(super) fn end(&mut self, session: usize, flight: &VecDeque<Flight>) -> Option<Judged> {
        match self.decoders[session].end() {
            Ending::Answer(answer) if !flight.is_empty() => {
                Some(judge(&mut self.statuses, &answer))
            }
            Ending::Answer(_) | Ending::Idle | Ending::Torn => None,
        }
    }
}

impl PlainStreams {
    pub fn new(parts: &PlainParts<'_>) -> PlainStreams {
        PlainStreams {
            compiled: parts.compiled(|request, secrets, url| {
                Http2Request::new(request, &Auth::None, secrets, url)
            }),
            texts: parts.texts(),
            scratch: Http2Scratch::default(),
            links: parts
                .sessions
                .iter()
                .map(|_| Connection::new(false))
                .collect(),
            statuses: Statuses::default(),
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
        let stream = http2::stream(letter.number);
        let (vars, scratch) = (self.texts.of(letter), &mut self.scratch);
        self.compiled[letter.address].ask(&vars, stream, link, scratch, out);
    }

    pub(super) fn hear(
        &mut self,
        session: usize,
        flight: &VecDeque<Flight>,
        bytes: &[u8],
        reply: &mut Vec<u8>,
    ) -> Heard {
        let (link, statuses) = (&mut self.links[session], &mut self.statuses);
        http2::hear(link, flight, bytes, reply, |_, answer| {
            judge(statuses, answer)
        })
    }

    /// How often each status was answered.
    pub(super) fn statuses(&self) -> BTreeMap<u16, u64> {
        self.statuses.counts()
    }
}

fn judge(statuses: &mut Statuses, answer: &Answer<'_>) -> Judged {
    statuses.add(answer.status);
    Judged::without_answer(classify_plain(answer.status))
}
