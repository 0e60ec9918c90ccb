//! A limit on CPU time: so many thousandths of one CPU, held back by the scheduler in every period of 100 ms.

use std::fmt;
use std::time::{Duration, Instant};

use super::error::{CgroupError, NoEffect};
use super::group::Group;
use super::hierarchy::Version;

/// The kernel's own default. A group may use its share of it at any speed, and is then held until the next one.
const PERIOD_US: u64 = 100_000;
/// The kernel refuses a quota below 1 ms.
const LEAST_MILLI_CPUS: u32 = 10;
const POLL: Duration = Duration::from_millis(10);

/// The CPU limit of one group.
#[derive(Debug, Clone)]
pub struct CpuLimit {
    group: Group,
}

/// What the scheduler counts for the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuCounters {
    /// Periods in which it was held back.
    pub throttled_periods: u64,
    /// For how long, in total over CPUs.
    pub throttled_us: u64,
    /// CPU time used; 0 in v1, where another controller counts it.
    pub used_us: u64,
}

/// A limit that has bitten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttled {
    /// Since the counters were first read.
    pub periods: u64,
    pub throttled_us: u64,
}

impl fmt::Display for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "held back in {} periods, for {} ms in total",
            self.periods,
            self.throttled_us / 1000
        )
    }
}

impl CpuLimit {
    /// Of a group that a [`Placement`](super::Placement) for [`Controller::Cpu`](super::Controller::Cpu) has entered.
    pub fn of(group: Group) -> CpuLimit {
        CpuLimit { group }
    }

    /// Limits the group to so many thousandths of one CPU: 500 is half a CPU, 2000 two.
    ///
    /// # Errors
    /// When it is below 10, or the kernel refuses, as v1 does for a limit above that of a group higher up.
    pub fn apply(&self, milli_cpus: u32) -> Result<(), CgroupError> {
        if milli_cpus < LEAST_MILLI_CPUS {
            return Err(CgroupError::CpuShare(milli_cpus));
        }
        let quota_us = PERIOD_US * u64::from(milli_cpus) / 1000;
        match self.group.version() {
            Version::V1 => {
                self.group
                    .write("cpu.cfs_period_us", &PERIOD_US.to_string())?;
                self.group
                    .write("cpu.cfs_quota_us", &quota_us.to_string())?;
                self.taken("cpu.cfs_quota_us", &quota_us.to_string())
            }
            Version::V2 => {
                let value = format!("{quota_us} {PERIOD_US}");
                self.group.write("cpu.max", &value)?;
                self.taken("cpu.max", &value)
            }
        }
    }

    /// The counters now: read them before the limit is applied.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn counters(&self) -> Result<CpuCounters, CgroupError> {
        let count = |key| self.group.keyed("cpu.stat", key);
        let throttled_periods = count("nr_throttled")?;
        Ok(match self.group.version() {
            Version::V1 => CpuCounters {
                throttled_periods,
                throttled_us: count("throttled_time")? / 1000,
                used_us: 0,
            },
            Version::V2 => CpuCounters {
                throttled_periods,
                throttled_us: count("throttled_usec")?,
                used_us: count("usage_usec")?,
            },
        })
    }

    /// Waits until the group has been held back since `before`. A process that wants less than the limit never is.
    ///
    /// # Errors
    /// When it is not in time.
    pub fn confirm(&self, before: CpuCounters, at_most: Duration) -> Result<Throttled, NoEffect> {
        let deadline = Instant::now() + at_most;
        loop {
            let now = self.counters()?;
            let periods = now
                .throttled_periods
                .saturating_sub(before.throttled_periods);
            let throttled_us = now.throttled_us.saturating_sub(before.throttled_us);
            if periods > 0 && throttled_us > 0 {
                return Ok(Throttled {
                    periods,
                    throttled_us,
                });
            }
            if Instant::now() >= deadline {
                return Err(NoEffect::NeverThrottled {
                    group: self.group.dir().to_path_buf(),
                    within_ms: at_most.as_millis() as u64,
                    used_us: now.used_us.saturating_sub(before.used_us),
                });
            }
            std::thread::sleep(POLL);
        }
    }

    fn taken(&self, file: &str, wanted: &str) -> Result<(), CgroupError> {
        let found = self.group.read(file)?;
        match found == wanted {
            true => Ok(()),
            false => Err(CgroupError::NotTaken {
                file: self.group.dir().join(file),
                wanted: wanted.to_string(),
                found,
            }),
        }
    }
}
