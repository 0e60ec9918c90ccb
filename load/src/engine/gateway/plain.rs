//! One HTTP/1.1 request again and again (`shakedown load URL`).

use std::collections::VecDeque;
use std::sync::Arc;

use shakedown_scenarios::plan::{Auth, Request};

use super::http::hear;
use super::said::{Heard, Judged, Letter};
use super::texts::client_id;
use crate::engine::session::Flight;
use crate::http::{Answer, BaseUrl, Compiled, Decoder, Ending, Scratch, Vars, classify_plain};
use crate::secret::Secrets;

/// One request again and again.
#[derive(Debug)]
pub(crate) struct PlainRequests {
    /// For each entry address.
    compiled: Vec<Compiled>,
    asks_for_head: bool,
    prefix: Arc<str>,
    session_names: Vec<String>,
    id: String,
    scratch: Scratch,
    decoders: Vec<Decoder>,
}

impl PlainRequests {
    /// For the sessions with these numbers.
    pub fn new(
        request: &Request,
        secrets: &Secrets,
        entry: &[BaseUrl],
        prefix: &str,
        sessions: impl Iterator<Item = u16>,
    ) -> PlainRequests {
        let session_names: Vec<String> = sessions.map(|session| session.to_string()).collect();
        PlainRequests {
            compiled: entry
                .iter()
                .flat_map(|url| {
                    let compiled = Compiled::new(request, &Auth::None, secrets, url);
                    vec![compiled; url.addresses.len()]
                })
                .collect(),
            asks_for_head: request.method == "HEAD",
            prefix: prefix.into(),
            id: String::new(),
            scratch: Scratch::default(),
            decoders: session_names.iter().map(|_| Decoder::new(false)).collect(),
            session_names,
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
        client_id(&self.prefix, letter.slot, &mut self.id);
        let vars = Vars {
            id: Some(&self.id),
            session: Some(&self.session_names[letter.session]),
            ..Vars::default()
        };
        compiled.append(&vars, &mut self.scratch, out);
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
        let decoder = &mut self.decoders[session];
        hear(decoder, bytes, self.asks_for_head, judge)
    }

    pub(super) fn end(&mut self, session: usize, flight: &VecDeque<Flight>) -> Option<Judged> {
        match self.decoders[session].end() {
            Ending::Answer(answer) if !flight.is_empty() => Some(judge(&answer)),
            Ending::Answer(_) | Ending::Idle | Ending::Torn => None,
        }
    }
}

fn judge(answer: &Answer<'_>) -> Judged {
    Judged::without_answer(classify_plain(answer.status))
}
