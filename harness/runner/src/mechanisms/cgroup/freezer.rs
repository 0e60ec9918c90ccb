//! Freezing by the freezer: the kernel holds every task of a group, whatever it is doing, and says when it does.
//!
//! Unlike SIGSTOP it cannot be seen, caught or undone from inside: no parent is told, no SIGCONT helps. In v2 a frozen
//! process can still be killed. In v1 a SIGKILL waits until the group is thawed: thaw before you kill.

use std::fmt;
use std::time::{Duration, Instant};

use super::error::{CgroupError, NoEffect};
use super::group::Group;
use super::hierarchy::{Controller, Version};
use super::progress::Progress;
use crate::mechanisms::process::{ProcessError, ProcessHandle};

const POLL: Duration = Duration::from_millis(2);
/// A thread that is not held is scheduled within this, if it has anything to do.
const WATCHED_FOR: Duration = Duration::from_millis(50);

/// The freezer of one group.
#[derive(Debug, Clone)]
pub struct Freezer {
    group: Group,
}

/// What the kernel says of the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreezerState {
    Thawed,
    /// Some task is not held yet.
    Freezing,
    Frozen,
}

impl fmt::Display for FreezerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FreezerState::Thawed => "thawed",
            FreezerState::Freezing => "freezing",
            FreezerState::Frozen => "frozen",
        })
    }
}

/// A frozen process, as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrozenProof {
    pub threads: usize,
    /// For how long none of them was scheduled.
    pub still_for_ms: u64,
}

impl fmt::Display for FrozenProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the kernel holds all of its {} threads, and none was scheduled for {} ms",
            self.threads, self.still_for_ms
        )
    }
}

impl Freezer {
    /// Of a group that a [`Placement`](super::Placement) for [`Controller::Freezer`] has entered.
    pub fn of(group: Group) -> Freezer {
        Freezer { group }
    }

    /// Asks the kernel to hold every task of the group. Returns at once; [`Freezer::confirm_frozen`] waits.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn freeze(&self) -> Result<(), CgroupError> {
        self.ask(true)
    }

    /// Lets them go.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn thaw(&self) -> Result<(), CgroupError> {
        self.ask(false)
    }

    /// What the kernel says now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn state(&self) -> Result<FreezerState, CgroupError> {
        match self.group.version() {
            Version::V1 => {
                let text = self.group.read("freezer.state")?;
                match text.as_str() {
                    "THAWED" => Ok(FreezerState::Thawed),
                    "FREEZING" => Ok(FreezerState::Freezing),
                    "FROZEN" => Ok(FreezerState::Frozen),
                    _ => Err(CgroupError::Format {
                        file: self.group.dir().join("freezer.state"),
                        text,
                    }),
                }
            }
            Version::V2 => {
                let frozen = self.group.keyed("cgroup.events", "frozen")? == 1;
                let asked = self.group.number("cgroup.freeze")? == 1;
                Ok(match (frozen, asked) {
                    (true, _) => FreezerState::Frozen,
                    (false, true) => FreezerState::Freezing,
                    (false, false) => FreezerState::Thawed,
                })
            }
        }
    }

    /// Waits until the kernel says that the group is frozen, then looks whether the process does nothing indeed.
    ///
    /// # Errors
    /// When it is not frozen in time, not in the group, gone, or scheduled after all.
    pub fn confirm_frozen(
        &self,
        process: &ProcessHandle,
        at_most: Duration,
    ) -> Result<FrozenProof, NoEffect> {
        self.wait_for(FreezerState::Frozen, at_most)?;
        if process.has_exited()? {
            return Err(NoEffect::Ended(process.id()));
        }
        if !self.group.members()?.contains(&process.pid()) {
            return Err(NoEffect::NotInGroup {
                process: process.id(),
                group: self.group.dir().to_path_buf(),
            });
        }
        let look = || {
            Progress::of(process.pid()).map_err(|source| ProcessError::Look {
                pid: process.pid(),
                source,
            })
        };
        let before = look()?;
        std::thread::sleep(WATCHED_FOR);
        if let Some(what) = before.moved(&look()?) {
            return Err(NoEffect::Moves {
                process: process.id(),
                what,
            });
        }
        Ok(FrozenProof {
            threads: before.threads(),
            still_for_ms: WATCHED_FOR.as_millis() as u64,
        })
    }

    /// Waits until the kernel says that the group is thawed; so is one that has been removed.
    ///
    /// # Errors
    /// When it is not in time.
    pub fn confirm_thawed(&self, at_most: Duration) -> Result<(), NoEffect> {
        match self.wait_for(FreezerState::Thawed, at_most) {
            Err(_) if !self.group.exists()? => Ok(()),
            other => other,
        }
    }

    fn ask(&self, freeze: bool) -> Result<(), CgroupError> {
        let value = match (self.group.version(), freeze) {
            (Version::V1, true) => "FROZEN",
            (Version::V1, false) => "THAWED",
            (Version::V2, true) => "1",
            (Version::V2, false) => "0",
        };
        let file = Controller::Freezer.key_file(self.group.version());
        self.group.write(file, value)
    }

    fn wait_for(&self, wanted: FreezerState, at_most: Duration) -> Result<(), NoEffect> {
        let deadline = Instant::now() + at_most;
        loop {
            let state = self.state()?;
            if state == wanted {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(NoEffect::FreezerState {
                    group: self.group.dir().to_path_buf(),
                    state: state.to_string(),
                    wanted: match wanted {
                        FreezerState::Thawed => "thawed",
                        FreezerState::Freezing => "freezing",
                        FreezerState::Frozen => "frozen",
                    },
                    within_ms: at_most.as_millis() as u64,
                });
            }
            // v1 gives up on a task that it could not hold at once; asking again makes it try again.
            if wanted == FreezerState::Frozen
                && state == FreezerState::Freezing
                && self.group.version() == Version::V1
            {
                self.freeze()?;
            }
            std::thread::sleep(POLL);
        }
    }
}
