//! Orders over FIX 4.4. Every message has a ClOrdID of its own and every report names it: reports may come in any order,
//! on this connection or, sent again, on a later one. So slots in flight outlive their connection: they end when the session
//! is in step again and nothing about them was said.

use std::collections::VecDeque;

use shakedown_record::ledger::OrderKind;
use shakedown_record::{Outcome, monotonic_ns};
use shakedown_scenarios::plan::{Auth, FixGateway, FixNumbers, Identity};

use super::fix_orders::{Names as OrderNames, fill, kind_of};
use super::fix_reports::{Answered, answered};
use super::said::{Heard, Judged, Letter};
use super::texts::{OrderTexts, SESSION};
use crate::engine::names::Names;
use crate::engine::session::Flight;
use crate::error::LoadError;
use crate::fix::{End, Event, Login, Message, Role, Session, Settings, utc_offset_ns};
use crate::http::login;
use crate::secret::Secrets;

/// Orders over FIX 4.4.
#[derive(Debug)]
pub(crate) struct FixOrders {
    plan: FixGateway,
    identity: Identity,
    texts: OrderTexts,
    names: Names,
    links: Vec<Link>,
}

/// A session with whoever keeps its numbers.
#[derive(Debug)]
struct Link {
    settings: Settings,
    /// One for each entry, or one for all; none where nobody was called yet.
    with: Vec<Option<Session>>,
    /// With whom the present connection is.
    at: usize,
    /// The numbers of messages and their slots, newest last.
    sent: VecDeque<(u64, u64)>,
    names: OrderNames,
}

/// Messages that a Reject can still be traced back to, for each session.
const TRACED: usize = 1024;

/// What a gateway over FIX is made of.
pub(crate) struct FixParts<'a> {
    pub plan: &'a FixGateway,
    pub identity: Identity,
    pub auth: &'a Auth,
    pub secrets: &'a Secrets,
    /// How many entry addresses there are.
    pub entries: usize,
    pub texts: OrderTexts,
    pub names: Names,
}

impl FixOrders {
    /// For the sessions that the texts are of.
    ///
    /// # Errors
    /// When several sessions would have one CompID.
    pub fn new(parts: FixParts<'_>) -> Result<FixOrders, LoadError> {
        let plan = parts.plan.clone();
        let sessions = parts.texts.sessions();
        if sessions > 1 && !plan.sender.contains(SESSION) {
            return Err(LoadError::Plan {
                what: format!(
                    "all sessions would be called {}: write {SESSION} where their numbers go",
                    plan.sender
                ),
            });
        }
        let login = login(parts.auth, parts.secrets);
        let utc_offset_ns = utc_offset_ns();
        let settings = |session: usize| Settings {
            role: Role::Initiator,
            own: parts.texts.named(&plan.sender, session),
            other: plan.target.clone(),
            own_sub: None,
            heartbeat_s: plan.heartbeat_s,
            // An order that is sent again may be executed later than anyone expects: gaps are filled instead.
            kept: 0,
            login: login
                .clone()
                .map(|(user, password)| Login { user, password }),
            utc_offset_ns,
        };
        let acceptors = match plan.numbers {
            FixNumbers::AllEntries => 1,
            FixNumbers::EachEntry | FixNumbers::EachLogon => parts.entries,
        };
        let links = (0..sessions).map(|session| Link {
            settings: settings(session),
            with: (0..acceptors).map(|_| None).collect(),
            at: 0,
            sent: VecDeque::new(),
            names: OrderNames::default(),
        });
        Ok(FixOrders {
            links: links.collect(),
            plan,
            identity: parts.identity,
            texts: parts.texts,
            names: parts.names,
        })
    }

    /// The Logon of a new connection, appended to `out`. The first one with an acceptor asks for new numbers.
    pub(super) fn begin(&mut self, session: usize, address: usize, out: &mut Vec<u8>) {
        let link = &mut self.links[session];
        link.at = address % link.with.len();
        link.sent.clear();
        let known = &mut link.with[link.at];
        let reset = known.is_none() || self.plan.numbers == FixNumbers::EachLogon;
        let fix = known.get_or_insert_with(|| Session::new(link.settings.clone()));
        fix.connect(reset, monotonic_ns(), out);
    }

