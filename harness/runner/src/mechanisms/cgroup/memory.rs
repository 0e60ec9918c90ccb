//! A limit on memory, and death for want of it.
//!
//! A limit counts what is charged to the group. Memory that the process had before it came into a group of ours stays
//! charged to its previous one, so there the limit is on what it takes *from then on*. In a group that was the target's
//! alone already, as a container's is, the limit counts everything.
//!
//! Lowering a limit below use kills in v2. In v1 the kernel refuses that: the limit is lowered as far as it goes, and
//! the next page that the process asks for and that cannot be reclaimed kills it. A process that asks for nothing lives
//! on, and [`MemoryLimit::confirm_oom`] says so.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::Signal;

use super::error::{CgroupError, NoEffect};
use super::family::family;
use super::group::{Group, is_gone};
use super::hierarchy::Version;
use crate::mechanisms::child::Exit;
use crate::mechanisms::process::{ProcessHandle, ProcessId};

const POLL: Duration = Duration::from_millis(5);
/// What a v1 limit is raised by, if use grows while it is being lowered.
const STEP_BYTES: u64 = 64 * 1024;
const STEPS: u64 = 64;
/// How often a limit is lowered again while its target lives.
const LOWER_EVERY: Duration = Duration::from_millis(250);
/// How much more memory and swap together may be in v1. The kernel asks for both together first, and Linux 6.18 counts
/// no refusal there: with equal limits `memory.failcnt` would never move. It charges up to 256 KiB at a time.
const SWAP_MARGIN_BYTES: u64 = 1 << 20;

/// The memory limit of one group that holds nobody but one process and what it has started.
#[derive(Debug, Clone)]
pub struct MemoryLimit {
    group: Group,
    process: ProcessHandle,
}

/// What the kernel counts for the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryCounters {
    pub usage_bytes: u64,
    /// How often an allocation ran into the limit.
    pub limit_hits: u64,
    /// How many processes were killed for want of memory.
    pub oom_kills: u64,
}

/// A limit that has bitten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitHit {
    /// Since the counters were first read.
    pub times: u64,
    pub usage_bytes: u64,
}

impl fmt::Display for LimitHit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ran into its memory limit {} times, {} bytes in use",
            self.times, self.usage_bytes
        )
    }
}

/// A death for want of memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OomKill {
    process: ProcessId,
    group: PathBuf,
    /// By how much the group's counter moved.
    pub kills: u64,
}

impl fmt::Display for OomKill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} has ended and the kernel counts {} killed for want of memory in {}",
            self.process,
            self.kills,
            self.group.display()
        )
    }
}

impl OomKill {
    /// Holds the counter against how the process ended, where that is known: by signal 9.
    ///
    /// # Errors
    /// When it ended in another way, so that the kernel killed somebody else.
    pub fn agrees_with(&self, exit: &Exit) -> Result<(), NoEffect> {
        match exit.by_signal(Signal::KILL) {
            true => Ok(()),
            false => Err(NoEffect::OtherKilled {
                process: self.process,
                group: self.group.clone(),
                kills: self.kills,
                exit: exit.to_string(),
            }),
        }
    }
}

impl MemoryLimit {
    /// Of a group that a [`Placement`](super::Placement) for [`Controller::Memory`](super::Controller::Memory) has
    /// entered with this process.
    ///
    /// # Errors
    /// When others are in the group, or the kernel's killer is switched off for it.
    pub fn of(group: Group, process: &ProcessHandle) -> Result<MemoryLimit, CgroupError> {
        let own = MemoryLimit {
            group,
            process: process.clone(),
        };
        own.refuse_risks()?;
        Ok(own)
    }

