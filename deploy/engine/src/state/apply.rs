//! What each command does to the exchange. The only place where the state changes, and where rules are judged.

mod defective;
mod ends;
mod kills;
mod risks;
mod terms;
mod timed;

use std::sync::Arc;

use super::{Bound, End, Exchange, Order, Replaced, Stop, Timing, Trade};
use crate::book::{Execution, Level, Place};
use crate::command::{Answer, Command, NewOrder, OrderState, OrderType, RejectReason, Side};
use crate::decimal::Decimal;
use crate::instruments::InstrumentId;
use terms::{Terms, price_ticks, quantity_lots, terms};

/// The risk limit on how many orders an account may have in the books.
pub const MAX_OPEN_ORDERS_PER_ACCOUNT: u32 = 1_000_000;

impl Exchange {
    /// Applies one command of a log entry of `term` and says what the client is answered.
    pub fn apply(&mut self, command: &Command<'_>, term: u64) -> Answer {
        match self.defects.are_off() {
            true => self.execute(command, term),
            false => self.execute_with_defects(command, term),
        }
    }

    fn execute(&mut self, command: &Command<'_>, term: u64) -> Answer {
        let trades = self.trades.len();
        let answer = self.execute_alone(command, term);
        if self.trades.len() > trades && !self.timers.has_no_stops() {
            self.set_off_reached(trades);
        }
        answer
    }

    fn execute_alone(&mut self, command: &Command<'_>, term: u64) -> Answer {
        match command {
            Command::New(order) => self.new_order(order, term),
            Command::Cancel { id } => self.cancel(id),
            Command::Replace {
                id,
                price,
                quantity,
            } => self.replace(id, *price, *quantity),
            Command::Hangup { line } => self.hang_up(*line),
            Command::Lost { node, epoch } => self.lose_node(*node, *epoch),
            Command::Kill { account } => self.kill(account),
            Command::Expire { now_ms } => self.expire(*now_ms),
        }
    }

    /// Whether a new order would be refused now, and why. Changes nothing.
    ///
    /// # Errors
    /// The rule that refuses it.
    pub fn check_new_order(&self, order: &NewOrder<'_>) -> Result<(), RejectReason> {
        self.check_limits(order, &terms(order)?)
    }

    /// Whether an order with this client id has been accepted.
    pub fn knows(&self, id: &str) -> bool {
        self.orders.find(id).is_some()
    }

    fn new_order(&mut self, new: &NewOrder<'_>, term: u64) -> Answer {
        if let Some(known) = self.orders.find(new.id)
            && !self.defects.accept_retry_again()
        {
            return self.first_answer(known);
        }
        if let Some(line) = new.line
            && self.lines.has_ended(line)
        {
            let reason = RejectReason::ConnectionEnded;
            return Answer::Rejected { reason };
        }
        let terms = match terms(new) {
            Ok(terms) => terms,
            Err(reason) => return Answer::Rejected { reason },
        };
        if let Err(reason) = self.check_limits(new, &terms) {
            if self.defects.enter_rejected() {
                self.enter(new, &terms, term);
            }
            return Answer::Rejected { reason };
        }
        self.enter(new, &terms, term)
    }

    fn check_limits(&self, new: &NewOrder<'_>, terms: &Terms) -> Result<(), RejectReason> {
        if self.accounts.is_killed(new.account) {
            return Err(RejectReason::KillSwitch);
        }
        if terms.lots > terms.instrument.get().max_order_lots {
            return Err(RejectReason::MaxOrderQuantity);
        }
        let open_orders = self.accounts.open_orders(new.account);
        if open_orders >= self.max_open_orders_per_account && !self.defects.overruns_risk() {
            return Err(RejectReason::MaxOpenOrders);
        }
        self.check_risk(new, terms)
    }

