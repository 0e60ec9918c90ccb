//! One copy as one read found it; what parts of its rows hold is put together to it.

use std::collections::{BTreeMap, BTreeSet};

use crate::bits::Bits;

/// Examples that are kept of each finding on one copy.
pub(super) const KEPT: usize = 5;

/// One copy as one read found it.
#[derive(Debug, Default)]
pub(crate) struct CopyRead {
    pub replica: String,
    /// Why it counts as not completely read; `None`: every order that it holds was seen.
    pub unread: Option<String>,
    /// Orders of ours that it holds.
    pub present: Bits,
    /// Orders that it holds more than once.
    pub twice: Bits,
    /// Orders that it holds though they cannot have executed.
    pub phantom: Bits,
    /// Rows that bear our prefix and are no order of ours: how many, and the first of them.
    pub strangers: u64,
    pub named_strangers: Vec<String>,
    /// Orders that it holds with other values than were sent.
    pub corrupt: Bits,
    /// What differs, for the first of them.
    pub differences: BTreeMap<u64, String>,
    /// Orders of which all was traded, by what the copy says; empty where nobody asks.
    pub filled: Bits,
    /// Orders that had ended before this read, and can trade again by what the copy says.
    pub revived: Bits,
    /// Some cannot trade any more, by what the copy says.
    pub has_ended: bool,
    /// Those, where a later read needs them.
    pub ended: Bits,
    /// Where orders are read by id: those that it was asked for.
    pub asked: Option<Bits>,
    /// Rows of its file, whosever they are.
    pub rows: u64,
    /// Sentinels that it holds, of whatever read.
    pub sentinels: BTreeSet<String>,
}

impl CopyRead {
    pub(super) fn unread(replica: &str, why: String) -> Self {
        Self {
            replica: replica.to_string(),
            unread: Some(why),
            ..Self::default()
        }
    }

    pub fn is_complete(&self) -> bool {
        self.unread.is_none()
    }

    /// Adds what the rows behind these hold.
    pub(super) fn append(&mut self, later: CopyRead) {
        self.twice.union(&later.twice);
        self.twice.union(&self.present.and(&later.present));
        self.present.union(&later.present);
        self.phantom.union(&later.phantom);
        self.strangers += later.strangers;
        self.named_strangers.extend(later.named_strangers);
        self.named_strangers.truncate(KEPT);
        self.corrupt.union(&later.corrupt);
        for (slot, what) in later.differences {
            self.note_difference(slot, what);
        }
        self.filled.union(&later.filled);
        self.revived.union(&later.revived);
        self.has_ended |= later.has_ended;
        self.ended.union(&later.ended);
        if let (Some(asked), Some(more)) = (&mut self.asked, &later.asked) {
            asked.union(more);
        }
        self.rows += later.rows;
        self.sentinels.extend(later.sentinels);
    }

    pub(super) fn note_difference(&mut self, slot: u64, what: String) {
        self.differences.insert(slot, what);
        if self.differences.len() > KEPT {
            self.differences.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(present: &[u64], names: &[&str], differing: &[u64]) -> CopyRead {
        let differing = differing.iter();
        CopyRead {
            present: present.iter().copied().collect(),
            strangers: names.len() as u64,
            named_strangers: names.iter().map(ToString::to_string).collect(),
            differences: differing.map(|slot| (*slot, slot.to_string())).collect(),
            rows: present.len() as u64,
            asked: Some(present.iter().copied().collect()),
            ..CopyRead::default()
        }
    }

    #[test]
    fn what_two_parts_hold_is_there_twice() {
        let mut copy = part(&[1, 2], &["a", "b", "c"], &[7, 8, 9]);
        copy.append(part(&[2, 3], &["d", "e", "f"], &[1, 2, 3]));
        assert_eq!(copy.present.iter().collect::<Vec<u64>>(), [1, 2, 3]);
        assert_eq!(copy.twice.iter().collect::<Vec<u64>>(), [2]);
        assert_eq!(copy.asked.map(|asked| asked.len()), Some(3));
        assert_eq!((copy.rows, copy.strangers), (4, 6));
        assert_eq!(copy.named_strangers, ["a", "b", "c", "d", "e"]);
        let kept: Vec<u64> = copy.differences.into_keys().collect();
        assert_eq!(kept, [1, 2, 3, 7, 8]);
    }
}
