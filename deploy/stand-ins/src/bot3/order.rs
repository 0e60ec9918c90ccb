//! Orders, as clients send them and as they are kept.

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::fields;

/// Units of a position: positions are counted in thousandths.
pub(super) const PARTS_OF_UNIT: f64 = 1_000.0;

/// An order as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Order {
    pub id: String,
    pub account: String,
    pub symbol: String,
    /// `buy` or `sell`.
    pub side: String,
    pub price: String,
    pub quantity: String,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is committed under this number.
    Accepted(i64),
    /// It was committed before, with the same words.
    Known(i64),
    /// Another order has its id.
    OtherWords,
    /// A limit of risk.
    Refused(&'static str),
    /// Nothing was changed.
    Unavailable(String),
    /// Nobody knows.
    Unknown(String),
}

/// An order that waits for its turn, and who waits for what becomes of it.
#[derive(Debug)]
pub(super) struct Job {
    pub order: Order,
    pub answer: Option<oneshot::Sender<Taken>>,
}

impl Order {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// What does not, for people.
    pub(super) fn checked(self) -> Result<Self, String> {
        fields::name("id", &self.id)?;
        fields::name("account", &self.account)?;
        fields::name("symbol", &self.symbol)?;
        fields::side(&self.side)?;
        fields::positive("price", &self.price)?;
        fields::positive("quantity", &self.quantity)?;
        Ok(self)
    }

    /// By how much it changes a position, in thousandths of a unit.
    pub(super) fn change(&self) -> i64 {
        let parts = (self.units() * PARTS_OF_UNIT).round() as i64;
        if self.side == "buy" { parts } else { -parts }
    }

    /// Its quantity in units.
    pub(super) fn units(&self) -> f64 {
        self.quantity.parse().unwrap_or(0.0)
    }

    /// Whether both ask for the same.
    pub(super) fn is_like(&self, other: &Order) -> bool {
        let same = |a: &str, b: &str| plain(a) == plain(b);
        (&self.id, &self.account, &self.symbol, &self.side)
            == (&other.id, &other.account, &other.symbol, &other.side)
            && same(&self.price, &other.price)
            && same(&self.quantity, &other.quantity)
    }
}

/// Digits before and after the point, without zeros that say nothing.
fn plain(number: &str) -> (&str, &str) {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    (
        whole.trim_start_matches('0'),
        fraction.trim_end_matches('0'),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        serde_json::from_str(
            r#"{"id":"o-1","account":"A","symbol":"BTCUSD","side":"sell","price":"50000.25","quantity":"0.125"}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_sale_lowers_the_position() {
        let order = order().checked().unwrap();
        assert_eq!(order.change(), -125);
        let same = Order {
            quantity: "0.1250".to_owned(),
            ..order.clone()
        };
        assert!(order.is_like(&same));
        assert!(!order.is_like(&Order {
            price: "1".to_owned(),
            ..same
        }));
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_field() {
        let wrong = [
            (
                "id",
                Order {
                    id: "a b".to_owned(),
                    ..order()
                },
            ),
            (
                "account",
                Order {
                    account: String::new(),
                    ..order()
                },
            ),
            (
                "side",
                Order {
                    side: "long".to_owned(),
                    ..order()
                },
            ),
            (
                "price",
                Order {
                    price: "many".to_owned(),
                    ..order()
                },
            ),
            (
                "quantity",
                Order {
                    quantity: "-1".to_owned(),
                    ..order()
                },
            ),
            (
                "quantity",
                Order {
                    quantity: "0".to_owned(),
                    ..order()
                },
            ),
        ];
        for (field, order) in wrong {
            let why = order.checked().unwrap_err();
            assert!(why.starts_with(field), "{why}");
        }
    }
}
