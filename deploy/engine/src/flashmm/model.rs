//! What to quote: a small network of two layers over the last returns, and a baseline that knows no more than how much they vary.
//!
//! Its weights are drawn once, by a seed. It is as good as chance, but it is work, of the kind and size that a market maker does
//! between two quotes.

use super::market::{Chance, View, WINDOW};

const HIDDEN: usize = 32;
const SEED: u64 = 0x5EED;

/// The least spread of the baseline, in hundredths of a percent.
const LEAST_BPS: f64 = 8.0;

/// How much wider the baseline is for each hundredth of a percent by which returns vary.
const WIDER_BPS: f64 = 1.5;

/// The spread is between these shares of the baseline.
const SHARES: (f64, f64) = (0.55, 0.85);

/// How far the middle is moved at most, as a share of the spread.
const MOST_SKEW: f64 = 0.2;

/// What the network says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Opinion {
    /// The spread as a share of the baseline.
    pub(super) share: f64,
    /// Where the middle is to be moved, as a share of the spread.
    pub(super) skew: f64,
}

impl Opinion {
    /// That of whoever has none.
    pub(super) const BASELINE: Self = Self {
        share: 1.0,
        skew: 0.0,
    };
}

/// The spread of the baseline, in hundredths of a percent.
pub(super) fn baseline_bps(view: &View) -> f64 {
    let variance = view.returns.iter().map(|it| it * it).sum::<f64>() / WINDOW as f64;
    LEAST_BPS + WIDER_BPS * variance.sqrt() * 10_000.0
}

/// Bid and ask around a price.
pub(super) fn prices(mid: f64, baseline_bps: f64, opinion: Opinion) -> (f64, f64) {
    let spread = mid * baseline_bps * opinion.share / 10_000.0;
    let middle = mid + opinion.skew * spread;
    (middle - spread / 2.0, middle + spread / 2.0)
}

/// The network.
#[derive(Debug, Clone)]
pub(super) struct Model {
    hidden: Vec<[f64; WINDOW + 1]>,
    out: [[f64; HIDDEN]; 2],
}

impl Model {
    /// With its weights.
    pub(super) fn new() -> Self {
        let mut chance = Chance(SEED);
        let hidden = (0..HIDDEN).map(|_| std::array::from_fn(|_| chance.next()));
        Self {
            hidden: hidden.collect(),
            out: std::array::from_fn(|_| std::array::from_fn(|_| chance.next())),
        }
    }

    /// What it thinks of a market, while so much of the symbol is held.
    pub(super) fn infer(&self, view: &View, inventory: f64) -> Opinion {
        let mut input = [0.0; WINDOW + 1];
        for (place, a_return) in view.returns.iter().enumerate() {
            input[place] = a_return * 10_000.0;
        }
        input[WINDOW] = inventory;
        let layer = |weights: &[f64], input: &[f64]| {
            let products = weights.iter().zip(input).map(|(weight, it)| weight * it);
            products.sum::<f64>().tanh()
        };
        let hidden: Vec<f64> = self.hidden.iter().map(|it| layer(it, &input)).collect();
        let [share, skew] = [0, 1].map(|place| layer(&self.out[place], &hidden));
        Opinion {
            share: SHARES.0 + (SHARES.1 - SHARES.0) * (share + 1.0) / 2.0,
            skew: skew * MOST_SKEW,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn view(returns: [f64; WINDOW]) -> View {
        View {
            mid: 50_000.0,
            returns,
            at: Instant::now(),
        }
    }

    #[test]
    fn whatever_the_market_does_the_spread_is_better_than_the_baseline() {
        let (model, mut chance) = (Model::new(), Chance(3));
        let mut seen = Vec::new();
        for _ in 0..200 {
            let view = view(std::array::from_fn(|_| chance.next() * 0.001));
            let opinion = model.infer(&view, chance.next() * 10.0);
            assert!(
                (SHARES.0..=SHARES.1).contains(&opinion.share),
                "{opinion:?}"
            );
            assert!(opinion.skew.abs() <= MOST_SKEW, "{opinion:?}");
            seen.push(opinion.share);
        }
        seen.sort_by(f64::total_cmp);
        assert!(seen[199] - seen[0] > 0.1, "it has no opinion");
    }

    #[test]
    fn bid_and_ask_are_as_far_apart_as_the_spread_says() {
        let calm = view([0.0; WINDOW]);
        assert_eq!(baseline_bps(&calm), LEAST_BPS);
        assert!(baseline_bps(&view([0.001; WINDOW])) > LEAST_BPS + 10.0);
        let (bid, ask) = prices(50_000.0, 8.0, Opinion::BASELINE);
        assert!((ask - bid - 40.0).abs() < 1e-9 && (bid - 49_980.0).abs() < 1e-9);
    }
}
