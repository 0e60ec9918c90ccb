//! Order flow: which order each slot places, cancels or replaces, and which orders live.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use shakedown_record::Outcome;
use shakedown_record::ledger::{OrderKind, ServerId};
use shakedown_scenarios::plan::{Identity, LoadPlan, Orders};

use super::desk::Job;
use super::gateway::Judged;
use crate::error::LoadError;
use crate::flow::{Course, Flow, Live, LiveBySlot, LiveOrder, LiveOrders};
use crate::secret::Secrets;

/// Order flow of one thread.
#[derive(Debug)]
pub(crate) struct OrderDesk {
    flow: Flow,
    identity: Identity,
    remembers: bool,
    live: Vec<Live>,
    courses: Vec<Course>,
    secrets: Arc<Secrets>,
    server_ids: Option<ServerIds>,
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
    pub orders: &'a Orders,
    pub secrets: Arc<Secrets>,
    pub ledger: &'a Path,
    pub thread: usize,
    /// Sessions of the thread.
    pub sessions: usize,
}

impl OrderDesk {
    /// A desk for the sessions of one thread.
    ///
    /// # Errors
    /// When the plan gives no flow that this profile can carry, or the file of server ids cannot be created.
    pub fn new(parts: OrderDeskParts<'_>) -> Result<OrderDesk, LoadError> {
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
        let live = match flow.has_aims() {
            true => Live::BySlot(LiveBySlot::for_sessions(
                parts.plan.sessions as usize,
                flow.takes_the_nearest(),
            )),
            false => Live::Recent(LiveOrders::default()),
        };
        Ok(OrderDesk {
            flow,
            identity: parts.orders.identity,
            remembers: mix.cancel > 0 || mix.replace > 0,
            live: vec![live; parts.sessions],
            courses: vec![Course::default(); parts.sessions],
            server_ids: ServerIds::create(parts.orders, parts.ledger, parts.thread)?,
            secrets: parts.secrets,
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
                let known = self.identity == Identity::Client || judged.server_id.is_some();
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

    /// Writes the ids that were taken since the last call, so that a killed run keeps them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.server_ids.as_mut().map_or(Ok(()), ServerIds::flush)
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
