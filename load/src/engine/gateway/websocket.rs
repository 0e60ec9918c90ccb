//! Orders as JSON texts over WebSocket. An answer names its order: answers may come in any order, and what names no order
//! in flight (a second answer, a fill, a notice) ends no slot.

use std::collections::VecDeque;

use serde::de::IgnoredAny;
use shakedown_record::Outcome;
use shakedown_record::ledger::OrderKind;
use shakedown_scenarios::plan::{Auth, Condition, MessageAction, Template, WebSocketGateway};

use super::said::{Heard, Judged, Letter};
use super::texts::OrderTexts;
use crate::engine::names::Names;
use crate::engine::session::{Flight, Stage};
use crate::flow::random::Random;
use crate::http::{
    BaseUrl, CompiledText, auth_headers, holds, json_at, take, take_server, text_of,
};
use crate::secret::Secrets;
use crate::websocket::{Event, Handshake, Messages, Opcode, Progress, append};

/// Orders as JSON texts over WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocketOrders {
    plan: WebSocketGateway,
    texts: OrderTexts,
    names: Names,
    new: CompiledText,
    cancel: Option<CompiledText>,
    replace: Option<CompiledText>,
    /// Value of the `host` header, for each entry address.
    hosts: Vec<String>,
    /// Of every handshake.
    headers: Headers,
    links: Vec<Link>,
    text: Vec<u8>,
    masks: Masks,
}

/// Keys of handshakes and masks of frames: random bytes, so that nothing on the way takes what is sent for something
/// else. From the run's seed, and apart from what the orders are made of.
#[derive(Debug)]
struct Masks {
    seed: u64,
    drawn: u64,
}

/// Lines that may hold secrets.
struct Headers(String);

/// What is known of a session's present connection.
#[derive(Debug, Default)]
struct Link {
    handshake: Handshake,
    messages: Messages,
}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Headers(***)")
    }
}

/// What a gateway over WebSocket is made of.
pub(crate) struct WebSocketParts<'a> {
    pub plan: &'a WebSocketGateway,
    pub auth: &'a Auth,
    pub secrets: &'a Secrets,
    pub entry: &'a [BaseUrl],
    pub seed: u64,
    pub texts: OrderTexts,
    pub names: Names,
}

impl WebSocketOrders {
    /// For the sessions that the texts are of.
    pub fn new(parts: WebSocketParts<'_>) -> WebSocketOrders {
        let compiled = |send: &Template| CompiledText::new(send, parts.secrets);
        let action =
            |action: &Option<MessageAction>| action.as_ref().map(|action| compiled(&action.send));
        let hosts = parts.entry.iter().flat_map(|url| {
            let host = url.host.clone();
            std::iter::repeat_n(host, url.addresses.len())
        });
        let headers = auth_headers(parts.auth, parts.secrets);
        let lines = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        WebSocketOrders {
            new: compiled(&parts.plan.new.send),
            cancel: action(&parts.plan.cancel),
            replace: action(&parts.plan.replace),
            hosts: hosts.collect(),
            headers: Headers(lines.collect()),
            links: (0..parts.texts.sessions())
                .map(|_| Link::default())
                .collect(),
            plan: parts.plan.clone(),
            texts: parts.texts,
            names: parts.names,
            text: Vec::new(),
            masks: Masks {
                seed: parts.seed,
                drawn: 0,
            },
        }
    }

    /// The handshake of a new connection, appended to `out`.
    pub(super) fn begin(&mut self, session: usize, address: usize, out: &mut Vec<u8>) {
        let mut nonce = [0; 16];
        let mut random = self.masks.random();
        nonce[..8].copy_from_slice(&random.bits().to_le_bytes());
        nonce[8..].copy_from_slice(&random.bits().to_le_bytes());
        let link = &mut self.links[session];
        link.messages.reset();
        let host = &self.hosts[address];
        let path = self.texts.named(&self.plan.path, session);
        link.handshake
            .begin(&path, host, &self.headers.0, nonce, out);
    }

    pub(super) fn encode(&mut self, letter: &Letter<'_>, out: &mut Vec<u8>) {
        let mask = self.masks.mask();
        let vars = self.texts.of(letter);
        let compiled = match letter.job.kind {
            OrderKind::New | OrderKind::Oversized | OrderKind::Request => Some(&self.new),
            OrderKind::Cancel => self.cancel.as_ref(),
            OrderKind::Replace => self.replace.as_ref(),
        };
        self.text.clear();
        compiled
            .expect("a desk is only made for mixes that the gateway can carry")
            .append(&vars, &mut self.text);
        append(Opcode::Text, &self.text, mask, out);
    }

