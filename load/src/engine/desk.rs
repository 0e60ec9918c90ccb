//! What a slot asks and what becomes of it, by kind of work.

use std::io;

use shakedown_record::ledger::{Entry, OrderKind, Side};

use super::gateway::Judged;
use super::order_desk::OrderDesk;
use super::session::Waiting;
use crate::flow::LiveOrder;

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

    /// Slot of the new order that a slot with this job is about.
    pub(super) fn order_slot(&self, slot: u64) -> u64 {
        self.target.as_ref().map_or(slot, |target| target.slot)
    }

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

/// A kind of work. One desk for each thread; sessions are numbered within the thread.
#[derive(Debug)]
pub(crate) enum Desk {
    Orders(Box<OrderDesk>),
    /// The same request again and again.
    Requests,
}

impl Desk {
    /// Decides what a slot of a session asks.
    pub(super) fn prepare(&mut self, session: usize, waiting: &Waiting) -> Job {
        match self {
            Desk::Orders(desk) => desk.prepare(session, waiting.slot, waiting.intended_ns),
            Desk::Requests => Job::REQUEST,
        }
    }

    /// A job has ended: the order lives, lives on, or is gone.
    pub fn settle(&mut self, session: usize, slot: u64, job: Job, judged: Judged) {
        match self {
            Desk::Orders(desk) => desk.settle(session, slot, job, judged),
            Desk::Requests => {}
        }
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        match self {
            Desk::Orders(desk) => desk.flush(),
            Desk::Requests => Ok(()),
        }
    }
}
