//! Which entries of a journal its copy in a cluster has: who it is, and what is not taken back yet. Pure.
//!
//! What is over is taken out, so that the copy stays small however long a run is.

use std::collections::BTreeMap;

use crate::journal::Entry;

/// A config map holds a mebibyte; this leaves room for what surrounds it.
const LARGEST_BYTES: usize = 900_000;

/// Keys with their new values; `None`: the key goes.
pub(super) type Changes = BTreeMap<String, Option<String>>;

/// The entries of the copy by their keys, which are in their order.
#[derive(Debug, Default)]
pub(super) struct OpenEntries {
    next: u64,
    open: BTreeMap<String, (Entry, usize)>,
}

/// What an entry means for the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It announces something: it has to be there before that is done.
    Announces,
    /// It takes an announcement back: as long as it is not there, something is undone twice.
    TakesBack,
    /// It is about this machine only.
    Nothing,
}

impl Meaning {
    pub(super) fn of(entry: &Entry) -> Meaning {
        match entry {
            Entry::Owner(_)
            | Entry::Drill(_)
            | Entry::FaultIntent { .. }
            | Entry::OrdersMayBeOpen(_) => Meaning::Announces,
            Entry::FaultHealed { .. } | Entry::OrdersClosed { .. } => Meaning::TakesBack,
            Entry::DataFolder { .. }
            | Entry::DataFolderGone { .. }
            | Entry::ChildStarted { .. }
            | Entry::ChildGone { .. }
            | Entry::Dropped(_)
            | Entry::Recovered { .. }
            | Entry::Closed => Meaning::Nothing,
        }
    }
}

impl OpenEntries {
    /// What changes by one more entry.
    ///
    /// # Errors
    /// When there would be more than a config map can hold; nothing changes then.
    pub(super) fn add(&mut self, entry: &Entry) -> Result<Changes, String> {
        match Meaning::of(entry) {
            Meaning::Announces => self.announce(entry),
            Meaning::TakesBack => Ok(self.take_back(entry)),
            Meaning::Nothing => Ok(Changes::new()),
        }
    }

    /// What was added last was not written: it is as if it had never been said.
    pub(super) fn forget(&mut self, keys: impl Iterator<Item = String>) {
        for key in keys {
            self.open.remove(&key);
        }
    }

    fn announce(&mut self, entry: &Entry) -> Result<Changes, String> {
        let text = serde_json::to_string(entry).map_err(|error| error.to_string())?;
        let held: usize = self.open.values().map(|(_, bytes)| bytes).sum();
        if held + text.len() > LARGEST_BYTES {
            return Err(format!(
                "with {} bytes more it would be larger than the {LARGEST_BYTES} that fit",
                text.len()
            ));
        }
        self.next += 1;
        let key = format!("entry-{:06}", self.next);
        let bytes = text.len() + key.len();
        self.open.insert(key.clone(), (entry.clone(), bytes));
        Ok(Changes::from([(key, Some(text))]))
    }

    fn take_back(&mut self, entry: &Entry) -> Changes {
        let is_over = |open: &Entry| match (entry, open) {
            (Entry::FaultHealed { fault }, Entry::FaultIntent { fault: open, .. }) => fault == open,
            (Entry::OrdersClosed { prefix }, Entry::OrdersMayBeOpen(open)) => {
                *prefix == open.prefix
            }
            _ => false,
        };
        let over = self.open.iter().filter(|(_, (open, _))| is_over(open));
        let over: Vec<String> = over.map(|(key, _)| key.clone()).collect();
        self.forget(over.iter().cloned());
        over.into_iter().map(|key| (key, None)).collect()
    }
}

/// The entries of a copy in their order, and what of it cannot be read.
pub(crate) fn entries_of(data: &BTreeMap<String, String>) -> (Vec<Entry>, Vec<String>) {
    let mut entries = Vec::new();
    let mut damage = Vec::new();
    for (key, text) in data {
        match serde_json::from_str(text) {
            Ok(entry) => entries.push(entry),
            Err(error) => damage.push(format!("{key}: {error}")),
        }
    }
    (entries, damage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::OpenOrders;

    fn intent(fault: &str) -> Entry {
        Entry::FaultIntent {
            fault: fault.to_string(),
            kind: "cordon".to_string(),
            targets: Vec::new(),
            undo: Vec::new(),
        }
    }

    fn healed(fault: &str) -> Entry {
        Entry::FaultHealed {
            fault: fault.to_string(),
        }
    }

    /// A config map as the changes leave it.
    fn apply(data: &mut BTreeMap<String, String>, changes: Changes) {
        for (key, value) in changes {
            match value {
                Some(value) => data.insert(key, value),
                None => data.remove(&key),
            };
        }
    }

    #[test]
    fn the_copy_has_what_is_open_and_nothing_else() {
        let (mut open, mut data) = (OpenEntries::default(), BTreeMap::new());
        let orders = Entry::OrdersMayBeOpen(OpenOrders {
            prefix: "abc".to_string(),
            entry: Vec::new(),
        });
        let gone = Entry::OrdersClosed {
            prefix: "abc".to_string(),
        };
        for entry in [&orders, &intent("one"), &intent("two"), &healed("one")] {
            apply(&mut data, open.add(entry).unwrap());
        }
        assert_eq!(entries_of(&data).0, [orders, intent("two")]);
        apply(&mut data, open.add(&gone).unwrap());
        apply(&mut data, open.add(&healed("two")).unwrap());
        apply(&mut data, open.add(&healed("two")).unwrap());
        assert_eq!(data, BTreeMap::new());
    }

    #[test]
    fn a_thousand_faults_one_after_the_other_need_no_more_room_than_one() {
        let mut open = OpenEntries::default();
        for number in 0..1_000 {
            let name = format!("{number}-{}", "x".repeat(100_000));
            open.add(&intent(&name)).unwrap();
            open.add(&healed(&name)).unwrap();
        }
        for number in 0..8 {
            let name = format!("{number}-{}", "x".repeat(100_000));
            open.add(&intent(&name)).unwrap();
        }
        let name = "y".repeat(100_000);
        let refused = open.add(&intent(&name)).unwrap_err();
        assert!(refused.contains("bytes more"), "{refused}");
    }

    #[test]
    fn what_is_damaged_is_told_and_the_rest_is_read() {
        let text = serde_json::to_string(&intent("one")).unwrap();
        let data = BTreeMap::from([
            ("entry-000001".to_string(), "{".to_string()),
            ("entry-000002".to_string(), text),
        ]);
        let (entries, damage) = entries_of(&data);
        assert_eq!((entries.len(), damage.len()), (1, 1));
        assert!(damage[0].starts_with("entry-000001"), "{damage:?}");
    }
}