    /// Accepts an order: sequence, matching, the rest into the book.
    fn enter(&mut self, new: &NewOrder<'_>, terms: &Terms, term: u64) -> Answer {
        self.sequence += 1;
        let order_id = self.orders.next_order_id();
        let asked_lots = self.defects.heard_lots(order_id, terms.lots);
        let lots = self.defects.stored_lots(order_id, asked_lots);
        let risk = self.expose(new, terms, lots);
        let mut order = Order {
            id: Arc::from(new.id),
            order_id,
            account: self.accounts.number(new.account),
            instrument: terms.instrument,
            side: new.side,
            order_type: new.order_type,
            price_ticks: terms.price_ticks.unwrap_or(0),
            asked_lots,
            lots,
            filled_lots: 0,
            state: OrderState::Open,
            sequence: self.sequence,
            term,
            priority: self.sequence,
            entry_trades: (self.trades.len() as u64, 0),
            cancel_sequence: None,
            replaced: None,
            risk,
            bound: new.line.map(|line| {
                Box::new(Bound {
                    line: Some(line),
                    ended: None,
                })
            }),
            timing: timing(new, terms).map(Box::new),
        };
        let taker = Taker {
            order_id,
            instrument: terms.instrument,
            side: new.side,
        };
        if !order.waits() {
            let (filled_lots, trades) = self.trade(&taker, terms.price_ticks, lots);
            order.filled_lots = filled_lots;
            order.entry_trades.1 = trades;
            order.state = match (order.open_lots(), new.order_type) {
                (0, OrderType::Limit | OrderType::Market) => OrderState::Filled,
                (_, OrderType::Limit) => OrderState::Open,
                (_, OrderType::Market) => OrderState::Cancelled,
            };
        }
        if order.state == OrderState::Open {
            if !order.waits() {
                self.rest(&order);
            }
            self.timers.add(&order);
            self.accounts.opened(order.account);
            if let Some(line) = new.line {
                self.lines.bind(line, order_id);
            }
        }
        if order.state == OrderState::Cancelled {
            self.exposed(&order, order.lots);
        }
        let answer = self.first_answer(&order);
        self.orders.push(order);
        answer
    }

    /// The answer that an order got when it was accepted, however it has fared since.
    fn first_answer(&self, order: &Order) -> Answer {
        let fills = self.fills(order.entry_trades);
        let filled_lots = fills
            .iter()
            .map(|fill| fill.lots)
            .sum::<u64>()
            .min(order.asked_lots);
        let remaining_lots = match order.order_type {
            OrderType::Limit => order.asked_lots - filled_lots,
            OrderType::Market => 0,
        };
        Answer::Accepted {
            order_id: order.order_id,
            sequence: order.sequence,
            term: order.term,
            instrument: order.instrument,
            filled_lots,
            remaining_lots,
            fills,
        }
    }

    fn cancel(&mut self, id: &str) -> Answer {
        let twin = self
            .defects
            .accept_retry_again()
            .then(|| self.orders.find_open(id))
            .flatten();
        let Some(order) = twin.or_else(|| self.orders.find(id)) else {
            return Answer::UnknownOrder;
        };
        match (order.state, order.cancel_sequence) {
            (OrderState::Filled, _) | (OrderState::Cancelled, None) => {
                return Answer::TooLate {
                    status: order.state,
                };
            }
            (OrderState::Cancelled, Some(sequence)) => return Answer::Cancelled { sequence },
            (OrderState::Open, _) => {}
        }
        let (order_id, account) = (order.order_id, order.account);
        if order.cancel_sequence.is_none() && self.defects.ignores_cancel(order_id) {
            return self.ignore_cancel(order_id);
        }
        let (book, side, price_ticks, place) = (
            order.instrument.index(),
            order.side,
            order.price_ticks,
            order.place(),
        );
        self.books[book].remove(side, price_ticks, place);
        self.accounts.closed(account);
        self.sequence += 1;
        let sequence = self.sequence;
        if let Some(order) = self.orders.get_mut(order_id) {
            order.state = OrderState::Cancelled;
            order.cancel_sequence = Some(sequence);
            let (order, lots) = (order.clone(), order.lots);
            self.exposed(&order, lots);
        }
        Answer::Cancelled { sequence }
    }

    fn replace(&mut self, id: &str, price: Decimal, quantity: Decimal) -> Answer {
        let Some(order) = self.orders.find(id) else {
            return Answer::UnknownOrder;
        };
        let instrument = order.instrument.get();
        let wanted = price_ticks(instrument, price)
            .and_then(|ticks| quantity_lots(instrument, quantity).map(|lots| (ticks, lots)));
        let (ticks, lots) = match (wanted, order.state) {
            (Ok(wanted), _) => wanted,
            (Err(_), OrderState::Filled | OrderState::Cancelled) => {
                return Answer::TooLate {
                    status: order.state,
                };
            }
            (Err(reason), OrderState::Open) => return Answer::Rejected { reason },
        };
        let last = order.replaced.as_deref().copied();
        let retried = last.filter(|last| (last.price_ticks, last.lots) == (ticks, lots));
        match (order.state, retried) {
            (OrderState::Open | OrderState::Filled, Some(last)) => {
                return self.replace_answer(order.instrument, &last);
            }
            _ if self.accounts.killed_at(order.account).is_some() => {
                let reason = RejectReason::KillSwitch;
                return Answer::Rejected { reason };
            }
            (OrderState::Filled, None) | (OrderState::Cancelled, _) => {
                return Answer::TooLate {
                    status: order.state,
                };
            }
            (OrderState::Open, None) => {}
        }
        if order.waits() {
            return Answer::Rejected {
                reason: RejectReason::StopWaits,
            };
        }
        if let Err(reason) = self.check_replace(order, lots) {
            return Answer::Rejected { reason };
        }
        if self.defects.ignores_replace(order.order_id) {
            let (instrument, remaining_lots) = (order.instrument, lots - order.filled_lots);
            return self.ignore_replace(instrument, remaining_lots);
        }
        let changed = order.clone();
        self.change(changed, ticks, lots)
    }

