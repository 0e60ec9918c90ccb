//! The last messages, and who waits for the next.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::told::{Change, Told};
use crate::command::{Answer, Command};
use crate::state::{Exchange, Order};

/// How many messages a replica keeps.
pub const KEPT: usize = 65_536;

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
    /// Applies a command of a log entry of `term`, and tells of it if it changed anything.
    pub fn apply(&self, exchange: &mut Exchange, command: &Command<'_>, term: u64) -> Answer {
        let (before, trades) = (exchange.sequence(), exchange.trade_count());
        let answer = exchange.apply(command, term);
        let sequence = exchange.sequence();
        let change = Change::of(command);
        if let Answer::Ended { orders, .. } | Answer::Killed { orders, .. } = &answer {
            for order in orders.iter().filter_map(|id| exchange.row_numbered(*id)) {
                let sequence = order.cancelled_at().unwrap_or(sequence);
                self.tell(exchange, order, (change, sequence), trades);
            }
        } else if sequence > before
            && let Some(order) = exchange.row(command.id())
        {
            self.tell(exchange, order, (change, sequence), trades);
        }
        answer
    }

    /// Tells what became of an order, under a sequence number; `trades`: how many there were before.
    fn tell(&self, exchange: &Exchange, order: &Order, what: (Change, u64), trades: u64) {
        let told = Told::of(exchange, order, what, trades, wall_ns());
        let sequence = told.sequence;
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
pub(super) fn wall_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::snapshot::Snapshot;
    use super::*;
    use crate::command::{NewOrder, OrderType, Side, Timed};
    use crate::decimal::Decimal;
    use crate::defects::{Defect, Defects};

    fn told(feed: &Feed, after: u64, most: usize) -> Vec<u64> {
        let mut out = Vec::new();
        feed.take_after(after, most, &mut out);
        out.iter().map(|told| told.sequence).collect()
    }

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    fn limit<'a>(id: &'a str, side: Side, price: &str, quantity: &str) -> Command<'a> {
        Command::New(NewOrder {
            id,
            account: "A",
            symbol: "BTCUSD",
            side,
            order_type: OrderType::Limit,
            price: Some(decimal(price)),
            quantity: decimal(quantity),
            line: None,
            risk: None,
            timed: Timed::default(),
        })
    }

    /// So many orders that rest.
    fn fed(orders: u64) -> Feed {
        let (feed, mut exchange) = (Feed::default(), Exchange::new(Defects::default()));
        for number in 1..=orders {
            let id = format!("t-{number}");
            feed.apply(&mut exchange, &limit(&id, Side::Buy, "1.00", "0.001"), 1);
        }
        feed
    }

    #[test]
    fn whoever_was_cut_off_goes_on_where_it_stopped() {
        let feed = fed(10);
        assert_eq!(told(&feed, 7, 100), [8, 9, 10]);
        assert_eq!(told(&feed, 0, 2), [1, 2]);
        assert_eq!(told(&feed, 10, 2), [] as [u64; 0]);
        assert_eq!(*feed.newest().borrow(), 10);
    }

    #[test]
    fn what_is_too_old_is_not_kept() {
        assert_eq!(told(&fed(KEPT as u64 + 3), 0, 1), [4]);
    }

    fn texts(feed: &Feed) -> Vec<Value> {
        let mut out = Vec::new();
        feed.take_after(0, usize::MAX, &mut out);
        let texts = out.iter().map(|told| serde_json::from_str(&told.text()));
        texts.map(Result::unwrap).collect()
    }

    #[test]
    fn a_message_says_what_became_of_which_order_and_with_whom_it_traded() {
        let (feed, mut exchange) = (Feed::default(), Exchange::new(Defects::default()));
        let mut apply = |command| feed.apply(&mut exchange, &command, 1);
        apply(limit("t-1", Side::Sell, "50000.25", "0.125"));
        apply(limit("t-2", Side::Buy, "50001.00", "0.200"));
        apply(Command::Replace {
            id: "t-2",
            price: decimal("50001.00"),
            quantity: decimal("0.150"),
        });
        apply(Command::Cancel { id: "t-2" });
        apply(Command::Cancel { id: "t-2" });
        let texts = texts(&feed);
        let of = |name: &str| -> Vec<Value> { texts.iter().map(|it| it[name].clone()).collect() };
        assert_eq!(of("sequence"), [1, 2, 3, 4]);
        assert_eq!(
            of("event"),
            ["accepted", "accepted", "replaced", "cancelled"]
        );
        assert_eq!(of("remaining"), ["0.125", "0.075", "0.025", "0.000"]);
        let fill = serde_json::json!({
            "trade_id": "1", "maker": "t-1", "price": "50000.25", "quantity": "0.125"
        });
        assert_eq!(texts[1]["fills"], serde_json::json!([fill]));
        assert_eq!(texts[2]["fills"], serde_json::json!([]));
        assert!(texts[0]["at_ns"].as_u64().unwrap() > 1_700_000_000_000_000_000);
    }

    type Books = BTreeMap<String, (String, String, u64)>;

    fn lots(value: &Value) -> u64 {
        let text = value.as_str().unwrap();
        text.replace('.', "").parse().unwrap()
    }

    fn word(value: &Value) -> String {
        value.as_str().unwrap().to_string()
    }

    /// What rests by the messages: side, price and lots of each order.
    fn rebuild(books: &mut Books, messages: &[Value]) {
        for message in messages {
            for fill in message["fills"].as_array().unwrap() {
                let maker = word(&fill["maker"]);
                let rests = &mut books.get_mut(&maker).unwrap().2;
                *rests -= lots(&fill["quantity"]);
                if *rests == 0 {
                    books.remove(&maker);
                }
            }
            let id = word(&message["id"]);
            match lots(&message["remaining"]) {
                0 => books.remove(&id),
                rests => {
                    let (side, price) = (word(&message["side"]), word(&message["price"]));
                    books.insert(id, (side, price, rests))
                }
            };
        }
    }

    fn snapshot(exchange: &Exchange) -> Books {
        let (mut books, mut more) = (Books::new(), true);
        for text in Snapshot::of(exchange).texts() {
            assert!(more, "a message behind the last");
            let message: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(message["sequence"], exchange.sequence());
            more = message["more"].as_bool().unwrap();
            for order in message["orders"].as_array().unwrap() {
                let rests = lots(&order["remaining"]);
                let value = (word(&order["side"]), word(&order["price"]), rests);
                assert_eq!(books.insert(word(&order["id"]), value), None);
            }
        }
        assert!(!more);
        books
    }

    #[test]
    fn a_book_of_any_size_is_told_in_as_many_messages_as_it_takes() {
        for orders in [0, 1, 999, 1000, 1001, 2500] {
            let (feed, mut exchange) = (Feed::default(), Exchange::new(Defects::default()));
            for number in 0..orders {
                let id = format!("t-{number}");
                feed.apply(&mut exchange, &limit(&id, Side::Buy, "1.00", "0.001"), 1);
            }
            assert_eq!(snapshot(&exchange).len(), orders);
        }
    }

    proptest! {
        #[test]
        fn the_books_can_be_rebuilt_from_the_messages_and_from_any_snapshot_on(
            asked in prop::collection::vec((0_u8..8, 0_u64..20, 95_u64..106, 1_u64..9), 1..120),
            late in 0_usize..120,
        ) {
            let (feed, mut exchange) = (Feed::default(), Exchange::new(Defects::default()));
            let (mut joined, mut since) = (Books::new(), 0);
            for (at, (what, about, price, quantity)) in asked.iter().enumerate() {
                if at == late {
                    (joined, since) = (snapshot(&exchange), exchange.sequence());
                }
                let (id, about) = (format!("n{at}"), format!("n{about}"));
                let (price, quantity) = (format!("{price}.00"), format!("0.00{quantity}"));
                let command = match what {
                    0 => Command::Cancel { id: &about },
                    1 => Command::Replace {
                        id: &about,
                        price: decimal(&price),
                        quantity: decimal(&quantity),
                    },
                    2..5 => limit(&id, Side::Buy, &price, &quantity),
                    _ => limit(&id, Side::Sell, &price, &quantity),
                };
                feed.apply(&mut exchange, &command, 1);
            }
            let messages = texts(&feed);
            let numbers: Vec<u64> = messages.iter().map(|it| it["sequence"].as_u64().unwrap()).collect();
            prop_assert_eq!(numbers, (1..=exchange.sequence()).collect::<Vec<u64>>());
            let mut whole = Books::new();
            rebuild(&mut whole, &messages);
            prop_assert_eq!(&whole, &snapshot(&exchange));
            rebuild(&mut joined, &messages[since as usize..]);
            prop_assert_eq!(&whole, &joined);
        }
    }

    #[test]
    fn feed_quantity_misstates_orders_only_after_a_promotion() {
        let defects = Defects::new([Defect::FeedQuantity]);
        let (feed, mut exchange) = (Feed::default(), Exchange::new(defects));
        for (term, from) in [(1, 1), (2, 101)] {
            for number in from..from + 100 {
                let id = format!("t-{number}");
                feed.apply(&mut exchange, &limit(&id, Side::Buy, "1.00", "0.001"), term);
            }
        }
        let texts = texts(&feed);
        let wrong = |messages: &[Value]| {
            let wrong = messages.iter().filter(|it| it["remaining"] != "0.001");
            wrong.count()
        };
        assert_eq!((wrong(&texts[..100]), wrong(&texts[100..])), (0, 5));
    }
}
