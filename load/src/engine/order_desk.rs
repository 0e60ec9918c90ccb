//! Order flow through a profile's actions.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use shakedown_record::ledger::{OrderKind, ServerId, Side};
use shakedown_record::{Decimal, Outcome};
use shakedown_scenarios::plan::{
    Answer as AnswerRule, Auth, Extract, Identity, LoadPlan, OrderAction, Orders,
};

use super::desk::{Job, Judged, client_id};
use super::names::Names;
use crate::error::LoadError;
use crate::flow::{Course, Flow, Live, LiveBySlot, LiveOrder, LiveOrders};
use crate::http::{Answer, BaseUrl, Compiled, Grid, Scratch, Vars, classify, take};
use crate::secret::Secrets;

/// The three actions of a profile, compiled for one entry address.
#[derive(Debug, Clone)]
struct Actions {
    new: Compiled,
    cancel: Option<Compiled>,
    replace: Option<Compiled>,
}

/// A symbol's texts.
#[derive(Debug)]
struct SymbolText {
    name: String,
    tick: Grid,
    lot: Grid,
}

/// Order flow of one thread.
#[derive(Debug)]
pub(crate) struct OrderDesk {
    flow: Flow,
    orders: Arc<Orders>,
    remembers: bool,
    needs_bodies: bool,
    actions: Vec<Actions>,
    symbols: Vec<SymbolText>,
    accounts: Vec<String>,
    session_names: Vec<String>,
    live: Vec<Live>,
    courses: Vec<Course>,
    names: Names,
    prefix: Arc<str>,
    secrets: Arc<Secrets>,
    server_ids: Option<ServerIds>,
    texts: Texts,
    scratch: Scratch,
}

/// Buffers for the texts of one order.
#[derive(Debug, Default)]
struct Texts {
    id: String,
    price: String,
    quantity: String,
}

/// Ids made by the engine, on their way to `server-ids-<thread>.jsonl`.
#[derive(Debug)]
struct ServerIds {
    file: File,
    lines: Vec<u8>,
}

/// What an order desk is made of.
pub(crate) struct OrderDeskParts<'a> {
    pub plan: &'a LoadPlan,
    pub seed: u64,
    pub orders: Arc<Orders>,
    pub auth: &'a Auth,
    pub secrets: Arc<Secrets>,
    pub entry: &'a [BaseUrl],
    pub ledger: &'a Path,
    pub prefix: &'a str,
    pub names: Names,
    pub thread: usize,
}

impl OrderDesk {
    /// A desk for the sessions with these numbers.
    ///
    /// # Errors
    /// When the plan gives no flow that this profile can carry, or the file of server ids cannot be created.
    pub fn new(
        parts: OrderDeskParts<'_>,
        sessions: impl Iterator<Item = u16>,
    ) -> Result<OrderDesk, LoadError> {
        let plan_error = |what: String| LoadError::Plan { what };
        let flow =
            Flow::new(parts.plan, parts.seed).map_err(|error| plan_error(error.to_string()))?;
        let mix = parts.plan.mix;
        for (weight, action, what) in [
            (mix.cancel, &parts.orders.cancel, "cancel"),
            (mix.replace, &parts.orders.replace, "replace"),
        ] {
            if weight > 0 && action.is_none() {
                return Err(plan_error(format!(
                    "the mix asks for {what} and the profile has no {what} action"
                )));
            }
        }
        let symbols = parts
            .plan
            .symbols
            .iter()
            .map(|symbol| {
                let grid = |step: Decimal| {
                    Grid::new(step).ok_or_else(|| {
                        plan_error(format!("tick or lot of {} is too large", symbol.name))
                    })
                };
                Ok(SymbolText {
                    name: symbol.name.clone(),
                    tick: grid(symbol.instrument.tick)?,
                    lot: grid(symbol.instrument.lot)?,
                })
            })
            .collect::<Result<_, LoadError>>()?;
        let session_names: Vec<String> = sessions.map(|session| session.to_string()).collect();
        let live = match flow.has_aims() {
            true => Live::BySlot(LiveBySlot::for_sessions(
                parts.plan.sessions as usize,
                flow.takes_the_nearest(),
            )),
            false => Live::Recent(LiveOrders::default()),
        };
        Ok(OrderDesk {
            flow,
            remembers: mix.cancel > 0 || mix.replace > 0,
            needs_bodies: needs_bodies(&parts.orders),
            actions: compile(&parts),
            symbols,
            accounts: parts.plan.accounts.clone(),
            live: vec![live; session_names.len()],
            courses: vec![Course::default(); session_names.len()],
            session_names,
            names: parts.names,
            prefix: parts.prefix.into(),
            server_ids: ServerIds::create(&parts.orders, parts.ledger, parts.thread)?,
            secrets: parts.secrets,
            orders: parts.orders,
            texts: Texts::default(),
            scratch: Scratch::default(),
        })
    }