    /// Gives an open order new terms. It keeps its place only if the price stays and the quantity does not grow.
    fn change(&mut self, mut order: Order, ticks: u64, lots: u64) -> Answer {
        self.sequence += 1;
        let before = order.lots;
        let keeps_place = ticks == order.price_ticks && lots <= order.lots;
        let first_trade = self.trades.len() as u64;
        let mut trades = 0;
        let book = order.instrument.index();
        if keeps_place {
            order.lots = lots;
            self.books[book].resize(
                order.side,
                order.price_ticks,
                order.place(),
                order.open_lots(),
            );
        } else {
            self.books[book].remove(order.side, order.price_ticks, order.place());
            order.price_ticks = ticks;
            order.lots = lots;
            order.priority = self.sequence;
            let taker = Taker {
                order_id: order.order_id,
                instrument: order.instrument,
                side: order.side,
            };
            let (filled_lots, count) = self.trade(&taker, Some(ticks), order.open_lots());
            order.filled_lots += filled_lots;
            trades = count;
            if order.open_lots() == 0 {
                order.state = OrderState::Filled;
                self.accounts.closed(order.account);
            } else {
                self.rest(&order);
            }
        }
        let replaced = Replaced {
            price_ticks: ticks,
            lots,
            sequence: self.sequence,
            remaining_lots: order.remaining_lots(),
            trades: (first_trade, trades),
        };
        order.replaced = Some(Box::new(replaced));
        self.exposed(&order, before);
        let instrument = order.instrument;
        if let Some(row) = self.orders.get_mut(order.order_id) {
            *row = order;
        }
        self.replace_answer(instrument, &replaced)
    }

    fn replace_answer(&self, instrument: InstrumentId, replaced: &Replaced) -> Answer {
        Answer::Replaced {
            sequence: replaced.sequence,
            instrument,
            remaining_lots: replaced.remaining_lots,
            fills: self.fills(replaced.trades),
        }
    }

    fn rest(&mut self, order: &Order) {
        let place = Place {
            priority: order.priority,
            order_id: order.order_id,
        };
        self.books[order.instrument.index()].insert(
            order.side,
            order.price_ticks,
            place,
            order.open_lots(),
        );
    }

    /// Matches an incoming order and books the trades on the makers: lots filled, and how many trades.
    fn trade(&mut self, taker: &Taker, limit_ticks: Option<u64>, lots: u64) -> (u64, u32) {
        if self.defects.leaves_unmatched(taker.order_id) {
            return (0, 0);
        }
        let take = match self.defects.takes_youngest_first(taker.order_id) {
            false => Level::take_front,
            true => Level::take_back,
        };
        let book = &mut self.books[taker.instrument.index()];
        let executions = book.execute_by(take, taker.side, limit_ticks, lots);
        let filled_lots = executions.iter().map(|execution| execution.lots).sum();
        let count = u32::try_from(executions.len())
            .expect("an order trades with fewer than four billion others");
        for execution in &executions {
            self.record(taker, execution);
        }
        if self.defects.books_trades_again(taker.order_id) {
            self.book_again(executions.len());
        }
        (filled_lots, count)
    }

    fn record(&mut self, taker: &Taker, execution: &Execution) {
        let trade_id = self.trades.len() as u64 + 1;
        self.trades.push(Trade {
            trade_id,
            instrument: taker.instrument,
            price_ticks: execution.price_ticks,
            lots: execution.lots,
            maker_order_id: execution.maker_order_id,
            taker_order_id: taker.order_id,
            taker_side: taker.side,
            sequence: self.sequence,
        });
        if self.defects.leaves_maker_out(trade_id) {
            return;
        }
        if let Some(maker) = self.orders.get_mut(execution.maker_order_id) {
            maker.filled_lots += execution.lots;
            if execution.maker_done {
                maker.state = OrderState::Filled;
                self.accounts.closed(maker.account);
            }
        }
    }
}

/// What an accepted order waits for, and when it ends.
fn timing(new: &NewOrder<'_>, terms: &Terms) -> Option<Timing> {
    let stop = terms.stop_ticks.map(|price_ticks| Stop {
        price_ticks,
        triggered: None,
        count: 0,
    });
    let end = new.timed.expires_ms.map(|at_ms| End {
        at_ms,
        ended: None,
        count: 0,
    });
    (stop.is_some() || end.is_some()).then_some(Timing { stop, end })
}

/// The incoming side of a match.
struct Taker {
    order_id: u64,
    instrument: InstrumentId,
    side: Side,
}

pub use defective::Memory;

#[cfg(test)]
mod tests;
