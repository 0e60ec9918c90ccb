//! What a disk did so far: the proof that a fault bit, and that it is gone.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::fault::{DiskFault, DiskOperation};
use super::unsynced::Taken;

/// Operations of one kind since the disk was mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OperationCount {
    /// All that arrived.
    pub count: u64,
    /// Those whose answer was held back for as long as was asked.
    pub delayed: u64,
    /// Those whose answer was held back and given early: the fault ended, or whoever waited was killed.
    pub cut_short: u64,
    /// Those that were failed on purpose, and not carried out.
    pub failed: u64,
    /// What was asked to be added to the delayed ones, in nanoseconds.
    pub asked_delay_ns: u64,
    /// What was added to the delayed ones, measured from the end of the work to the answer, in nanoseconds.
    pub delay_ns: u64,
    /// What the data folder itself took for those that were carried out, in nanoseconds.
    pub own_ns: u64,
}

/// [`OperationCount`] for each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OperationCounts {
    pub read: OperationCount,
    pub write: OperationCount,
    pub sync: OperationCount,
    pub sync_data: OperationCount,
    pub change: OperationCount,
}

/// What a disk does now, and did so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DiskStatus {
    pub fault: DiskFault,
    pub operations: OperationCounts,
    /// Operations whose answer is being held back at this moment.
    pub held: u64,
    /// What may still be written to new places, in bytes, when there is a bound.
    pub room_left_bytes: Option<u64>,
    /// Operations refused with `ENOSPC` because the bound was reached.
    pub out_of_room: u64,
    /// What power cuts have taken.
    pub taken: Taken,
}

impl OperationCount {
    fn since(&self, earlier: &OperationCount) -> OperationCount {
        OperationCount {
            count: self.count.saturating_sub(earlier.count),
            delayed: self.delayed.saturating_sub(earlier.delayed),
            cut_short: self.cut_short.saturating_sub(earlier.cut_short),
            failed: self.failed.saturating_sub(earlier.failed),
            asked_delay_ns: self.asked_delay_ns.saturating_sub(earlier.asked_delay_ns),
            delay_ns: self.delay_ns.saturating_sub(earlier.delay_ns),
            own_ns: self.own_ns.saturating_sub(earlier.own_ns),
        }
    }

    /// The mean that was added to a delayed operation, in nanoseconds; `None` when there was none.
    pub fn mean_delay_ns(&self) -> Option<u64> {
        self.delay_ns.checked_div(self.delayed)
    }
}

impl OperationCounts {
    /// The count of one kind.
    pub fn of(&self, operation: DiskOperation) -> &OperationCount {
        match operation {
            DiskOperation::Read => &self.read,
            DiskOperation::Write => &self.write,
            DiskOperation::Sync => &self.sync,
            DiskOperation::SyncData => &self.sync_data,
            DiskOperation::Change => &self.change,
        }
    }

    /// What was added since an earlier look at the same disk.
    pub fn since(&self, earlier: &OperationCounts) -> OperationCounts {
        OperationCounts {
            read: self.read.since(&earlier.read),
            write: self.write.since(&earlier.write),
            sync: self.sync.since(&earlier.sync),
            sync_data: self.sync_data.since(&earlier.sync_data),
            change: self.change.since(&earlier.change),
        }
    }

    /// Operations of all kinds that were delayed.
    pub fn delayed(&self) -> u64 {
        DiskOperation::ALL
            .iter()
            .map(|of| self.of(*of).delayed)
            .sum()
    }

    /// Operations of all kinds that were failed on purpose.
    pub fn failed(&self) -> u64 {
        DiskOperation::ALL
            .iter()
            .map(|of| self.of(*of).failed)
            .sum()
    }
}

impl DiskStatus {
    /// True when nothing is done to any operation, and none is still held back: the fault is gone.
    pub fn is_sound(&self) -> bool {
        self.fault.is_pass_through() && self.held == 0
    }
}

/// The counts as they grow.
#[derive(Debug, Default)]
pub(super) struct Tally {
    kinds: [KindTally; DiskOperation::ALL.len()],
}

#[derive(Debug, Default)]
struct KindTally {
    count: AtomicU64,
    delayed: AtomicU64,
    cut_short: AtomicU64,
    failed: AtomicU64,
    asked_delay_ns: AtomicU64,
    delay_ns: AtomicU64,
    own_ns: AtomicU64,
}

impl Tally {
    pub(super) fn arrived(&self, operation: DiskOperation) {
        add(&self.kind(operation).count, 1);
    }

    pub(super) fn carried_out(&self, operation: DiskOperation, own_ns: u64) {
        add(&self.kind(operation).own_ns, own_ns);
    }

    pub(super) fn failed(&self, operation: DiskOperation) {
        add(&self.kind(operation).failed, 1);
    }

    pub(super) fn delayed(&self, operation: DiskOperation, asked_ns: u64, measured_ns: u64) {
        let kind = self.kind(operation);
        add(&kind.delayed, 1);
        add(&kind.asked_delay_ns, asked_ns);
        add(&kind.delay_ns, measured_ns);
    }

    pub(super) fn cut_short(&self, operation: DiskOperation) {
        add(&self.kind(operation).cut_short, 1);
    }

    pub(super) fn counts(&self) -> OperationCounts {
        OperationCounts {
            read: self.count_of(DiskOperation::Read),
            write: self.count_of(DiskOperation::Write),
            sync: self.count_of(DiskOperation::Sync),
            sync_data: self.count_of(DiskOperation::SyncData),
            change: self.count_of(DiskOperation::Change),
        }
    }

    fn kind(&self, operation: DiskOperation) -> &KindTally {
        &self.kinds[operation.index()]
    }

    fn count_of(&self, operation: DiskOperation) -> OperationCount {
        let kind = self.kind(operation);
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        OperationCount {
            count: read(&kind.count),
            delayed: read(&kind.delayed),
            cut_short: read(&kind.cut_short),
            failed: read(&kind.failed),
            asked_delay_ns: read(&kind.asked_delay_ns),
            delay_ns: read(&kind.delay_ns),
            own_ns: read(&kind.own_ns),
        }
    }
}

fn add(number: &AtomicU64, by: u64) {
    number.fetch_add(by, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_grow_by_kind_and_can_be_subtracted() {
        let tally = Tally::default();
        tally.arrived(DiskOperation::Sync);
        let earlier = tally.counts();
        tally.arrived(DiskOperation::Sync);
        tally.delayed(DiskOperation::Sync, 10, 12);
        tally.delayed(DiskOperation::Sync, 10, 14);
        tally.failed(DiskOperation::Write);
        let grown = tally.counts().since(&earlier);
        assert_eq!((grown.sync.count, grown.sync.delayed), (1, 2));
        assert_eq!(grown.sync.mean_delay_ns(), Some(13));
        assert_eq!(grown.read.mean_delay_ns(), None);
        assert_eq!((grown.delayed(), grown.failed()), (2, 1));
    }

    #[test]
    fn a_held_operation_is_not_yet_sound() {
        let mut status = DiskStatus {
            fault: DiskFault::default(),
            operations: OperationCounts::default(),
            held: 0,
            room_left_bytes: None,
            out_of_room: 0,
            taken: Taken::default(),
        };
        assert!(status.is_sound());
        status.held = 1;
        assert!(!status.is_sound());
        status.held = 0;
        status.fault = DiskFault::full(0);
        assert!(!status.is_sound());
    }
}
