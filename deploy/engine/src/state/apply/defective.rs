//! What defects do to the state; nothing here is called unless one is on.
//!
//! Every replica does the same at the same place of the log, so that a defect of the state is one of all replicas; what
//! only some do shows in what they list, and leaves their sequence numbers alone.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use super::terms::terms;
use crate::command::{Answer, Command, OrderState};
use crate::instruments::InstrumentId;
use crate::state::{Exchange, Order, Orders, Trade};

/// What defects remember of the past; nothing without them.
#[derive(Debug, Default)]
pub struct Memory {
    /// The term of the last command.
    term: u64,
    /// There has been another leader.
    promoted: bool,
    /// Orders that this replica was not given back.
    not_restored: Range<u64>,
    /// What is still to be entered, the next first.
    ghosts: VecDeque<Ghost>,
}

/// A rejected order.
#[derive(Debug)]
struct Ghost {
    /// Entered before the order with this number.
    before: u64,
    command: Bytes,
}

impl Memory {
    /// Of a replica that was restored with these orders, the last `missing` of which it does not list.
    pub fn restored(orders: &Orders, missing: u64) -> Self {
        let end = orders.next_order_id();
        Self {
            term: orders.get(end - 1).map_or(0, |order| order.term),
            promoted: false,
            not_restored: end.saturating_sub(missing)..end,
            ghosts: VecDeque::new(),
        }
    }
}

impl Exchange {
    /// Whether a defect keeps this order from being listed here.
    pub(in crate::state) fn is_missing(&self, order_id: u64) -> bool {
        self.memory.not_restored.contains(&order_id)
            || self.defects.misses_order(order_id, self.next_order_id())
    }

    /// What the feed tells that can still trade of an order.
    pub fn told_lots(&self, order: &Order) -> u64 {
        let lots = order.remaining_lots();
        let is_wrong = self.memory.promoted && self.defects.misstates(order.order_id);
        lots + u64::from(lots > 0 && is_wrong)
    }

    /// How many orders that are on record are not listed here.
    pub(in crate::state) fn missing(&self) -> u64 {
        if self.defects.are_off() {
            return 0;
        }
        let missing = |order: &&Order| self.is_missing(order.order_id);
        self.orders.after(0).filter(missing).count() as u64
    }

    pub(super) fn execute_with_defects(&mut self, command: &Command<'_>, term: u64) -> Answer {
        let before = std::mem::replace(&mut self.memory.term, term);
        if before != 0 && before != term {
            self.promoted();
        }
        self.enter_ghosts(term);
        let next = self.next_order_id();
        let answer = self.execute(command, term);
        if self.next_order_id() > next
            && let Some(dropped) = self.defects.drops_order(next)
            && let Some(order) = self.orders.forget(dropped)
        {
            self.take_out(&order);
        }
        if let Answer::Rejected { .. } = answer
            && let Some(orders) = self.defects.enter_rejected_after()
        {
            self.memory.ghosts.push_back(Ghost {
                before: next + orders,
                command: command.encode(),
            });
        }
        answer
    }

    /// The first command that a new leader proposed.
    fn promoted(&mut self) {
        self.memory.promoted = true;
        self.sequence -= self
            .sequence
            .min(self.defects.sequences_again_on_promotion());
        if self.defects.resets_limits() {
            self.exposures.reset();
        }
        if self.defects.forgets_kill_switch() {
            self.accounts.forget_killed();
        }
        if self.defects.forgets_stops() {
            self.timers.forget_stops();
        }
        if self.defects.forgets_timers() {
            self.timers.forget_ends();
        }
        for _ in 0..self.defects.reopened_on_promotion() {
            self.reopen_last_cancelled();
        }
    }

    /// Puts the youngest order that its client cancelled back to where it was.
    fn reopen_last_cancelled(&mut self) {
        let cancelled = (1..self.next_order_id()).rev().find(|order_id| {
            let order = self.orders.get(*order_id);
            order.is_some_and(|order| order.state == OrderState::Cancelled && order.open_lots() > 0)
        });
        let Some(order) = cancelled.and_then(|order_id| self.orders.get_mut(order_id)) else {
            return;
        };
        order.state = OrderState::Open;
        let order = order.clone();
        self.accounts.opened(order.account);
        self.rest(&order);
    }

    /// Enters the rejected orders whose time has come.
    fn enter_ghosts(&mut self, term: u64) {
        let next = self.next_order_id();
        while let Some(ghost) = self
            .memory
            .ghosts
            .pop_front_if(|ghost| ghost.before <= next)
        {
            if let Ok(Command::New(new)) = Command::decode(&ghost.command)
                && let Ok(terms) = terms(&new)
            {
                self.enter(&new, &terms, term);
            }
        }
    }

    pub(super) fn ignore_cancel(&mut self, order_id: u64) -> Answer {
        self.sequence += 1;
        let sequence = self.sequence;
        if let Some(order) = self.orders.get_mut(order_id) {
            order.cancel_sequence = Some(sequence);
        }
        Answer::Cancelled { sequence }
    }

    pub(super) fn ignore_replace(
        &mut self,
        instrument: InstrumentId,
        remaining_lots: u64,
    ) -> Answer {
        self.sequence += 1;
        Answer::Replaced {
            sequence: self.sequence,
            instrument,
            remaining_lots,
            fills: Vec::new(),
        }
    }

    /// Books the last trades once more.
    pub(super) fn book_again(&mut self, count: usize) {
        let first = self.trades.len() - count;
        let trades: Vec<Trade> = self.trades.iter_from(first).copied().collect();
        for trade in trades {
            self.trades.push(Trade {
                trade_id: self.trades.len() as u64 + 1,
                ..trade
            });
        }
    }
}
