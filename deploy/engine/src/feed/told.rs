//! One message, and how it comes from a command.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::command::{Command, Side};
use crate::instruments::InstrumentId;
use crate::state::{Exchange, Order};

/// What a command did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A new order.
    Accepted,
    /// An order was taken out.
    Cancelled,
    /// An order has new terms.
    Replaced,
}

impl Change {
    /// What this command does where it does anything.
    pub fn of(command: &Command<'_>) -> Self {
        match command {
            Command::New(_) => Self::Accepted,
            Command::Cancel { .. }
            | Command::Hangup { .. }
            | Command::Lost { .. }
            | Command::Kill { .. }
            | Command::Expire { .. } => Self::Cancelled,
            Command::Replace { .. } => Self::Replaced,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Cancelled => "cancelled",
            Self::Replaced => "replaced",
        }
    }
}

/// A trade of the message's order with one that rested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Print {
    /// The trade's id.
    pub trade_id: u64,
    /// The client's id of the order that rested.
    pub maker: Arc<str>,
    /// The price of the order that rested.
    pub price_ticks: u64,
    /// How much.
    pub lots: u64,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The engine sequence number of the command.
    pub sequence: u64,
    /// Wall clock of this replica when it applied the command, in nanoseconds since 1970.
    pub at_ns: u64,
    change: Change,
    id: Arc<str>,
    instrument: InstrumentId,
    side: Side,
    price_ticks: u64,
    lots: u64,
    remaining_lots: u64,
    fills: Vec<Print>,
}

impl Told {
    /// A message on an order as it is now; `trades`: how many there were before the command.
    pub(super) fn of(
        exchange: &Exchange,
        order: &Order,
        (change, sequence): (Change, u64),
        trades: u64,
        at_ns: u64,
    ) -> Self {
        Self {
            sequence,
            at_ns,
            change,
            id: Arc::clone(&order.id),
            instrument: order.instrument,
            side: order.side,
            price_ticks: order.price_ticks,
            lots: order.lots,
            remaining_lots: exchange.told_lots(order),
            fills: prints(exchange, order, trades),
        }
    }

    /// The message as it is sent.
    pub fn text(&self) -> String {
        let instrument = self.instrument.get();
        let fill = |print: &Print| -> Value {
            json!({
                "trade_id": print.trade_id.to_string(),
                "maker": print.maker,
                "price": instrument.price_text(print.price_ticks),
                "quantity": instrument.quantity_text(print.lots),
            })
        };
        json!({
            "sequence": self.sequence,
            "at_ns": self.at_ns,
            "event": self.change.name(),
            "id": self.id,
            "symbol": instrument.symbol,
            "side": self.side,
            "price": instrument.price_text(self.price_ticks),
            "quantity": instrument.quantity_text(self.lots),
            "remaining": instrument.quantity_text(self.remaining_lots),
            "fills": self.fills.iter().map(fill).collect::<Vec<Value>>(),
        })
        .to_string()
    }
}

/// What an order has traded as the one that came in, since there were so many trades.
fn prints(exchange: &Exchange, order: &Order, trades: u64) -> Vec<Print> {
    if exchange.trade_count() == trades {
        return Vec::new();
    }
    let made = exchange.trades_after(trades, usize::MAX).rows.into_iter();
    made.filter(|trade| trade.taker_order_id == order.order_id)
        .map(|trade| Print {
            trade_id: trade.trade_id,
            maker: exchange.client_id(trade.maker_order_id).unwrap_or_default(),
            price_ticks: trade.price_ticks,
            lots: trade.lots,
        })
        .collect()
}
