//! How orders are shaped: whose they are, at which prices, and how long they live.

use crate::plan::{Mix, OrderShape, PowerLaw, Prices};
use crate::spec::scenario::{AccountsSpec, LoadSpec, PricesSpec, SkewSpec};

use super::human::share_text;
use super::lifetimes::lifetimes;
use super::sheet::{At, Sheet};

/// Zovko and Farmer, "The power of patience", 2002: the cumulative exponent of relative limit prices is about 1.5.
const DEFAULT_EXPONENT: f64 = 1.5;
const DEFAULT_SCALE_TICKS: f64 = 10.0;
const DEFAULT_CROSSING: f64 = 0.02;
const HIGHEST_EXPONENT: f64 = 10.0;

/// The shape; `None` when a mistake leaves nothing to build on.
pub(super) fn shape(
    at: &At,
    spec: &LoadSpec,
    accounts: usize,
    mix: Mix,
    sheet: &Sheet,
) -> Option<OrderShape> {
    let account_shares = account_shares(at, spec.accounts.as_ref(), accounts, sheet);
    let prices = prices(&at.to("prices"), spec.prices.as_ref(), sheet);
    let lifetimes = lifetimes(&at.to("lifetimes"), spec.lifetimes.as_ref(), mix, sheet);
    Some(OrderShape {
        account_shares: account_shares?,
        prices: prices?,
        lifetimes: lifetimes?,
    })
}

/// Shares of the accounts; none where they are even.
fn account_shares(
    at: &At,
    spec: Option<&AccountsSpec>,
    accounts: usize,
    sheet: &Sheet,
) -> Option<Vec<f64>> {
    let Some(spec) = spec else {
        return Some(Vec::new());
    };
    let exponent = skew(&at.to("accounts").to("skew"), &spec.skew, sheet)?;
    if exponent == 0.0 {
        return Some(Vec::new());
    }
    Some(zipf(accounts, exponent))
}

/// The exponent of a skew, 0 when there is none; `None` when it is not sensible.
pub(super) fn skew(at: &At, spec: &SkewSpec, sheet: &Sheet) -> Option<f64> {
    let exponent = match spec {
        SkewSpec::Even => return Some(0.0),
        SkewSpec::Zipf(exponent) => exponent.0.to_f64(),
    };
    if exponent > 0.0 && exponent <= HIGHEST_EXPONENT {
        return Some(exponent);
    }
    sheet.refuse_with(
        &at.to("zipf"),
        format!("an exponent of {exponent} is not sensible"),
        "above 0, at most 10; markets are near 1.1",
    );
    None
}

/// Shares in proportion to 1 / n^exponent, summing to 1.
pub(super) fn zipf(count: usize, exponent: f64) -> Vec<f64> {
    let weight = |index: usize| ((index + 1) as f64).powf(-exponent);
    let total: f64 = (0..count).map(weight).sum();
    (0..count).map(|index| weight(index) / total).collect()
}

fn prices(at: &At, spec: Option<&PricesSpec>, sheet: &Sheet) -> Option<Prices> {
    let law = match spec {
        None | Some(PricesSpec::Band) => return Some(Prices::Band),
        Some(PricesSpec::PowerLaw(law)) => law,
    };
    let at = at.to("power-law");
    let law = PowerLaw {
        exponent: law
            .exponent
            .map_or(DEFAULT_EXPONENT, |exponent| exponent.0.to_f64()),
        scale_ticks: law
            .scale
            .map_or(DEFAULT_SCALE_TICKS, |scale| scale.0.to_f64()),
        crossing: law
            .crossing
            .map_or(DEFAULT_CROSSING, |share| share.fraction),
    };
    let mut is_sensible = true;
    let mut refuse = |field: &str, message: String, hint: &str| {
        is_sensible = false;
        sheet.refuse_with(&at.to(field), message, hint);
    };
    if !(0.1..=HIGHEST_EXPONENT).contains(&law.exponent) {
        refuse(
            "exponent",
            format!("an exponent of {} is not sensible", law.exponent),
            "from 0.1 to 10; markets are near 1.5",
        );
    }
    if !(0.01..=1e6).contains(&law.scale_ticks) {
        refuse(
            "scale",
            format!("a scale of {} ticks is not sensible", law.scale_ticks),
            "from 0.01 to 1000000 ticks, such as 10",
        );
    }
    if law.crossing > 0.5 {
        refuse(
            "crossing",
            format!(
                "{} across the middle is more than half",
                share_text(law.crossing)
            ),
            "at most 50%; 2% is usual",
        );
    }
    is_sensible.then_some(Prices::PowerLaw(law))
}
