//! The last messages, and who waits for the next.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use tokio::sync::watch;

use crate::command::{Command, Side};
use crate::instruments::InstrumentId;
use crate::state::Order;

/// How many messages a replica keeps.
pub const KEPT: usize = 65_536;

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
}

impl Told {
    /// The message as it is sent.
    pub fn text(&self) -> String {
        let instrument = self.instrument.get();
        json!({
            "sequence": self.sequence,
            "at_ns": self.at_ns,
            "event": self.change.name(),
            "id": self.id,
            "symbol": instrument.symbol,
            "side": self.side,
            "price": instrument.price_text(self.price_ticks),
            "quantity": instrument.quantity_text(self.lots),
        })
        .to_string()
    }
}

/// The feed of one replica; cheap to clone.
#[derive(Debug, Clone)]
pub struct Feed {
    kept: Arc<Mutex<VecDeque<Told>>>,
    newest: watch::Sender<u64>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            kept: Arc::default(),
            newest: watch::Sender::new(0),
        }
    }
}

impl Feed {
    /// Tells of a command that was applied: the order as it is now, under this sequence number.
    pub fn tell(&self, sequence: u64, change: Change, order: &Order) {
        let told = Told {
            sequence,
            at_ns: wall_ns(),
            change,
            id: Arc::clone(&order.id),
            instrument: order.instrument,
            side: order.side,
            price_ticks: order.price_ticks,
            lots: order.lots,
        };
        let mut kept = self.lock();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(told);
        drop(kept);
        self.newest.send_replace(sequence);
    }

    /// The sequence number of the newest message, and when there is another.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Up to `most` messages after a sequence number, into `out`.
    pub fn take_after(&self, sequence: u64, most: usize, out: &mut Vec<Told>) {
        let kept = self.lock();
        let from = kept.partition_point(|told| told.sequence <= sequence);
        out.extend(kept.range(from..).take(most).cloned());
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Told>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "subscribers on other machines can only compare dates"
)]
fn wall_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{NewOrder, OrderType, Timed};
    use crate::decimal::Decimal;
    use crate::defects::Defects;
    use crate::state::Exchange;

    fn told(feed: &Feed, after: u64, most: usize) -> Vec<u64> {
        let mut out = Vec::new();
        feed.take_after(after, most, &mut out);
        out.iter().map(|told| told.sequence).collect()
    }

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    fn order() -> Order {
        let mut exchange = Exchange::new(Defects::default());
        let new = Command::New(NewOrder {
            id: "t-1",
            account: "A",
            symbol: "BTCUSD",
            side: Side::Buy,
            order_type: OrderType::Limit,
            price: Some(decimal("50000.25")),
            quantity: decimal("0.125"),
            line: None,
            risk: None,
            timed: Timed::default(),
        });
        exchange.apply(&new, 1);
        exchange.order("t-1").unwrap().order
    }

    #[test]
    fn whoever_was_cut_off_goes_on_where_it_stopped() {
        let feed = Feed::default();
        let order = order();
        for sequence in 1..=10 {
            feed.tell(sequence, Change::Accepted, &order);
        }
        assert_eq!(told(&feed, 7, 100), [8, 9, 10]);
        assert_eq!(told(&feed, 0, 2), [1, 2]);
        assert_eq!(told(&feed, 10, 2), [] as [u64; 0]);
        assert_eq!(*feed.newest().borrow(), 10);
    }

    #[test]
    fn what_is_too_old_is_not_kept() {
        let feed = Feed::default();
        let order = order();
        for sequence in 1..=KEPT as u64 + 3 {
            feed.tell(sequence, Change::Cancelled, &order);
        }
        assert_eq!(told(&feed, 0, 1), [4]);
    }

    #[test]
    fn a_message_says_what_became_of_which_order() {
        let feed = Feed::default();
        feed.tell(9, Change::Replaced, &order());
        let mut out = Vec::new();
        feed.take_after(0, 1, &mut out);
        let text: serde_json::Value = serde_json::from_str(&out[0].text()).unwrap();
        assert_eq!(text["sequence"], 9);
        assert_eq!(text["event"], "replaced");
        assert_eq!(text["id"], "t-1");
        assert_eq!(text["price"], "50000.25");
        assert_eq!(text["quantity"], "0.125");
        assert!(text["at_ns"].as_u64().unwrap() > 1_700_000_000_000_000_000);
    }
}
