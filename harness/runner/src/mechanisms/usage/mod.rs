//! What a process uses of its machine: memory, CPU time, the disk under a folder.
//!
//! Where a process is in a control group that is not ours, the group is what has the limit, and so its figures count: a
//! container with everything in it, or a node under a limit of a fault. Otherwise the figures of the process are taken, and the
//! limit is the machine's. Memory of a group is without the page cache that can be given back at once (as Kubernetes counts it).
//! Everything here only looks; each look blocks for microseconds.

mod disk;
mod group;
mod look;
mod proc;

pub use disk::{DiskUse, disk_use};
pub use look::{Share, Usage, UsageError, usage};

#[cfg(test)]
mod tests;
