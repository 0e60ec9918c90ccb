//! The handle on a table: what a fault calls.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use super::counts::RuleCounts;
use super::keeper::{Keeper, Order};
use super::rule::{self, Action, Direction, Peers, Rule, RuleError, Share};
use crate::mechanisms::net::netlink::{Family, NetlinkError, NetlinkSocket};
use crate::mechanisms::net::netns::{Netns, NetnsError, NetnsId};

const TABLE_PREFIX: &str = "shakedown_";
const TAG_BYTES: usize = 32;
/// The kernel answers within milliseconds; a transaction waits 5 s at most, a replacement has two.
const ANSWERS_WITHIN: Duration = Duration::from_secs(15);
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);

/// An nftables table in one namespace, owned by a thread of ours. Dropping it removes the table.
#[derive(Debug)]
pub struct OwnedTable {
    table: String,
    netns: NetnsId,
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// What can be said for the faults of a table having bitten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What each rule did, by name; a rule that has been replaced by one of the same name is the same one.
    pub rules: Vec<RuleCounts>,
    /// How often the elements got their time anew.
    pub renewals: u64,
    pub failed_renewals: u64,
    /// When it was seen that the rules had let go because the thread had been held up for longer than the
    /// elements live (`CLOCK_MONOTONIC`, ns). The fault was over earlier than planned then.
    pub lapsed_at_mono_ns: Option<u64>,
}

impl Evidence {
    /// What the rule of this name did.
    pub fn of(&self, name: &str) -> Option<&RuleCounts> {
        self.rules.iter().find(|rule| rule.name == name)
    }
}