    pub(super) fn encode(&mut self, letter: &Letter<'_>, out: &mut Vec<u8>) {
        let link = &mut self.links[letter.session];
        let Some(fix) = &mut link.with[link.at] else {
            return;
        };
        let now_ns = monotonic_ns();
        let utc = fix.utc(now_ns);
        let (names, texts) = (&link.names, &mut self.texts);
        let kind = kind_of(letter.job.kind);
        let number = fix.send(kind, now_ns, out, |pen| {
            fill(letter, names, texts, &utc, pen)
        });
        if link.sent.len() == TRACED {
            link.sent.pop_front();
        }
        link.sent.push_back((number, letter.slot));
    }

    pub(super) fn hear(
        &mut self,
        session: usize,
        flight: &VecDeque<Flight>,
        bytes: &[u8],
        reply: &mut Vec<u8>,
    ) -> Heard {
        let Link {
            with,
            at,
            sent,
            names,
            ..
        } = &mut self.links[session];
        let Some(fix) = &mut with[*at] else {
            return Heard::Unasked;
        };
        let heard = fix.hear(bytes, monotonic_ns(), reply);
        let used = heard.used;
        let message = match heard.event {
            Event::More => return Heard::More,
            // Whether the session is in step is asked by itself.
            Event::Aside | Event::LoggedOn { .. } => return Heard::Aside { used },
            Event::Said(message) => message,
            Event::End(end) => {
                tracing::debug!(%end, "a FIX connection ends");
                return match end {
                    End::NotFix => Heard::Malformed,
                    End::LoggedOut => Heard::Bye,
                    End::Refused | End::TooLow | End::Protocol | End::Silent => Heard::Unasked,
                };
            }
        };
        let place_of = |slot: u64| flight.iter().position(|flight| flight.slot == slot);
        let said = match answered(&message, sent) {
            Answered::Id(id) => self.texts.slot_of(id).and_then(place_of),
            Answered::Slot(slot) => place_of(slot),
            Answered::Nothing => None,
        };
        let Some(place) = said else {
            return Heard::Aside { used };
        };
        let job = &flight[place].job;
        let outcome = super::fix_reports::outcome(&message, job.kind);
        let Some(outcome) = outcome else {
            return Heard::Aside { used };
        };
        if let (Outcome::Acked, OrderKind::Replace, Some(target)) = (outcome, job.kind, &job.target)
        {
            names.renamed(target.slot, flight[place].slot);
        }
        let judged = judge(
            &self.plan,
            self.identity,
            &mut self.names,
            job.kind,
            &message,
            outcome,
        );
        Heard::Answer {
            used,
            place,
            judged,
            close: false,
        }
    }

    /// True when everything that the acceptor has said up to now has come.
    pub(super) fn is_in_step(&self, session: usize) -> bool {
        let link = &self.links[session];
        link.with[link.at].as_ref().is_some_and(Session::is_in_sync)
    }

    /// Heartbeats and what else is due; false when the acceptor is silent, also when asked.
    pub(super) fn tick(&mut self, session: usize, out: &mut Vec<u8>) -> bool {
        let link = &mut self.links[session];
        let ticked = link.with[link.at]
            .as_mut()
            .map(|fix| fix.tick(monotonic_ns(), out));
        ticked.is_none_or(|ticked| ticked.is_ok())
    }

    /// The end of the run.
    pub(super) fn leave(&mut self, session: usize, out: &mut Vec<u8>) {
        let link = &mut self.links[session];
        if let Some(fix) = link.with[link.at].as_mut().filter(|fix| fix.is_on()) {
            fix.log_out("", monotonic_ns(), out);
        }
    }
}

/// Ids, sequence and server are taken from acknowledgements only.
fn judge(
    plan: &FixGateway,
    identity: Identity,
    names: &mut Names,
    kind: OrderKind,
    message: &Message<'_>,
    outcome: Outcome,
) -> Judged {
    let mut judged = Judged::without_answer(outcome);
    let take = &plan.take;
    if let Some(name) = take.served_by.and_then(|tag| message.text(tag)) {
        judged.served_by = names.number(name);
    }
    if outcome != Outcome::Acked {
        return judged;
    }
    let sequence = take.sequence.and_then(|tag| message.number(tag));
    judged.sequence = sequence.filter(|sequence| *sequence < u64::MAX);
    if identity == Identity::Server && kind.makes_order() {
        let id = take.server_id.and_then(|tag| message.text(tag));
        judged.server_id = id.map(Box::from);
    }
    judged
}
