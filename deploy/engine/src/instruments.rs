//! What is traded: the symbol table, with tick, lot and the largest order of each instrument.

use serde::{Deserialize, Serialize};

use crate::decimal::format_steps;

/// The place of an instrument in the symbol table; part of the replicated state, so the table only ever grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InstrumentId(u8);

/// One tradable instrument. Ticks and lots are powers of ten.
#[derive(Debug)]
pub struct Instrument {
    /// The name in orders.
    pub symbol: &'static str,
    /// Decimals of a price: the tick is `10^-price_decimals`.
    pub price_decimals: u32,
    /// Decimals of a quantity: the lot is `10^-quantity_decimals`.
    pub quantity_decimals: u32,
    /// The risk limit: the largest order, in lots.
    pub max_order_lots: u64,
}

static INSTRUMENTS: [Instrument; 3] = [
    Instrument {
        symbol: "BTCUSD",
        price_decimals: 2,
        quantity_decimals: 3,
        max_order_lots: 100_000,
    },
    Instrument {
        symbol: "ETHUSD",
        price_decimals: 2,
        quantity_decimals: 2,
        max_order_lots: 100_000,
    },
    Instrument {
        symbol: "SOLUSD",
        price_decimals: 3,
        quantity_decimals: 1,
        max_order_lots: 100_000,
    },
];

/// All instruments in the order of their ids.
pub fn all() -> &'static [Instrument] {
    &INSTRUMENTS
}

/// The instrument called `symbol`, if it is traded here.
pub fn find(symbol: &str) -> Option<InstrumentId> {
    let place = INSTRUMENTS
        .iter()
        .position(|instrument| instrument.symbol == symbol)?;
    u8::try_from(place).ok().map(InstrumentId)
}

impl InstrumentId {
    /// The place in [`all`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The instrument itself.
    pub fn get(self) -> &'static Instrument {
        &INSTRUMENTS[self.index()]
    }
}

impl Instrument {
    /// A price in ticks as text.
    pub fn price_text(&self, ticks: u64) -> String {
        format_steps(ticks, self.price_decimals)
    }

    /// A quantity in lots as text.
    pub fn quantity_text(&self, lots: u64) -> String {
        format_steps(lots, self.quantity_decimals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_by_symbol_only_what_is_there() {
        let btc = find("BTCUSD").expect("traded");
        assert_eq!(btc.get().quantity_text(btc.get().max_order_lots), "100.000");
        assert_eq!(
            find("SOLUSD").expect("traded").get().price_text(20_150),
            "20.150"
        );
        assert!(find("btcusd").is_none());
        assert!(find("").is_none());
    }
}
