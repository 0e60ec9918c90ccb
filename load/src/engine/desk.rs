//! What a slot asks and what its answer means, by kind of work.

use std::io;
use std::sync::Arc;

use shakedown_record::Outcome;
use shakedown_record::ledger::{Entry, OrderKind, Side};
use shakedown_scenarios::plan::{Auth, Request};

use super::order_desk::OrderDesk;
use super::session::Waiting;
use crate::flow::LiveOrder;
use crate::http::{Answer, BaseUrl, Compiled, Scratch, Vars, append_number, classify_plain};
use crate::secret::Secrets;

/// What one slot asks of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    pub kind: OrderKind,
    pub side: Side,
    pub symbol: u8,
    pub account: u8,
    pub price_ticks: i64,
    pub quantity_lots: u32,
    /// The order that a cancel or replace addresses; out of the session's ring while this job is open.
    pub target: Option<LiveOrder>,
}

impl Job {
    /// A plain request.
    const REQUEST: Job = Job {
        kind: OrderKind::Request,
        side: Side::Buy,
        symbol: 0,
        account: 0,
        price_ticks: 0,
        quantity_lots: 0,
        target: None,
    };

    /// The ledger's entry of a slot with this job, before it is written.
    pub(super) fn entry(&self, waiting: &Waiting, session: u16) -> Entry {
        Entry {
            intended_ns: waiting.intended_ns,
            sent_ns: None,
            done_ns: None,
            lag_ns: u32::try_from(waiting.lag_ns).unwrap_or(u32::MAX),
            kind: self.kind,
            side: self.side,
            symbol: self.symbol,
            account: self.account,
            session,
            price_ticks: self.price_ticks,
            quantity_lots: self.quantity_lots,
            target: self.target.as_ref().map(|target| target.slot),
            sequence: None,
            served_by: 0,
            outcome: None,
        }
    }
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    pub outcome: Outcome,
    pub sequence: Option<u64>,
    /// As the ledger counts nodes.
    pub served_by: u8,
    /// The engine's id of a new order.
    pub server_id: Option<Box<str>>,
}

impl Judged {
    /// An outcome that no answer explains.
    pub fn without_answer(outcome: Outcome) -> Judged {
        Judged {
            outcome,
            sequence: None,
            served_by: 0,
            server_id: None,
        }
    }
}

/// A kind of work. One desk for each thread; sessions are numbered within the thread.
#[derive(Debug)]
pub(crate) enum Desk {
    Orders(Box<OrderDesk>),
    Requests(RequestDesk),
}

impl Desk {
    /// Decides what a slot of a session asks.
    pub(super) fn prepare(&mut self, session: usize, waiting: &Waiting) -> Job {
        match self {
            Desk::Orders(desk) => desk.prepare(session, waiting.slot, waiting.intended_ns),
            Desk::Requests(_) => Job::REQUEST,
        }
    }

    /// The bytes of a job for an entry address, appended to `out` or, where they never change, as they are.
    pub fn encode<'a>(
        &'a mut self,
        session: usize,
        address: usize,
        slot: u64,
        job: &Job,
        out: &'a mut Vec<u8>,
    ) -> &'a [u8] {
        match self {
            Desk::Orders(desk) => {
                desk.encode(session, address, slot, job, out);
                out
            }
            Desk::Requests(desk) => desk.encode(session, address, slot, out),
        }
    }

    /// What an answer to a job means.
    pub fn judge(&mut self, job: &Job, answer: &Answer<'_>) -> Judged {
        match self {
            Desk::Orders(desk) => desk.judge(job, answer),
            Desk::Requests(_) => Judged::without_answer(classify_plain(answer.status)),
        }
    }

    /// A job has ended: the order lives, lives on, or is gone.
    pub fn settle(&mut self, session: usize, slot: u64, job: Job, judged: Judged) {
        match self {
            Desk::Orders(desk) => desk.settle(session, slot, job, judged),
            Desk::Requests(_) => {}
        }
    }

    /// Answers to this job have no body whatever their headers say.
    pub fn asks_for_head(&self, job: &Job) -> bool {
        match self {
            Desk::Orders(desk) => desk.asks_for_head(job),
            Desk::Requests(desk) => desk.asks_for_head,
        }
    }

    /// Bodies are looked into.
    pub fn needs_bodies(&self) -> bool {
        match self {
            Desk::Orders(desk) => desk.needs_bodies(),
            Desk::Requests(_) => false,
        }
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        match self {
            Desk::Orders(desk) => desk.flush(),
            Desk::Requests(_) => Ok(()),
        }
    }
}

/// One request again and again.
#[derive(Debug)]
pub(crate) struct RequestDesk {
    /// For each entry address.
    compiled: Vec<Compiled>,
    asks_for_head: bool,
    prefix: Arc<str>,
    session_names: Vec<String>,
    id: String,
    scratch: Scratch,
}

impl RequestDesk {
    /// A desk for the sessions with these numbers.
    pub fn new(
        request: &Request,
        secrets: &Secrets,
        entry: &[BaseUrl],
        prefix: &str,
        sessions: impl Iterator<Item = u16>,
    ) -> RequestDesk {
        RequestDesk {
            compiled: entry
                .iter()
                .flat_map(|url| {
                    let compiled = Compiled::new(request, &Auth::None, secrets, url);
                    vec![compiled; url.addresses.len()]
                })
                .collect(),
            asks_for_head: request.method == "HEAD",
            prefix: prefix.into(),
            session_names: sessions.map(|session| session.to_string()).collect(),
            id: String::new(),
            scratch: Scratch::default(),
        }
    }

    fn encode<'a>(
        &'a mut self,
        session: usize,
        address: usize,
        slot: u64,
        out: &'a mut Vec<u8>,
    ) -> &'a [u8] {
        let compiled = &self.compiled[address];
        if let Some(bytes) = compiled.fixed() {
            return bytes;
        }
        client_id(&self.prefix, slot, &mut self.id);
        let vars = Vars {
            id: Some(&self.id),
            session: Some(&self.session_names[session]),
            ..Vars::default()
        };
        compiled.append(&vars, &mut self.scratch, out);
        out
    }
}

/// The client order id of a slot.
pub(super) fn client_id(prefix: &str, slot: u64, id: &mut String) {
    id.clear();
    id.push_str(prefix);
    id.push('-');
    append_number(slot, id);
}