/// Why rules could not be set or read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error(
        "{0} is the namespace in which Shakedown itself is: faults on it would hit the whole machine"
    )]
    OwnNamespace(NetnsId),
    #[error("{0:?} cannot be part of a table's name: 1 to 32 letters, digits and underscores can")]
    Tag(String),
    #[error("elements that live {0:?} cannot be renewed reliably; give them 100 ms or more")]
    Timeout(Duration),
    #[error("cannot start the thread that owns the table: {0}")]
    Thread(io::Error),
    #[error("the thread that owns the table {table} has ended, and the table with it")]
    Ended { table: String },
    #[error(
        "the thread that owns the table {table} has not answered for 15 s; its rules let go by themselves"
    )]
    Hangs { table: String },
    #[error(transparent)]
    Rule(#[from] RuleError),
    #[error(transparent)]
    Netns(#[from] NetnsError),
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

impl OwnedTable {
    /// How long an element lives unless it is renewed: after a hang, traffic is back after this time.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);

    /// Makes an empty table `shakedown_TAG` in a namespace that is not our own.
    ///
    /// # Errors
    /// For our own namespace; without root; on a kernel older than 5.12 or without nftables; when there is a
    /// table of this name.
    pub fn create(netns: &Netns, tag: &str, timeout: Duration) -> Result<OwnedTable, TableError> {
        let is_fit = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if tag.is_empty() || tag.len() > TAG_BYTES || !tag.chars().all(is_fit) {
            return Err(TableError::Tag(tag.to_string()));
        }
        if timeout < SHORTEST_TIMEOUT {
            return Err(TableError::Timeout(timeout));
        }
        if netns.is_own()? {
            return Err(TableError::OwnNamespace(netns.id()));
        }
        let table = format!("{TABLE_PREFIX}{tag}");
        let (orders, inbox) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let (inside, name) = (netns.clone(), table.clone());
        let thread = std::thread::Builder::new()
            .name(format!("table-{tag}").chars().take(15).collect())
            .spawn(move || match own(&inside, name, timeout) {
                Ok(keeper) => {
                    drop(tell.send(Ok(())));
                    keeper.run(&inbox);
                }
                Err(error) => drop(tell.send(Err(error))),
            })
            .map_err(TableError::Thread)?;
        let handle = OwnedTable {
            table,
            netns: netns.id(),
            orders: Some(orders),
            thread: Some(thread),
        };
        handle.answer(told.recv_timeout(ANSWERS_WITHIN))??;
        Ok(handle)
    }

    /// Whether this kernel and these rights can do all that rules ask for, tried in a namespace made for it.
    ///
    /// # Errors
    /// With what is missing.
    pub fn preflight() -> Result<(), TableError> {
        let table = OwnedTable::create(&Netns::anonymous()?, "preflight", Self::DEFAULT_TIMEOUT)?;
        let actions = [
            Action::Drop,
            Action::Reset,
            Action::Unreachable,
            Action::Steer,
        ];
        let half = Share::from_millionths(Share::WHOLE / 2).unwrap_or(Share::ALL);
        let rules = actions.map(|action| Rule {
            name: format!("{action:?}"),
            peers: Peers::Anyone,
            direction: match action {
                Action::Drop | Action::Reset | Action::Unreachable => Direction::Both,
                Action::Steer => Direction::Out,
            },
            ports: Vec::new(),
            share: half,
            action,
        });
        table.replace(rules.into())?;
        table.remove()
    }

    /// Puts this list in the place of the one before, in one transaction: no packet sees a state in between, and
    /// when the kernel refuses, nothing has changed. Counts of rules that keep their name go on.
    ///
    /// # Errors
    /// When a rule makes no sense, the kernel refuses, or the thread has ended or hangs.
    pub fn replace(&self, rules: Vec<Rule>) -> Result<(), TableError> {
        rule::check(&rules)?;
        Ok(self.ask(|answer| Order::Replace(rules, answer))??)
    }

    /// What the rules have done until now.
    ///
    /// # Errors
    /// When the kernel refuses, or the thread has ended or hangs.
    pub fn evidence(&self) -> Result<Evidence, TableError> {
        Ok(self.ask(Order::Evidence)??)
    }

    /// What the rules have done until now, by name.
    ///
    /// # Errors
    /// As [`OwnedTable::evidence`].
    pub fn counters(&self) -> Result<Vec<RuleCounts>, TableError> {
        Ok(self.evidence()?.rules)
    }

    /// Removes the table and waits until it is gone. One that is gone already is removed.
    ///
    /// # Errors
    /// When the kernel refuses or the thread hangs; the kernel removes the table with its thread, at the latest.
    pub fn remove(self) -> Result<(), TableError> {
        match self.ask(Order::Remove) {
            Ok(done) => Ok(done?),
            Err(TableError::Ended { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The table's name, `shakedown_TAG`.
    pub fn name(&self) -> &str {
        &self.table
    }

    /// The namespace that it is in.
    pub fn netns(&self) -> NetnsId {
        self.netns
    }

    fn ask<T>(&self, order: impl FnOnce(Sender<T>) -> Order) -> Result<T, TableError> {
        let (answer, answered) = mpsc::channel();
        let ended = || TableError::Ended {
            table: self.table.clone(),
        };
        self.orders
            .as_ref()
            .ok_or_else(ended)?
            .send(order(answer))
            .map_err(|_| ended())?;
        self.answer(answered.recv_timeout(ANSWERS_WITHIN))
    }

    fn answer<T>(&self, answered: Result<T, RecvTimeoutError>) -> Result<T, TableError> {
        answered.map_err(|error| match error {
            RecvTimeoutError::Timeout => TableError::Hangs {
                table: self.table.clone(),
            },
            RecvTimeoutError::Disconnected => TableError::Ended {
                table: self.table.clone(),
            },
        })
    }
}

impl Drop for OwnedTable {
    /// Waits until the socket is closed, which is when the kernel has removed the table.
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the table {} panicked", self.table);
        }
    }
}

fn own(netns: &Netns, table: String, timeout: Duration) -> Result<Keeper, TableError> {
    netns.enter_for_good()?;
    let socket = NetlinkSocket::open(Family::Netfilter)?;
    Ok(Keeper::create(socket, table, timeout)?)
}
