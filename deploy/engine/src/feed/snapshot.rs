//! Everything that rests, as whoever comes late is told of it first.

use std::sync::Arc;

use serde_json::{Value, json};

use super::ring::wall_ns;
use crate::command::Side;
use crate::instruments::{self, Instrument};
use crate::state::{DepthOrder, Exchange};

/// Orders in a message.
const IN_A_MESSAGE: usize = 1000;

/// What rests at one moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The engine sequence number of the last command before it.
    pub sequence: u64,
    orders: Vec<(&'static Instrument, Side, DepthOrder)>,
}

impl Snapshot {
    /// Copies what rests.
    pub fn of(exchange: &Exchange) -> Self {
        let mut orders = Vec::new();
        let symbols = instruments::all().iter().map(|it| it.symbol);
        for instrument in symbols.filter_map(instruments::find) {
            let depth = exchange.depth(instrument);
            let (bids, asks) = (depth.bids.into_iter(), depth.asks.into_iter());
            let of = |side: Side| move |order| (instrument.get(), side, order);
            orders.extend(bids.map(of(Side::Buy)));
            orders.extend(asks.map(of(Side::Sell)));
        }
        Self {
            sequence: exchange.sequence(),
            orders,
        }
    }

    /// The messages as they are sent: at least one.
    pub fn texts(&self) -> impl Iterator<Item = String> + '_ {
        let at_ns = wall_ns();
        let messages = self.orders.len().div_ceil(IN_A_MESSAGE).max(1);
        (0..messages).map(move |message| {
            let orders = self.orders.iter().skip(message * IN_A_MESSAGE);
            let orders: Vec<Value> = orders.take(IN_A_MESSAGE).map(order).collect();
            json!({
                "sequence": self.sequence,
                "at_ns": at_ns,
                "event": "snapshot",
                "orders": orders,
                "more": message + 1 < messages,
            })
            .to_string()
        })
    }
}

fn order((instrument, side, order): &(&'static Instrument, Side, DepthOrder)) -> Value {
    json!({
        "id": Arc::clone(&order.id),
        "symbol": instrument.symbol,
        "side": side,
        "price": instrument.price_text(order.price_ticks),
        "remaining": instrument.quantity_text(order.lots),
    })
}