    /// What stands against a kill for want of memory, beyond what [`Placement::plan`](super::Placement::plan) says:
    /// a host that panics, a process that is exempt, a killer that is switched off.
    ///
    /// # Errors
    /// What stands against it.
    pub fn preflight(group: &Group, process: ProcessId) -> Result<(), CgroupError> {
        let panics = read_proc(group, "/proc/sys/vm/panic_on_oom")?;
        if panics.as_deref() == Some("2") {
            return Err(CgroupError::PanicOnOom);
        }
        let exempt = read_proc(group, &format!("/proc/{}/oom_score_adj", process.pid))?;
        if exempt.as_deref() == Some("-1000") {
            return Err(CgroupError::Unkillable(process));
        }
        if group.version() == Version::V1
            && group.find("memory.oom_control")?.is_some()
            && group.keyed("memory.oom_control", "oom_kill_disable")? != 0
        {
            return Err(CgroupError::OomDisabled(group.dir().to_path_buf()));
        }
        Ok(())
    }

    /// Limits the group. Blocks while the kernel reclaims what is above.
    ///
    /// # Errors
    /// When others have come into the group, or the kernel refuses: v1 does (`Device or resource busy`) when more
    /// than that is in use and cannot be reclaimed.
    pub fn apply(&self, bytes: u64) -> Result<(), CgroupError> {
        self.refuse_risks()?;
        match self.group.version() {
            Version::V1 => {
                let value = bytes.to_string();
                self.group.write("memory.limit_in_bytes", &value)?;
                // Swap would take what the limit refuses; without swap accounting there is no such file.
                let with_swap = bytes.saturating_add(SWAP_MARGIN_BYTES).to_string();
                self.write_if_there("memory.memsw.limit_in_bytes", &with_swap)
            }
            Version::V2 => {
                self.write_if_there("memory.swap.max", "0")?;
                self.group.write("memory.max", &bytes.to_string())
            }
        }
    }

    /// Lowers the limit below use, or in v1 as far down as it goes; returns it. Blocks as [`MemoryLimit::apply`].
    ///
    /// # Errors
    /// As [`MemoryLimit::apply`].
    pub fn starve(&self) -> Result<u64, CgroupError> {
        match self.group.version() {
            Version::V2 => self.apply(0).map(|()| 0),
            Version::V1 => {
                self.refuse_risks()?;
                let limit = self.lower("memory.limit_in_bytes", "memory.usage_in_bytes")?;
                let memsw = "memory.memsw.limit_in_bytes";
                if self.group.find(memsw)?.is_some() {
                    self.lower(memsw, "memory.memsw.usage_in_bytes")?;
                }
                Ok(limit)
            }
        }
    }

