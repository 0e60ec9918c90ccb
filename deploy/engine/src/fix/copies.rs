//! Copies of all executions that this replica applied, whatever way their orders came in: what a drop copy session is sent.
//!
//! They follow from the replicated log, so every node has the same ones, under the same ids. The newest are kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::fields::Fields;
use super::reports::reason_number;
use super::wire::utc_now;
use crate::command::{Answer, Command, NewOrder, Side};
use crate::state::{Exchange, OrderView};

/// Copies that are kept.
pub(super) const KEPT: usize = 65_536;

/// The newest copies; cheap to clone.
#[derive(Debug, Clone)]
pub struct Copies(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kept: Mutex<Kept>,
    /// How many there have been.
    count: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    copies: VecDeque<Fields>,
    count: u64,
}

/// The exchange before a command.
#[derive(Debug, Clone, Copy)]
pub struct Before {
    sequence: u64,
    trades: u64,
}

impl Default for Copies {
    fn default() -> Self {
        Self(Arc::new(Inner {
            kept: Mutex::default(),
            count: watch::Sender::new(0),
        }))
    }
}

impl Copies {
    /// What has to be known of the exchange before a command is applied.
    pub fn before(exchange: &Exchange) -> Before {
        Before {
            sequence: exchange.sequence(),
            trades: exchange.trade_count(),
        }
    }

    /// Keeps what a command has caused; `place` names its place in the log.
    pub fn note(
        &self,
        exchange: &Exchange,
        command: &Command<'_>,
        answer: &Answer,
        before: Before,
        place: (u64, usize),
    ) {
        let mut new = Vec::new();
        match (command, answer) {
            (Command::New(order), Answer::Rejected { reason }) => {
                let fields = Fields::default()
                    .with(37, "NONE")
                    .with(17, format_args!("R{}-{}", place.0, place.1))
                    .with(11, order.id)
                    .with(150, 8)
                    .with(39, 8)
                    .with(103, reason_number(*reason))
                    .with(58, reason.as_str());
                new.push(rejected(fields, order));
            }
            // A retry is answered with what was, and changes nothing.
            _ if exchange.sequence() == before.sequence => {}
            (
                _,
                Answer::Accepted {
                    order_id, sequence, ..
                },
            ) => {
                let copy = changed(exchange, command.id(), *sequence, ("0", "0"));
                new.extend(copy.filter(|_| !exchange.leaves_copy_out(*order_id)));
            }
            (_, Answer::Cancelled { sequence }) => {
                new.extend(changed(exchange, command.id(), *sequence, ("4", "4")));
            }
            (_, Answer::Replaced { sequence, .. }) => {
                new.extend(changed(exchange, command.id(), *sequence, ("5", "0")));
            }
            (_, Answer::Ended { orders, .. } | Answer::Killed { orders, .. }) => {
                let ended = orders.iter().filter_map(|id| exchange.order_numbered(*id));
                new.extend(ended.map(|view| {
                    let fields = Fields::default()
                        .with(17, view.order.cancelled_at().unwrap_or(0))
                        .with(150, "4")
                        .with(39, "4");
                    described(fields, &view)
                }));
            }
            (_, Answer::Rejected { .. } | Answer::TooLate { .. } | Answer::UnknownOrder) => {}
        }
        for trade in exchange.trades_after(before.trades, usize::MAX - 1).rows {
            for (order_id, end) in [(trade.taker_order_id, "T"), (trade.maker_order_id, "M")] {
                let Some(view) = exchange.order_numbered(order_id) else {
                    continue;
                };
                let order = &view.order;
                let status = if order.open_lots() == 0 { "2" } else { "1" };
                let instrument = trade.instrument;
                let fields = Fields::default()
                    .with(17, format_args!("{}{end}", trade.trade_id))
                    .with(150, "F")
                    .with(39, status)
                    .with(31, instrument.get().price_text(trade.price_ticks))
                    .with(32, instrument.get().quantity_text(trade.lots));
                new.push(described(fields, &view));
            }
        }
        self.keep(new);
    }

    fn keep(&self, new: Vec<Fields>) {
        if new.is_empty() {
            return;
        }
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.count += new.len() as u64;
        kept.copies.extend(new);
        let beyond = kept.copies.len().saturating_sub(KEPT);
        kept.copies.drain(..beyond);
        self.0.count.send_replace(kept.count);
    }

