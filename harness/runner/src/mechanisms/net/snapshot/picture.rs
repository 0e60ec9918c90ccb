//! One picture, and what is different between two.

use std::collections::BTreeMap;
use std::fmt;

use super::super::netlink::{Family, NetlinkError, NetlinkSocket};
use super::super::netns::{Netns, NetnsError};
use super::{nft, route};

/// What the tables of Shakedown's own faults are called.
const OWN_TABLES: &str = "shakedown_";

/// One picture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetSnapshot {
    items: BTreeMap<Item, Vec<u8>>,
}

/// Something that can be there or not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    /// In words, such as `the chain inet filter input`.
    what: String,
    /// Several things can look the same in words.
    copy: u32,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error(transparent)]
    Netns(#[from] NetnsError),
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

/// One difference between two pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub what: String,
    pub change: Change,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was there before and is not there now.
    Missing,
    /// It was not there before.
    New,
    /// It is there, but not as it was.
    Changed,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = match self.change {
            Change::Missing => "is missing",
            Change::New => "was not there before",
            Change::Changed => "is not as it was before",
        };
        write!(f, "{} {change}", self.what)
    }
}

impl NetSnapshot {
    /// Takes a picture: nftables ruleset, queueing disciplines, routes, rules, addresses, interfaces.
    ///
    /// # Errors
    /// When the namespace cannot be entered, or a list not be read.
    pub fn take(netns: &Netns) -> Result<NetSnapshot, SnapshotError> {
        netns.run_in(|| {
            let mut picture = NetSnapshot::default();
            let mut socket = NetlinkSocket::open(Family::Route)?;
            route::add(&mut socket, &mut picture)?;
            let mut socket = NetlinkSocket::open(Family::Netfilter)?;
            nft::add(&mut socket, &mut picture)?;
            Ok(picture)
        })?
    }

    /// The picture without the tables of Shakedown's faults, for a comparison while some are still there.
    #[must_use]
    pub fn without_own_tables(mut self) -> NetSnapshot {
        let own = format!(" inet {OWN_TABLES}");
        self.items.retain(|item, _| !item.what.contains(&own));
        self
    }

    /// What is not in the later picture as it was in the earlier one, in words; empty when all is as it was.
    pub fn differences(before: &NetSnapshot, after: &NetSnapshot) -> Vec<Difference> {
        let mut all = Vec::new();
        for (item, bytes) in &before.items {
            let change = match after.items.get(item) {
                None => Change::Missing,
                Some(now) if now != bytes => Change::Changed,
                Some(_) => continue,
            };
            all.push(item.differs(change));
        }
        let new = after
            .items
            .keys()
            .filter(|item| !before.items.contains_key(item));
        all.extend(new.map(|item| item.differs(Change::New)));
        all
    }

    /// How many things the picture shows.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True for a picture that shows nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn add(&mut self, what: String, bytes: Vec<u8>) {
        let mut item = Item { what, copy: 0 };
        while self.items.contains_key(&item) {
            item.copy += 1;
        }
        self.items.insert(item, bytes);
    }
}

impl Item {
    fn differs(&self, change: Change) -> Difference {
        Difference {
            what: self.what.clone(),
            change,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_difference_is_told_and_nothing_else() {
        let mut before = NetSnapshot::default();
        before.add("the route to 10.0.0.0/8".into(), vec![1]);
        before.add("the rule 4 of inet filter input".into(), vec![2]);
        before.add("the chain inet filter input".into(), vec![3]);
        assert!(NetSnapshot::differences(&before, &before.clone()).is_empty());
        let mut after = NetSnapshot::default();
        after.add("the rule 4 of inet filter input".into(), vec![9]);
        after.add("the chain inet filter input".into(), vec![3]);
        after.add("the table inet shakedown_x".into(), vec![]);
        let told: Vec<String> = NetSnapshot::differences(&before, &after)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "the route to 10.0.0.0/8 is missing",
                "the rule 4 of inet filter input is not as it was before",
                "the table inet shakedown_x was not there before",
            ]
        );
        let foreign = after.without_own_tables();
        assert_eq!(foreign.len(), 2);
    }

    #[test]
    fn things_that_look_alike_are_told_apart() {
        let mut picture = NetSnapshot::default();
        picture.add("the address ::1".into(), vec![1]);
        picture.add("the address ::1".into(), vec![2]);
        assert_eq!(picture.len(), 2);
    }

    #[test]
    fn our_own_namespace_can_be_pictured_and_holds_still() {
        let own = Netns::own().unwrap();
        let Ok(picture) = NetSnapshot::take(&own) else {
            // Without root, the ruleset cannot be read.
            assert!(!rustix::process::geteuid().is_root());
            return;
        };
        assert!(!picture.is_empty());
    }
}
