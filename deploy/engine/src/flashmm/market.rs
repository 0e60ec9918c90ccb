//! What the market maker knows of the market: prices, the latest first known a moment ago.
//!
//! A walk by chance stands for the feed of an exchange; ticks that are told move the price as well.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often the walk takes a step.
const STEP_EVERY: Duration = Duration::from_millis(10);

/// Returns that are looked at.
pub(super) const WINDOW: usize = 32;

/// A step is this share of the price at most.
const LARGEST_STEP: f64 = 0.000_02;

/// What is quoted: its price in the beginning, its tick, and the quantity of a quote.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Listed {
    pub(super) symbol: &'static str,
    pub(super) begins_at: f64,
    pub(super) decimals: usize,
    pub(super) quantity: &'static str,
}

pub(super) const LISTED: [Listed; 2] = [
    Listed {
        symbol: "BTCUSD",
        begins_at: 50_000.0,
        decimals: 2,
        quantity: "0.010",
    },
    Listed {
        symbol: "ETHUSD",
        begins_at: 3_000.0,
        decimals: 2,
        quantity: "0.10",
    },
];

/// A price, what led to it, and since when it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct View {
    pub(super) mid: f64,
    /// The latest is the last.
    pub(super) returns: [f64; WINDOW],
    pub(super) at: Instant,
}

/// The market; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Market(Arc<Mutex<BTreeMap<&'static str, View>>>);

impl Market {
    /// Every symbol at its price in the beginning.
    pub(super) fn new() -> Self {
        let at = Instant::now();
        let views = LISTED.iter().map(|it| {
            let view = View {
                mid: it.begins_at,
                returns: [0.0; WINDOW],
                at,
            };
            (it.symbol, view)
        });
        Self(Arc::new(Mutex::new(views.collect())))
    }

    /// As it is now.
    pub(super) fn view(&self, symbol: &str) -> Option<View> {
        self.lock().get(symbol).copied()
    }

    /// A price was seen; one that makes no sense was not.
    pub(super) fn saw(&self, symbol: &str, price: f64, at: Instant) {
        if let Some(view) = self.lock().get_mut(symbol)
            && price.is_finite()
            && price > 0.0
        {
            view.returns.rotate_left(1);
            view.returns[WINDOW - 1] = (price / view.mid).ln();
            (view.mid, view.at) = (price, at);
        }
    }

    /// Walks until it is dropped.
    pub(super) async fn walk(self) {
        let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
        loop {
            tokio::time::sleep(STEP_EVERY).await;
            for listed in LISTED {
                let Some(view) = self.view(listed.symbol) else {
                    continue;
                };
                // Back to where it began, or it would be anywhere after a day.
                let pull = (listed.begins_at / view.mid - 1.0) * 0.001;
                let step = 1.0 + chance.next() * LARGEST_STEP + pull;
                self.saw(listed.symbol, view.mid * step, Instant::now());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, View>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Numbers that look like chance, the same in every run (SplitMix64).
#[derive(Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    /// Between -1 and 1.
    pub(super) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) as f64 / (u64::MAX as f64) * 2.0 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_that_are_told_move_the_market_and_nonsense_does_not() {
        let market = Market::new();
        let at = Instant::now();
        market.saw("BTCUSD", 50_500.0, at);
        market.saw("BTCUSD", f64::NAN, at);
        market.saw("BTCUSD", -1.0, at);
        market.saw("DOGE", 1.0, at);
        let view = market.view("BTCUSD").unwrap();
        assert_eq!((view.mid, view.at), (50_500.0, at));
        assert!((view.returns[WINDOW - 1] - 1.01f64.ln()).abs() < 1e-12);
        assert!(market.view("DOGE").is_none());
    }

    #[test]
    fn chance_is_even() {
        let mut chance = Chance(7);
        let numbers: Vec<f64> = (0..10_000).map(|_| chance.next()).collect();
        let mean: f64 = numbers.iter().sum::<f64>() / numbers.len() as f64;
        assert!(mean.abs() < 0.05 && numbers.iter().all(|it| it.abs() <= 1.0));
    }
}
