//! What trading-app counts.

use std::collections::BTreeMap;

use super::pnl::Account;
use crate::metrics::{Counter, Page};

/// Trades by what became of them.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub traded: Counter,
    pub limited: Counter,
    pub stale: Counter,
    pub no_price: Counter,
    pub unavailable: Counter,
    pub unknown: Counter,
    /// Numbers trades, for the defect that books no money for some.
    pub number: Counter,
}

/// Limits, as they are shown beside what they limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub position: f64,
    pub loss: f64,
}

impl Numbers {
    /// Adds everything to a page.
    pub(super) fn show(
        &self,
        page: &mut Page,
        limits: Limits,
        accounts: &BTreeMap<String, Account>,
    ) {
        let results = [
            ("traded", self.traded.now()),
            ("limited", self.limited.now()),
            ("stale", self.stale.now()),
            ("no-price", self.no_price.now()),
            ("unavailable", self.unavailable.now()),
            ("unknown", self.unknown.now()),
        ];
        page.counters(
            "trading_trades_total",
            "Trades that were asked for, by result.",
            "result",
            results,
        );
        page.gauge(
            "trading_position_limit",
            "Limit of a position, in units.",
            limits.position,
        );
        page.gauge(
            "trading_loss_limit",
            "Loss at which an account trades no more.",
            limits.loss,
        );
        let furthest = accounts
            .values()
            .map(|account| account.furthest)
            .fold(0.0, f64::max);
        page.gauge(
            "trading_position_utilisation",
            "The furthest position as a share of its limit.",
            furthest / limits.position,
        );
        let worst = accounts
            .values()
            .map(|account| account.pnl)
            .reduce(f64::min);
        page.gauge(
            "trading_worst_pnl",
            "Profit of the account that has lost the most, below zero for a loss.",
            worst.unwrap_or(0.0),
        );
        let below = accounts
            .values()
            .filter(|account| account.pnl < -limits.loss)
            .count();
        page.gauge(
            "trading_accounts_beyond_loss_limit",
            "Accounts that have lost more than the limit.",
            below,
        );
        let pnl = accounts
            .iter()
            .map(|(name, account)| (name.as_str(), account.pnl));
        page.gauges(
            "trading_pnl",
            "Profit of an account, below zero for a loss.",
            "account",
            pnl,
        );
    }
}
