//! Control groups: freezing a process, taking CPU time or memory away from it, and taking all of that back.
//!
//! ```text
//! Cgroups::discover --> Placement::plan (looks only; this is the preflight) --> undo() into the journal
//!     --> Watchdog::over_groups --> enter() --> Freezer | CpuLimit | MemoryLimit --> leave() --> dismiss
//! ```
//!
//! A process is moved into a group of ours, `shakedown-TAG`, below the one it is in. In cgroup v2 a group that has
//! processes cannot hand `cpu` and `memory` on to groups below it: there ours is made beside it, and only if that
//! escapes no limit. A group that holds nobody but the target, as a container's does, has its memory (in v2 its CPU
//! time too) limited as it is, because that is where its memory is accounted; its files are then set back instead.
//!
//! Nothing here ends by itself when Shakedown dies: the [`Watchdog`](super::Watchdog) replays the [`Undo`] then, and if that was
//! killed too, `recover` does, from the journal. Every call blocks, for microseconds as a rule, and for as long as the
//! kernel needs to reclaim memory when a memory limit is lowered: call them from `spawn_blocking`.
//!
//! Groups may nest when faults overlap in one hierarchy; heal the later fault first.

mod cpu;
mod error;
#[cfg(test)]
mod fake;
mod family;
mod freezer;
mod fs;
mod group;
mod hierarchy;
mod memory;
mod placement;
mod progress;
mod snapshot;
mod undo;
mod watchdog;

pub use cpu::{CpuCounters, CpuLimit, Throttled};
pub use error::{CgroupError, NoEffect};
pub use freezer::{Freezer, FreezerState, FrozenProof};
pub use fs::{CgroupFs, KernelFs};
pub use group::Group;
pub use hierarchy::{Cgroups, Controller, Hierarchy, Version};
pub use memory::{LimitHit, MemoryCounters, MemoryLimit, OomKill};
pub use placement::Placement;
pub use snapshot::Snapshot;
pub use undo::{FileValue, Undo};
pub use watchdog::freezer_watchdog_main;

#[cfg(test)]
pub(crate) mod testing {
    pub(crate) use super::fake::FakeTree;
}
