//! The model: what it looks at, and what it makes of it. Pure.

/// Prices that it needs at least.
pub(super) const FEWEST: usize = 8;

/// Prices that it takes at most.
pub(super) const MOST: usize = 1_024;

/// The last returns that count as the short momentum.
const SHORT: usize = 3;

/// What the model looks at, in this order.
pub(super) const NAMES: [&str; 4] = [
    "short-momentum",
    "long-momentum",
    "reversal",
    "place-in-range",
];

/// How the features add up to the logarithm of the odds that the price rises: momentum goes on, single steps turn back, and
/// what is high in its range comes down.
const WEIGHTS: [f64; 4] = [1.1, 1.6, -0.35, -0.5];

/// How far the probability must be from one half for a signal.
const SURE: f64 = 0.08;

/// What the model says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Said {
    pub features: [f64; 4],
    /// That the price rises.
    pub probability: f64,
    /// `buy`, `sell` or `hold`.
    pub signal: &'static str,
}

/// What the model says of prices, the oldest first. `is_blind`: it does not look.
///
/// # Errors
/// What is wrong with the prices, for people.
pub(super) fn say(prices: &[f64], is_blind: bool) -> Result<Said, String> {
    if !(FEWEST..=MOST).contains(&prices.len()) {
        let count = prices.len();
        return Err(format!("{count} prices: it takes {FEWEST} to {MOST}"));
    }
    if let Some(wrong) = prices
        .iter()
        .find(|price| !price.is_finite() || **price <= 0.0)
    {
        return Err(format!("{wrong} is no price"));
    }
    let features = if is_blind { [0.0; 4] } else { features(prices) };
    let odds: f64 = features
        .iter()
        .zip(WEIGHTS)
        .map(|(feature, weight)| feature * weight)
        .sum();
    let probability = 1.0 / (1.0 + (-odds).exp());
    let signal = if probability > 0.5 + SURE {
        "buy"
    } else if probability < 0.5 - SURE {
        "sell"
    } else {
        "hold"
    };
    Ok(Said {
        features,
        probability,
        signal,
    })
}

/// Returns in units of their own noise, so that no symbol and no price is special.
fn features(prices: &[f64]) -> [f64; 4] {
    let returns: Vec<f64> = prices
        .windows(2)
        .map(|two| (two[1] / two[0]).ln())
        .collect();
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let noise = mean(&returns.iter().map(|it| it.abs()).collect::<Vec<f64>>());
    if noise == 0.0 {
        return [0.0; 4];
    }
    let (last, short) = (
        returns[returns.len() - 1],
        &returns[returns.len() - SHORT..],
    );
    let (low, high) = prices
        .iter()
        .fold((f64::MAX, f64::MIN), |(low, high), price| {
            (low.min(*price), high.max(*price))
        });
    let place = (prices[prices.len() - 1] - low) / (high - low) - 0.5;
    [
        mean(short) / noise,
        mean(&returns) / noise,
        last / noise,
        place,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(price: impl Fn(f64) -> f64) -> Said {
        let prices: Vec<f64> = (0..32).map(|step| price(f64::from(step))).collect();
        say(&prices, false).unwrap()
    }

    #[test]
    fn what_rises_is_bought_and_what_falls_is_sold_at_any_price() {
        for scale in [0.001, 50_000.0] {
            assert_eq!(signal(|step| scale * (100.0 + step)).signal, "buy");
            assert_eq!(signal(|step| scale * (200.0 - step)).signal, "sell");
        }
        let still = signal(|_| 100.0);
        assert_eq!((still.signal, still.probability), ("hold", 0.5));
    }

    #[test]
    fn a_blind_model_says_the_same_of_everything() {
        let up: Vec<f64> = (1..20).map(f64::from).collect();
        assert_eq!(say(&up, true).unwrap().signal, "hold");
    }

    #[test]
    fn what_is_no_price_is_refused() {
        assert!(say(&[1.0; 7], false).unwrap_err().contains("7 prices"));
        assert!(
            say(&[[1.0; 8].as_slice(), &[0.0]].concat(), false)
                .unwrap_err()
                .contains("0 is no price")
        );
    }
}
