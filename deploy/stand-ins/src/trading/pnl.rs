//! What accounts have won and lost: their money, and their positions at the last prices.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::ledger::{Ledger, Position};
use super::prices::Prices;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// An account's state at the last look.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Account {
    /// Profit, or loss below zero.
    pub pnl: f64,
    /// Its position that is furthest from zero, in units.
    pub furthest: f64,
}

/// All accounts at the last look.
#[derive(Debug, Default)]
pub(super) struct Accounts(Mutex<BTreeMap<String, Account>>);

impl Accounts {
    /// All of them.
    pub(super) fn all(&self) -> BTreeMap<String, Account> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether an account had lost more than `limit`.
    pub(super) fn has_lost(&self, account: &str, limit: f64) -> bool {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts
            .get(account)
            .is_some_and(|account| account.pnl < -limit)
    }

    /// Looks again and again, until it is dropped.
    pub(super) async fn run(self: Arc<Self>, ledger: Arc<Ledger>, prices: Arc<Prices>) {
        loop {
            self.look(&ledger, &prices).await;
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Looks once; what cannot be read stays as it was.
    pub(super) async fn look(&self, ledger: &Ledger, prices: &Prices) {
        let Ok(positions) = ledger.positions().await else {
            return;
        };
        let mut known = BTreeMap::new();
        for position in &positions {
            if !known.contains_key(&position.symbol)
                && let Some(price) = prices.last(&position.symbol).await
            {
                known.insert(position.symbol.clone(), price);
            }
        }
        let accounts = valued(&positions, &known);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = accounts;
    }
}

/// What positions are worth. One whose price is not known leaves its account out: half a sum is none.
fn valued(positions: &[Position], prices: &BTreeMap<String, f64>) -> BTreeMap<String, Account> {
    let mut accounts: BTreeMap<String, Option<Account>> = BTreeMap::new();
    for position in positions {
        let account = accounts
            .entry(position.account.clone())
            .or_insert(Some(Account::default()));
        *account = account
            .zip(prices.get(&position.symbol))
            .map(|(account, price)| Account {
                pnl: account.pnl + position.cash + position.quantity * price,
                furthest: account.furthest.max(position.quantity.abs()),
            });
    }
    accounts
        .into_iter()
        .filter_map(|(name, account)| Some((name, account?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(account: &str, symbol: &str, quantity: f64, cash: f64) -> Position {
        Position {
            account: account.to_owned(),
            symbol: symbol.to_owned(),
            quantity,
            cash,
        }
    }

    #[test]
    fn an_account_has_won_what_its_positions_are_worth_beyond_their_cost() {
        let prices = BTreeMap::from([("X".to_owned(), 12.0), ("Y".to_owned(), 5.0)]);
        let positions = [
            position("A", "X", 2.0, -20.0),
            position("A", "Y", -3.0, 10.0),
            position("B", "X", 1.0, -12.0),
            position("B", "Z", 1.0, -1.0),
        ];
        let accounts = valued(&positions, &prices);
        assert_eq!(
            accounts,
            BTreeMap::from([(
                "A".to_owned(),
                Account {
                    pnl: -1.0,
                    furthest: 3.0
                }
            )])
        );
    }
}
