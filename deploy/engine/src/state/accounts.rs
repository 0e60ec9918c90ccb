//! Account names, kept once, how many orders each has open, and whose kill switch was pulled.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The accounts in the order of their first accepted order.
#[derive(Debug, Default)]
pub struct Accounts {
    names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    open_orders: Vec<u32>,
    /// By account the engine sequence number with which its kill switch was pulled.
    killed: BTreeMap<u32, u64>,
    /// For a defect only: an order that is no longer open still counts.
    keeps_closed: bool,
}

impl Accounts {
    /// The number of an account, given out at its first use.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number =
            u32::try_from(self.names.len()).expect("accounts are far fewer than four billion");
        let name: Arc<str> = Arc::from(name);
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        self.open_orders.push(0);
        number
    }

    /// The name of an account.
    pub fn name(&self, number: u32) -> Arc<str> {
        self.names
            .get(number as usize)
            .cloned()
            .unwrap_or_else(|| Arc::from(""))
    }

    /// All names in the order of their numbers.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// How many orders the account has in the books; 0 for one never seen.
    pub fn open_orders(&self, name: &str) -> u32 {
        self.numbers
            .get(name)
            .and_then(|number| self.open_orders.get(*number as usize))
            .copied()
            .unwrap_or(0)
    }

    /// With which engine sequence number the kill switch of an account was pulled; none if it was not.
    pub fn killed_at(&self, number: u32) -> Option<u64> {
        self.killed.get(&number).copied()
    }

    /// Whether the kill switch of the account with this name was pulled.
    pub fn is_killed(&self, name: &str) -> bool {
        let number = self.numbers.get(name);
        number.is_some_and(|number| self.killed.contains_key(number))
    }

    /// The kill switch of an account is pulled.
    pub fn kill(&mut self, number: u32, sequence: u64) {
        self.killed.entry(number).or_insert(sequence);
    }

    /// The kill switches that were pulled, by account.
    pub fn killed(&self) -> &BTreeMap<u32, u64> {
        &self.killed
    }

    /// Forgets every kill switch, for a defect only.
    pub(super) fn forget_killed(&mut self) {
        self.killed.clear();
    }

    /// The open orders of the account that has most of them.
    pub fn most_open_orders(&self) -> u32 {
        self.open_orders.iter().copied().max().unwrap_or(0)
    }

    /// Accounts to which no order gives back what it counted for, if a defect wants that.
    pub(super) fn that_keep(keeps_closed: bool) -> Self {
        Self {
            keeps_closed,
            ..Self::default()
        }
    }

    /// Open orders over all accounts.
    pub fn open_orders_total(&self) -> u64 {
        self.open_orders.iter().map(|count| u64::from(*count)).sum()
    }

    /// One more order of this account is open.
    pub fn opened(&mut self, number: u32) {
        if let Some(count) = self.open_orders.get_mut(number as usize) {
            *count += 1;
        }
    }

    /// One order fewer of this account is open.
    pub fn closed(&mut self, number: u32) {
        if self.keeps_closed {
            return;
        }
        if let Some(count) = self.open_orders.get_mut(number as usize) {
            *count = count.saturating_sub(1);
        }
    }
}
