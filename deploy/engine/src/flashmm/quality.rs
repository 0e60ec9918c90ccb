//! How good the quotes are: how much of them is filled, how narrow they are, and what is held in the end. Pure.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::maker::{Quote, order_id};

/// How long a quote stands.
const STANDS_FOR: Duration = Duration::from_secs(1);

/// Quotes over which a rate is taken.
const LATEST: usize = 1_000;

/// One that stands.
#[derive(Debug)]
struct Standing {
    quote: Quote,
    since: Instant,
    quantity: f64,
    filled: f64,
}

/// The quotes of a market maker; own ones and those of others.
#[derive(Debug, Default)]
pub(super) struct Quality {
    standing: HashMap<String, Standing>,
    /// Orders in which they end.
    ends: VecDeque<String>,
    /// Quantities of the latest that ended: asked for, and filled.
    ended: VecDeque<(f64, f64)>,
    /// Spreads of the latest, in hundredths of a percent: own, and of the baseline.
    spreads: VecDeque<(f64, f64)>,
    /// By symbol, what is held.
    inventory: BTreeMap<String, f64>,
}

impl Quality {
    /// A quote has been sent.
    pub(super) fn quoted(&mut self, quote: &Quote, now: Instant) {
        let order = order_id(quote);
        self.ends.push_back(order.clone());
        let standing = Standing {
            quantity: quote.quantity.parse().unwrap_or(0.0),
            quote: quote.clone(),
            since: now,
            filled: 0.0,
        };
        self.standing.insert(order, standing);
    }

    /// Bid and ask are so far apart.
    pub(super) fn spread(&mut self, own_bps: f64, baseline_bps: f64) {
        keep_latest(&mut self.spreads, (own_bps, baseline_bps));
    }

    /// An order was filled in part.
    pub(super) fn filled(&mut self, order: &str, quantity: f64) {
        let Some(standing) = self.standing.get_mut(order) else {
            return;
        };
        standing.filled += quantity;
        let signed = match standing.quote.side.as_str() {
            "buy" => quantity,
            _ => -quantity,
        };
        *self
            .inventory
            .entry(standing.quote.symbol.clone())
            .or_default() += signed;
    }

    /// Ends what has stood for long enough, and gives those of which something is left.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Quote> {
        let mut left = Vec::new();
        while let Some(order) = self.ends.front() {
            let standing = self.standing.get(order);
            if standing.is_some_and(|it| now.saturating_duration_since(it.since) < STANDS_FOR) {
                break;
            }
            let standing = self.standing.remove(order);
            self.ends.pop_front();
            if let Some(Standing {
                quote,
                quantity,
                filled,
                ..
            }) = standing
            {
                keep_latest(&mut self.ended, (quantity, filled.min(quantity)));
                if filled < quantity {
                    left.push(quote);
                }
            }
        }
        left
    }

    /// The share of the quantity of the latest quotes that was filled; none before any has ended.
    pub(super) fn fill_rate(&self) -> Option<f64> {
        ratio(&self.ended).map(|(asked, filled)| filled / asked)
    }

    /// Mean spreads of the latest quotes, own and of the baseline, in hundredths of a percent; none before any.
    pub(super) fn spreads(&self) -> Option<(f64, f64)> {
        let count = self.spreads.len() as f64;
        ratio(&self.spreads).map(|(own, baseline)| (own / count, baseline / count))
    }

    /// How much of a symbol is held.
    pub(super) fn inventory(&self, symbol: &str) -> f64 {
        self.inventory.get(symbol).copied().unwrap_or(0.0)
    }

    /// What is held, by symbol.
    pub(super) fn holdings(&self) -> &BTreeMap<String, f64> {
        &self.inventory
    }

    /// What was held before.
    pub(super) fn restore(&mut self, holdings: BTreeMap<String, f64>) {
        self.inventory = holdings;
    }
}

fn keep_latest(rows: &mut VecDeque<(f64, f64)>, row: (f64, f64)) {
    rows.push_back(row);
    if rows.len() > LATEST {
        rows.pop_front();
    }
}

/// Sums of both columns, where the first is above zero.
fn ratio(rows: &VecDeque<(f64, f64)>) -> Option<(f64, f64)> {
    let sums = rows
        .iter()
        .fold((0.0, 0.0), |sums, row| (sums.0 + row.0, sums.1 + row.1));
    (sums.0 > 0.0).then_some(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(id: &str, side: &str) -> Quote {
        Quote {
            id: id.to_owned(),
            symbol: "BTCUSD".to_owned(),
            side: side.to_owned(),
            price: "50000".to_owned(),
            quantity: "0.4".to_owned(),
        }
    }

    #[test]
    fn a_quote_counts_when_it_has_ended_and_what_is_left_is_taken_back() {
        let (mut quality, start) = (Quality::default(), Instant::now());
        quality.quoted(&quote("a", "buy"), start);
        quality.quoted(&quote("b", "sell"), start);
        quality.filled("q-a", 0.4);
        quality.filled("q-b", 0.1);
        quality.filled("q-x", 9.0);
        assert_eq!(quality.fill_rate(), None);
        assert_eq!(quality.expire(start + Duration::from_millis(900)), []);
        let left = quality.expire(start + Duration::from_secs(1));
        assert_eq!(left, [quote("b", "sell")]);
        assert!(
            quality
                .fill_rate()
                .is_some_and(|rate| (rate - 0.625).abs() < 1e-9)
        );
        assert!((quality.inventory("BTCUSD") - 0.3).abs() < 1e-9);
    }

    #[test]
    fn rates_are_those_of_the_latest() {
        let (mut quality, start) = (Quality::default(), Instant::now());
        assert_eq!(quality.spreads(), None);
        quality.spread(6.0, 8.0);
        quality.spread(4.0, 8.0);
        assert_eq!(quality.spreads(), Some((5.0, 8.0)));
        for number in 0..LATEST {
            quality.spread(2.0, 4.0);
            quality.quoted(&quote(&number.to_string(), "buy"), start);
        }
        assert_eq!(quality.spreads(), Some((2.0, 4.0)));
    }
}