    pub(super) fn hear(
        &mut self,
        session: usize,
        flight: &VecDeque<Flight>,
        bytes: &[u8],
        reply: &mut Vec<u8>,
    ) -> Heard {
        let link = &mut self.links[session];
        if link.handshake.is_open() {
            return match link.handshake.read(bytes) {
                Ok(Progress::Waits) => Heard::More,
                Ok(Progress::Done { used }) => Heard::Open { used },
                Err(refused) => {
                    tracing::debug!(%refused, "there is no WebSocket");
                    Heard::Malformed
                }
            };
        }
        let (used, event) = match link.messages.next(bytes) {
            Ok(Some(said)) => said,
            Ok(None) => return Heard::More,
            Err(malformed) => {
                tracing::debug!(%malformed, "a connection is closed");
                return Heard::Malformed;
            }
        };
        match event {
            Event::Message(message) => {
                let (plan, texts, names) = (&self.plan, &self.texts, &mut self.names);
                heard(plan, texts, names, flight, used, message)
            }
            Event::Ping(payload) => {
                append(Opcode::Pong, payload, self.masks.mask(), reply);
                Heard::Aside { used }
            }
            Event::Pong => Heard::Aside { used },
            Event::Close => {
                append(Opcode::Close, &[], self.masks.mask(), reply);
                Heard::Bye
            }
        }
    }
}

/// What a message of the server is.
fn heard(
    plan: &WebSocketGateway,
    texts: &OrderTexts,
    names: &mut Names,
    flight: &VecDeque<Flight>,
    used: usize,
    message: &[u8],
) -> Heard {
    let Some(id) = json_at(message, &plan.id).and_then(text_of) else {
        return match serde_json::from_slice::<IgnoredAny>(message) {
            Ok(_) => Heard::Aside { used },
            Err(error) => {
                tracing::debug!(%error, "a message is no JSON");
                Heard::Malformed
            }
        };
    };
    let slot = texts.slot_of(&id);
    let place = slot.and_then(|slot| {
        let mut flight = flight.iter();
        flight.position(|flight| {
            flight.stage != Stage::Reported && flight.job.order_slot(flight.slot) == slot
        })
    });
    match place {
        None => Heard::Aside { used },
        Some(place) => Heard::Answer {
            used,
            place,
            judged: judge(plan, names, flight[place].job.kind, message),
            close: false,
        },
    }
}

/// What an answer means; sequence and server are taken from acknowledgements only.
fn judge(plan: &WebSocketGateway, names: &mut Names, kind: OrderKind, message: &[u8]) -> Judged {
    let action = match kind {
        OrderKind::New | OrderKind::Oversized | OrderKind::Request => Some(&plan.new),
        OrderKind::Cancel => plan.cancel.as_ref(),
        OrderKind::Replace => plan.replace.as_ref(),
    };
    let outcome = action.map_or(Outcome::BadResponse, |action| classify(action, message));
    let mut judged = Judged::without_answer(outcome);
    let taken = match outcome {
        Outcome::Acked => take(&plan.take, |_| None, message),
        _ => take_server(&plan.take, |_| None, message),
    };
    judged.sequence = taken.sequence.filter(|sequence| *sequence < u64::MAX);
    judged.term = taken.term;
    if let Some(name) = taken.served_by {
        judged.served_by = names.number(&name);
    }
    judged
}

/// The first of acked, rejected, throttled that matches decides. What matches none of them may have executed.
fn classify(action: &MessageAction, message: &[u8]) -> Outcome {
    let rules = [
        (&action.acked, Outcome::Acked),
        (&action.rejected, Outcome::Rejected),
        (&action.throttled, Outcome::Throttled),
    ];
    let says = |conditions: &[Condition]| {
        !conditions.is_empty() && conditions.iter().all(|it| holds(it, message))
    };
    let found = rules.into_iter().find(|(conditions, _)| says(conditions));
    found.map_or(Outcome::BadResponse, |(_, outcome)| outcome)
}

impl Masks {
    /// Random numbers that no other connection or frame has.
    fn random(&mut self) -> Random {
        self.drawn += 1;
        Random::for_slot(self.seed, self.drawn, Random::MASKS)
    }

    fn mask(&mut self) -> [u8; 4] {
        ((self.random().bits() >> 32) as u32).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shakedown_scenarios::plan::{Expected, JsonPointer};

    use super::*;

    fn says(state: &str) -> Vec<Condition> {
        vec![Condition {
            pointer: JsonPointer("/state".into()),
            expected: Expected::Literal(json!(state)),
        }]
    }

    #[test]
    fn only_what_the_profile_lists_is_definite() {
        let action = MessageAction {
            send: Template::literal(""),
            acked: says("accepted"),
            rejected: says("rejected"),
            throttled: Vec::new(),
        };
        for (message, outcome) in [
            (r#"{"state":"accepted"}"#, Outcome::Acked),
            (r#"{"state":"rejected"}"#, Outcome::Rejected),
            (r#"{"state":"throttled"}"#, Outcome::BadResponse),
            (r#"{"other":"accepted"}"#, Outcome::BadResponse),
        ] {
            assert_eq!(classify(&action, message.as_bytes()), outcome, "{message}");
        }
    }

    #[test]
    fn masks_are_of_one_frame_each() {
        let mut masks = Masks { seed: 7, drawn: 0 };
        let drawn: std::collections::BTreeSet<[u8; 4]> = (0..1_000).map(|_| masks.mask()).collect();
        assert!(drawn.len() > 990);
    }
}