    /// Decides what a slot asks; a cancel or replace without a live order becomes a new order.
    pub fn prepare(&mut self, session: usize, slot: u64, intended_ns: u64) -> Job {
        let course = &mut self.courses[session];
        let draft = self.flow.draft_in(course, slot, intended_ns);
        let target = match draft.kind {
            OrderKind::Cancel | OrderKind::Replace => self.live[session].take(&draft),
            OrderKind::New | OrderKind::Oversized | OrderKind::Request => None,
        };
        let Some(target) = target else {
            let kind = match draft.kind {
                OrderKind::Oversized => OrderKind::Oversized,
                _ => OrderKind::New,
            };
            return Job {
                kind,
                side: draft.side,
                symbol: draft.symbol,
                account: draft.account,
                price_ticks: draft.price_ticks,
                quantity_lots: draft.quantity_lots,
                target: None,
            };
        };
        let (price_ticks, quantity_lots) = match draft.kind {
            OrderKind::Replace => self.flow.amended(&draft, target.symbol, target.side),
            _ => (target.price_ticks, target.quantity_lots),
        };
        Job {
            kind: draft.kind,
            side: target.side,
            symbol: target.symbol,
            account: target.account,
            price_ticks,
            quantity_lots,
            target: Some(target),
        }
    }

    /// Appends the bytes of a job.
    pub fn encode(
        &mut self,
        session: usize,
        address: usize,
        slot: u64,
        job: &Job,
        out: &mut Vec<u8>,
    ) {
        let symbol = &self.symbols[usize::from(job.symbol)];
        let texts = &mut self.texts;
        texts.price.clear();
        symbol.tick.append(job.price_ticks, &mut texts.price);
        texts.quantity.clear();
        symbol
            .lot
            .append(i64::from(job.quantity_lots), &mut texts.quantity);
        match &job.target {
            None => client_id(&self.prefix, slot, &mut texts.id),
            Some(target) => match &target.server_id {
                None => client_id(&self.prefix, target.slot, &mut texts.id),
                Some(id) => id.as_ref().clone_into(&mut texts.id),
            },
        }
        let vars = Vars {
            id: Some(&texts.id),
            session: Some(&self.session_names[session]),
            account: self
                .accounts
                .get(usize::from(job.account))
                .map(String::as_str),
            symbol: Some(&symbol.name),
            side: Some(match job.side {
                Side::Buy => &self.orders.side_names[0],
                Side::Sell => &self.orders.side_names[1],
            }),
            price: Some(&texts.price),
            quantity: Some(&texts.quantity),
            cursor: None,
        };
        self.actions[address]
            .of(job.kind)
            .append(&vars, &mut self.scratch, out);
    }

    /// What an answer means; ids, sequence and server are taken from acknowledgements only.
    pub fn judge(&mut self, job: &Job, answer: &Answer<'_>) -> Judged {
        let action = action(&self.orders, job.kind);
        let classified = classify(action, answer.status, answer.body);
        let mut judged = Judged::without_answer(classified.outcome);
        if classified.outcome != Outcome::Acked {
            return judged;
        }
        let taken = take(&self.orders.take, |name| answer.header(name), answer.body);
        judged.sequence = taken.sequence.filter(|sequence| *sequence < u64::MAX);
        if let Some(name) = taken.served_by {
            judged.served_by = self.names.number(&name);
        }
        if self.orders.identity == Identity::Server && job.kind.makes_order() {
            judged.server_id = taken.server_id.map(|id| Box::from(id.as_ref()));
        }
        judged
    }