    /// Up to `most` copies after so many, and how many those are then in all; what is not kept any more is left out.
    pub(super) fn after(&self, count: u64, most: usize) -> (Vec<Fields>, u64) {
        let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let first = kept.count - kept.copies.len() as u64;
        let from = count.clamp(first, kept.count);
        let at = usize::try_from(from - first).unwrap_or(usize::MAX);
        let found: Vec<Fields> = kept.copies.iter().skip(at).take(most).cloned().collect();
        let upto = from + found.len() as u64;
        (found, upto)
    }

    /// How many there have been, to wait for more.
    pub(super) fn count(&self) -> watch::Receiver<u64> {
        self.0.count.subscribe()
    }
}

/// The order as a command of a client has left it.
fn changed(
    exchange: &Exchange,
    id: &str,
    sequence: u64,
    (kind, status): (&str, &str),
) -> Option<Fields> {
    let view = exchange.order(id)?;
    let fields = Fields::default()
        .with(17, sequence)
        .with(150, kind)
        .with(39, status);
    Some(described(fields, &view))
}

fn described(fields: Fields, view: &OrderView) -> Fields {
    let order = &view.order;
    let instrument = order.instrument;
    let left = order.remaining_lots();
    fields
        .with(37, order.order_id)
        .with(11, &order.id)
        .with(1, &view.account)
        .with(55, instrument.get().symbol)
        .with(54, side(order.side))
        .with(38, instrument.get().quantity_text(order.lots))
        .with(44, instrument.get().price_text(order.price_ticks))
        .with(151, instrument.get().quantity_text(left))
        .with(14, instrument.get().quantity_text(order.filled_lots))
        .with(6, 0)
        .with(60, utc_now())
}

fn rejected(fields: Fields, order: &NewOrder<'_>) -> Fields {
    fields
        .with(1, order.account)
        .with(55, order.symbol)
        .with(54, side(order.side))
        .with(151, 0)
        .with(14, 0)
        .with(6, 0)
        .with(60, utc_now())
}

fn side(side: Side) -> u32 {
    match side {
        Side::Buy => 1,
        Side::Sell => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{OrderType, Timed};
    use crate::decimal::Decimal;
    use crate::defects::Defects;

    fn order(id: &'static str, side: Side, quantity: &str) -> Command<'static> {
        Command::New(NewOrder {
            id,
            account: "x",
            symbol: "BTCUSD",
            side,
            order_type: OrderType::Limit,
            price: Some(Decimal::parse("50000").unwrap()),
            quantity: Decimal::parse(quantity).unwrap(),
            line: None,
            risk: None,
            timed: Timed::default(),
        })
    }

    #[test]
    fn every_change_is_copied_once_for_each_order_that_it_concerns() {
        let (copies, mut exchange) = (Copies::default(), Exchange::new(Defects::default()));
        let commands = [
            order("a", Side::Buy, "0.005"),
            order("a", Side::Buy, "0.005"),
            order("b", Side::Sell, "0.002"),
            order("c", Side::Sell, "0"),
            Command::Cancel { id: "a" },
            Command::Cancel { id: "a" },
            Command::Cancel { id: "z" },
        ];
        for (at, command) in commands.iter().enumerate() {
            let before = Copies::before(&exchange);
            let answer = exchange.apply(command, 1);
            copies.note(&exchange, command, &answer, before, (7, at));
        }
        let (found, upto) = copies.after(0, 100);
        let has = |fields: &Fields, text: &str| fields.text().contains(&text.replace('|', "\x01"));
        let expected = [
            "17=1|150=0|39=0|37=1|11=a|",
            "17=2|150=0|39=0|37=2|11=b|",
            "17=1T|150=F|39=2|",
            "17=1M|150=F|39=1|",
            "37=NONE|17=R7-3|11=c|150=8|",
            "17=3|150=4|39=4|37=1|11=a|",
        ];
        assert_eq!((found.len(), upto), (expected.len(), 6));
        for (fields, text) in found.iter().zip(expected) {
            assert!(has(fields, text), "{text}: {fields:?}");
        }
        assert_eq!(copies.after(5, 100).0.len(), 1);
        assert_eq!(copies.after(9, 100), (Vec::new(), 6));
    }
}
