//! What replicas must have in common, in a few bytes: two that accepted the same orders have the same digest.

use super::Exchange;
use crate::checksum::Crc32c;
use crate::command::Side;

impl Exchange {
    /// Over what never changes of the orders whose engine ids are above `after`, and at most `upto`: who they are, what they
    /// asked for, and with which sequence number they were accepted. One that is missing counts, too.
    pub fn digest(&self, after: u64, upto: u64) -> u32 {
        let mut digest = Crc32c::new();
        for order_id in after + 1..=upto {
            digest.update(&order_id.to_le_bytes());
            let Some(order) = self.orders.get(order_id) else {
                continue;
            };
            digest.update(order.id.as_bytes());
            digest.update(&order.sequence.to_le_bytes());
            digest.update(&order.asked_lots.to_le_bytes());
            digest.update(&[
                order.instrument.index() as u8,
                u8::from(order.side == Side::Buy),
            ]);
        }
        digest.value()
    }
}

#[cfg(test)]
mod tests {
    use crate::command::{Command, NewOrder, OrderType, Side, Timed};
    use crate::decimal::Decimal;
    use crate::defects::{Defect, Defects};
    use crate::state::Exchange;

    fn exchange(defects: Defects, orders: u64) -> Exchange {
        let mut exchange = Exchange::new(defects);
        for number in 1..=orders {
            let order = NewOrder {
                id: &format!("o-{number}"),
                account: "a",
                symbol: "BTCUSD",
                side: Side::Buy,
                order_type: OrderType::Limit,
                price: Some(Decimal::parse("50000").unwrap()),
                quantity: Decimal::parse("0.010").unwrap(),
                line: None,
                risk: None,
                timed: Timed::default(),
            };
            exchange.apply(&Command::New(order), 1);
        }
        exchange
    }

    #[test]
    fn replicas_with_the_same_orders_have_the_same_digest_whatever_became_of_them() {
        let (one, mut other) = (
            exchange(Defects::default(), 60),
            exchange(Defects::default(), 80),
        );
        other.apply(&Command::Cancel { id: "o-3" }, 1);
        assert_eq!(one.digest(0, 60), other.digest(0, 60));
        assert_ne!(one.digest(0, 60), other.digest(0, 80));
        assert_ne!(one.digest(0, 30), one.digest(30, 60));
    }

    #[test]
    fn an_order_that_is_other_or_missing_changes_it() {
        let clean = exchange(Defects::default(), 60);
        let inconsistent = Defects::new([Defect::InconsistentData]);
        for (node, same) in [(1, true), (2, true), (3, false)] {
            let other = exchange(inconsistent.clone().on_node(node), 60);
            assert_eq!(clean.digest(0, 60) == other.digest(0, 60), same, "{node}");
        }
        let mut short = exchange(Defects::default(), 60);
        short.forget_last_orders(1);
        assert_ne!(clean.digest(0, 60), short.digest(0, 60));
        assert_eq!(clean.digest(0, 59), short.digest(0, 59));
    }
}