    /// Keeps the ring of live orders and the file of server ids.
    pub fn settle(&mut self, session: usize, slot: u64, job: Job, judged: Judged) {
        if let (Some(ids), Some(id)) = (&mut self.server_ids, &judged.server_id) {
            ids.add(slot, id, &self.secrets);
        }
        if !self.remembers {
            return;
        }
        let comes_again = self.flow.is_addressed_after(slot);
        match (job.target, judged.outcome) {
            (None, Outcome::Acked) if job.kind == OrderKind::New && comes_again => {
                let known = self.orders.identity == Identity::Client || judged.server_id.is_some();
                if known {
                    self.live[session].add(LiveOrder {
                        slot,
                        symbol: job.symbol,
                        side: job.side,
                        account: job.account,
                        price_ticks: job.price_ticks,
                        quantity_lots: job.quantity_lots,
                        server_id: judged.server_id,
                    });
                }
            }
            (Some(target), Outcome::Acked) if job.kind == OrderKind::Replace && comes_again => {
                self.live[session].add(LiveOrder {
                    price_ticks: job.price_ticks,
                    quantity_lots: job.quantity_lots,
                    ..target
                });
            }
            (
                Some(target),
                Outcome::Throttled | Outcome::Refused | Outcome::Unreachable | Outcome::NotSent,
            ) => self.live[session].add(target),
            (_, _) => {}
        }
    }

    /// Answers to this job have no body.
    pub fn asks_for_head(&self, job: &Job) -> bool {
        self.actions[0].of(job.kind).asks_for_head()
    }

    /// Some rule looks into bodies.
    pub fn needs_bodies(&self) -> bool {
        self.needs_bodies
    }

    /// Writes the ids that were taken since the last call, so that a killed run keeps them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.server_ids.as_mut().map_or(Ok(()), ServerIds::flush)
    }
}

impl Actions {
    fn of(&self, kind: OrderKind) -> &Compiled {
        let action = match kind {
            OrderKind::New | OrderKind::Oversized | OrderKind::Request => Some(&self.new),
            OrderKind::Cancel => self.cancel.as_ref(),
            OrderKind::Replace => self.replace.as_ref(),
        };
        action.expect("a desk is only made for mixes that the profile can carry")
    }
}

impl ServerIds {
    fn create(
        orders: &Orders,
        ledger: &Path,
        thread: usize,
    ) -> Result<Option<ServerIds>, LoadError> {
        if orders.identity == Identity::Client {
            return Ok(None);
        }
        let path = ledger.join(format!("server-ids-{thread}.jsonl"));
        match File::create_new(&path) {
            Ok(file) => Ok(Some(ServerIds {
                file,
                lines: Vec::new(),
            })),
            Err(source) => Err(LoadError::Ledger { path, source }),
        }
    }

    fn add(&mut self, slot: u64, id: &str, secrets: &Secrets) {
        let id = if secrets.appears_in(id) {
            secrets.redact(id)
        } else {
            id.to_string()
        };
        if serde_json::to_writer(&mut self.lines, &ServerId { slot, id }).is_ok() {
            self.lines.push(b'\n');
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.lines);
        self.lines.clear();
        written
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

fn compile(parts: &OrderDeskParts<'_>) -> Vec<Actions> {
    let for_entry = |url: &BaseUrl| {
        let compiled =
            |action: &OrderAction| Compiled::new(&action.send, parts.auth, &parts.secrets, url);
        let actions = Actions {
            new: compiled(&parts.orders.new),
            cancel: parts.orders.cancel.as_ref().map(compiled),
            replace: parts.orders.replace.as_ref().map(compiled),
        };
        vec![actions; url.addresses.len()]
    };
    parts.entry.iter().flat_map(for_entry).collect()
}

fn needs_bodies(orders: &Orders) -> bool {
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
        || looked_into(&orders.new)
        || orders.cancel.as_ref().is_some_and(looked_into)
        || orders.replace.as_ref().is_some_and(looked_into)
}
