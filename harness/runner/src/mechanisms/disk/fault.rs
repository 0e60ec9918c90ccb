//! What a disk may be told to do: be slow, fail, or be full.

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// The longest delay of one operation, in nanoseconds: a writer that waits much longer is one that the kernel
/// reports as hung.
pub const LONGEST_DELAY_NS: u64 = 60_000_000_000;

/// Operations on a data folder that a fault can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskOperation {
    /// A read that the page cache could not answer.
    Read,
    Write,
    /// `fsync`, of a file or of a folder.
    Sync,
    /// `fdatasync`.
    SyncData,
    /// What changes names or sizes: create, remove, rename, truncate, allocate.
    Change,
}

/// The error that an operation fails with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskFailure {
    /// `EIO`: the disk could not.
    InputOutput,
    /// `ENOSPC`: no room, whatever there is.
    NoSpace,
}

/// Which operations of a kind fail, and how. One that fails is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failing {
    pub with: DiskFailure,
    /// Of all operations of this kind, from 0 to 1. Which ones they are, follows from the seed and their number.
    pub share: f64,
}

/// What happens to operations of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct OperationFault {
    /// Added to what the operation takes anyway, in nanoseconds.
    pub delay_ns: u64,
    pub fail: Option<Failing>,
}

/// What a disk is told to do. The default is a sound disk: everything passes through.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct DiskFault {
    /// Decides which operations fail where a share of them does.
    pub seed: u64,
    pub read: OperationFault,
    pub write: OperationFault,
    pub sync: OperationFault,
    pub sync_data: OperationFault,
    pub change: OperationFault,
    /// Bytes that may still be written to new places before `ENOSPC`; `None`: as many as the disk has.
    /// Overwriting needs none; what is truncated or removed gives back.
    pub room_bytes: Option<u64>,
    /// Delays follow one another, as with a device that does one thing at a time. Otherwise they overlap, and a
    /// slow `fsync` of one file holds up no other file.
    pub one_at_a_time: bool,
}

/// Why a fault cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum DiskFaultError {
    #[error("a share of failing operations must be between 0 and 1, and not {0}")]
    Share(f64),
    #[error("a delay of one operation can be 60 s at most, and not {0} ns")]
    Delay(u64),
}

impl DiskOperation {
    pub const ALL: [DiskOperation; 5] = [
        DiskOperation::Read,
        DiskOperation::Write,
        DiskOperation::Sync,
        DiskOperation::SyncData,
        DiskOperation::Change,
    ];

    pub(super) fn index(self) -> usize {
        match self {
            DiskOperation::Read => 0,
            DiskOperation::Write => 1,
            DiskOperation::Sync => 2,
            DiskOperation::SyncData => 3,
            DiskOperation::Change => 4,
        }
    }
}

impl DiskFailure {
    pub(super) fn errno(self) -> Errno {
        match self {
            DiskFailure::InputOutput => Errno::IO,
            DiskFailure::NoSpace => Errno::NOSPC,
        }
    }
}

impl DiskFault {
    /// Every `fsync` and `fdatasync` takes this much longer.
    pub fn slow_sync(delay_ns: u64) -> DiskFault {
        let slow = OperationFault {
            delay_ns,
            fail: None,
        };
        DiskFault {
            sync: slow,
            sync_data: slow,
            ..DiskFault::default()
        }
    }

    /// A share of writes and syncs fails with `EIO`.
    pub fn failing(share: f64, seed: u64) -> DiskFault {
        let failing = OperationFault {
            delay_ns: 0,
            fail: Some(Failing {
                with: DiskFailure::InputOutput,
                share,
            }),
        };
        DiskFault {
            seed,
            write: failing,
            sync: failing,
            sync_data: failing,
            ..DiskFault::default()
        }
    }

    /// A disk with this much room left, in bytes.
    pub fn full(room_bytes: u64) -> DiskFault {
        DiskFault {
            room_bytes: Some(room_bytes),
            ..DiskFault::default()
        }
    }