    /// Lowers the limit after [`MemoryLimit::starve`] again and again while the target lives: pages of files come and
    /// go below a limit, and each time less is left that can be given up. Returns the last limit, when the target has
    /// ended or the time is over.
    ///
    /// # Errors
    /// When the target cannot be looked at.
    pub fn starve_on(&self, limit_bytes: u64, at_most: Duration) -> Result<u64, NoEffect> {
        let (deadline, mut limit_bytes) = (Instant::now() + at_most, limit_bytes);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.process.wait_exit_blocking(left.min(LOWER_EVERY))? || left.is_zero() {
                return Ok(limit_bytes);
            }
            match self.starve() {
                Ok(lower_bytes) => limit_bytes = lower_bytes,
                // It may be going just now: that is what is waited for.
                Err(error) => tracing::debug!(%error, "the limit was not lowered further"),
            }
        }
    }

    /// The counters now: read them before the limit is applied.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn counters(&self) -> Result<MemoryCounters, CgroupError> {
        match self.group.version() {
            Version::V1 => Ok(MemoryCounters {
                usage_bytes: self.group.number("memory.usage_in_bytes")?,
                limit_hits: self.group.number("memory.failcnt")? + self.memsw_hits()?,
                oom_kills: self.group.keyed("memory.oom_control", "oom_kill")?,
            }),
            Version::V2 => Ok(MemoryCounters {
                usage_bytes: self.group.number("memory.current")?,
                limit_hits: self.group.keyed("memory.events", "max")?,
                oom_kills: self.group.keyed("memory.events", "oom_kill")?,
            }),
        }
    }

    /// Waits until the group has run into its limit since `before`.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn confirm_limited(
        &self,
        before: MemoryCounters,
        at_most: Duration,
    ) -> Result<LimitHit, NoEffect> {
        let deadline = Instant::now() + at_most;
        loop {
            let now = self.counters()?;
            let times = now.limit_hits.saturating_sub(before.limit_hits);
            if times > 0 {
                return Ok(LimitHit {
                    times,
                    usage_bytes: now.usage_bytes,
                });
            }
            if Instant::now() >= deadline {
                return Err(NoEffect::LimitNeverHit {
                    group: self.group.dir().to_path_buf(),
                    within_ms: at_most.as_millis() as u64,
                    usage_bytes: now.usage_bytes,
                });
            }
            std::thread::sleep(POLL);
        }
    }

    /// Waits until the process has ended, and looks whether the kernel counts it as killed for want of memory.
    ///
    /// # Errors
    /// When it lives on, or has ended for another reason.
    pub fn confirm_oom(
        &self,
        before: MemoryCounters,
        limit_bytes: u64,
        at_most: Duration,
    ) -> Result<OomKill, NoEffect> {
        let (process, group) = (self.process.id(), self.group.dir().to_path_buf());
        if !self.process.wait_exit_blocking(at_most)? {
            return Err(NoEffect::Survived {
                process,
                group,
                limit_bytes,
                within_ms: at_most.as_millis() as u64,
            });
        }
        let now = match self.counters() {
            Ok(now) => now,
            Err(CgroupError::Read { source, .. }) if is_gone(&source) => {
                return Err(NoEffect::CounterGone { process, group });
            }
            Err(error) => return Err(error.into()),
        };
        match now.oom_kills.saturating_sub(before.oom_kills) {
            0 => Err(NoEffect::EndedOtherwise { process, group }),
            kills => Ok(OomKill {
                process,
                group,
                kills,
            }),
        }
    }

    /// Refusals for want of memory and swap together, where the kernel counts them.
    fn memsw_hits(&self) -> Result<u64, CgroupError> {
        let file = "memory.memsw.failcnt";
        match self.group.find(file)? {
            Some(_) => self.group.number(file),
            None => Ok(0),
        }
    }

    fn refuse_risks(&self) -> Result<(), CgroupError> {
        self.group.refuse_strangers(&family(&self.process)?)?;
        MemoryLimit::preflight(&self.group, self.process.id())
    }

    /// v1 refuses a limit below what is in use after reclaim.
    fn lower(&self, limit: &str, usage: &str) -> Result<u64, CgroupError> {
        let mut wanted = 0;
        for step in 0..STEPS {
            match self.group.write(limit, &wanted.to_string()) {
                Err(CgroupError::Write { source, .. }) if is_busy(&source) => {
                    wanted = self.group.number(usage)? + step * STEP_BYTES;
                }
                other => return other.map(|()| wanted),
            }
        }
        self.group.write(limit, &wanted.to_string())?;
        Ok(wanted)
    }

    fn write_if_there(&self, file: &str, value: &str) -> Result<(), CgroupError> {
        match self.group.find(file)? {
            Some(_) => self.group.write(file, value),
            None => Ok(()),
        }
    }
}

fn is_busy(error: &std::io::Error) -> bool {
    // EINVAL: below the limit that the other of the two files has.
    [Errno::BUSY, Errno::INVAL]
        .iter()
        .any(|busy| error.raw_os_error() == Some(busy.raw_os_error()))
}

fn read_proc(group: &Group, path: &str) -> Result<Option<String>, CgroupError> {
    match group.fs().read(Path::new(path)) {
        Ok(text) => Ok(Some(text.trim().to_string())),
        Err(error) if is_gone(&error) => Ok(None),
        Err(source) => Err(CgroupError::Read {
            file: PathBuf::from(path),
            source,
        }),
    }
}
