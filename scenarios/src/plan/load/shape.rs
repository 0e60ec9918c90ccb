//! How orders are shaped: whose they are, at which prices, and how long they live.

use serde::Serialize;

/// How orders are shaped. The default is what scenarios have that say nothing of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct OrderShape {
    /// Shares of the accounts, in their order, summing to 1; empty: the same for each.
    pub account_shares: Vec<f64>,
    pub prices: Prices,
    /// How long orders live before they are cancelled or replaced; `None`: a cancel or replace addresses any live order.
    pub lifetimes: Option<Lifetimes>,
}

impl OrderShape {
    /// True for the default: it is left out of the plan's text, so that plans from before have the digest they had.
    pub(super) fn is_plain(&self) -> bool {
        *self == OrderShape::default()
    }
}

/// Where orders are priced, around the middle of an instrument's band.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prices {
    /// Densest near the middle; distances are squares of even numbers. One order in 50 crosses the middle.
    #[default]
    Band,
    PowerLaw(PowerLaw),
}

/// The chance that an order lies more than `d` ticks from the middle is `(1 + d / scale)^-exponent`, cut off at the end of
/// the band.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PowerLaw {
    pub exponent: f64,
    pub scale_ticks: f64,
    /// Share of orders on the other side of the middle, so that there are trades.
    pub crossing: f64,
}

/// How long an order lives before it is cancelled or replaced.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifetimes {
    Exponential {
        mean_ns: u64,
    },
    /// Shares that are over by a time, from 0 to 1; between two points the logarithm of the time is even.
    Table(Vec<LifetimePoint>),
}

/// By a time, a share of lives is over.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LifetimePoint {
    pub within_ns: u64,
    pub share: f64,
}
