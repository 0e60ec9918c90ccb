//! Trades, as clients ask for them and as they are kept.

use serde::Deserialize;

use crate::fields;

/// What a client asks for; the price is the market's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Asked {
    pub id: String,
    pub account: String,
    pub symbol: String,
    /// `buy` or `sell`.
    pub side: String,
    pub quantity: String,
}

/// A trade that is to be kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trade {
    pub asked: Asked,
    pub price: f64,
    /// What ml-service said, if it said anything in time.
    pub signal: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is committed under this number, and the position is this by now.
    Traded { sequence: i64, position: String },
    /// It was committed before, as was asked now.
    Known(i64),
    /// Another trade has its id.
    OtherWords,
    /// The position would be beyond its limit.
    BeyondLimit,
}

impl Asked {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// What does not, for people.
    pub(super) fn checked(self) -> Result<Self, String> {
        fields::name("id", &self.id)?;
        fields::name("account", &self.account)?;
        fields::name("symbol", &self.symbol)?;
        fields::side(&self.side)?;
        fields::positive("quantity", &self.quantity)?;
        Ok(self)
    }

    /// By how much it changes the position, as text.
    pub(super) fn change(&self) -> String {
        let sign = if self.side == "buy" { "" } else { "-" };
        format!("{sign}{}", self.quantity)
    }
}

impl Trade {
    /// What it does to the account's money, in its currency.
    pub(super) fn cash(&self) -> f64 {
        let paid = self.price * self.asked.quantity.parse().unwrap_or(0.0);
        if self.asked.side == "buy" {
            -paid
        } else {
            paid
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purchase_costs_and_a_sale_brings_money() {
        let asked = Asked {
            id: "t-1".to_owned(),
            account: "A".to_owned(),
            symbol: "BTCUSD".to_owned(),
            side: "sell".to_owned(),
            quantity: "0.5".to_owned(),
        };
        let sale = Trade {
            asked: asked.clone().checked().unwrap(),
            price: 100.0,
            signal: None,
        };
        assert_eq!((sale.cash(), sale.asked.change().as_str()), (50.0, "-0.5"));
        let wrong = Asked {
            side: "short".to_owned(),
            ..asked
        };
        assert!(wrong.checked().unwrap_err().contains("short"));
    }
}