    /// True when nothing is done to any operation.
    pub fn is_pass_through(&self) -> bool {
        self.room_bytes.is_none()
            && DiskOperation::ALL.iter().all(|operation| {
                let fault = self.of(*operation);
                fault.delay_ns == 0 && fault.fail.is_none_or(|fail| fail.share == 0.0)
            })
    }

    /// What happens to operations of a kind.
    pub fn of(&self, operation: DiskOperation) -> OperationFault {
        match operation {
            DiskOperation::Read => self.read,
            DiskOperation::Write => self.write,
            DiskOperation::Sync => self.sync,
            DiskOperation::SyncData => self.sync_data,
            DiskOperation::Change => self.change,
        }
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// The first share or delay that is out of bounds.
    pub fn check(&self) -> Result<(), DiskFaultError> {
        for operation in DiskOperation::ALL {
            let fault = self.of(operation);
            if fault.delay_ns > LONGEST_DELAY_NS {
                return Err(DiskFaultError::Delay(fault.delay_ns));
            }
            if let Some(fail) = fault.fail
                && !(0.0..=1.0).contains(&fail.share)
            {
                return Err(DiskFaultError::Share(fail.share));
            }
        }
        Ok(())
    }

    /// How the operation with this number, counted from 0 for its kind since the fault was set, fails; `None`: it
    /// is carried out.
    pub(super) fn failure_of(&self, operation: DiskOperation, number: u64) -> Option<Errno> {
        let fail = self.of(operation).fail?;
        let kind = operation.index() as u64;
        let drawn = mixed(self.seed ^ mixed(number.wrapping_mul(8).wrapping_add(kind)));
        // 53 bits: as many as a double holds exactly, so that it is below 1.
        let drawn = (drawn >> 11) as f64 / (1u64 << 53) as f64;
        (drawn < fail.share).then(|| fail.with.errno())
    }
}

/// SplitMix64's finaliser: each bit of the result depends on each bit of the number.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(share: f64, seed: u64, operation: DiskOperation) -> Vec<u64> {
        let fault = DiskFault::failing(share, seed);
        (0..10_000)
            .filter(|number| fault.failure_of(operation, *number).is_some())
            .collect()
    }

    #[test]
    fn a_share_fails_and_the_seed_says_which() {
        let failed = failures(0.1, 7, DiskOperation::Write);
        assert!((900..1100).contains(&failed.len()), "{}", failed.len());
        assert_eq!(failed, failures(0.1, 7, DiskOperation::Write));
        assert_ne!(failed, failures(0.1, 8, DiskOperation::Write));
        assert_ne!(failed, failures(0.1, 7, DiskOperation::Sync));
    }

    #[test]
    fn all_or_none_is_exact() {
        assert_eq!(failures(1.0, 3, DiskOperation::Sync).len(), 10_000);
        assert_eq!(failures(0.0, 3, DiskOperation::Sync).len(), 0);
        assert_eq!(failures(1.0, 3, DiskOperation::Read).len(), 0);
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        assert_eq!(DiskFault::slow_sync(LONGEST_DELAY_NS).check(), Ok(()));
        let too_slow = DiskFault::slow_sync(LONGEST_DELAY_NS + 1).check();
        assert_eq!(too_slow, Err(DiskFaultError::Delay(LONGEST_DELAY_NS + 1)));
        for share in [-0.1, 1.1, f64::NAN] {
            assert!(DiskFault::failing(share, 1).check().is_err(), "{share}");
        }
    }

    #[test]
    fn only_a_sound_disk_passes_everything_through() {
        assert!(DiskFault::default().is_pass_through());
        assert!(DiskFault::failing(0.0, 1).is_pass_through());
        assert!(!DiskFault::failing(0.01, 1).is_pass_through());
        assert!(!DiskFault::slow_sync(1).is_pass_through());
        assert!(!DiskFault::full(1 << 40).is_pass_through());
    }

    #[test]
    fn a_fault_survives_the_line() {
        let fault = DiskFault {
            room_bytes: Some(5),
            one_at_a_time: true,
            ..DiskFault::failing(0.25, 9)
        };
        let text = serde_json::to_string(&fault).unwrap();
        assert_eq!(serde_json::from_str::<DiskFault>(&text).unwrap(), fault);
    }
}
