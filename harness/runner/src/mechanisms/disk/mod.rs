//! A disk that is slow, fails, or is full: put over the data folder of one node, told what to do at run time, and gone
//! without a trace when its time is over.
//!
//! ```text
//! node --write, fsync--> kernel --FUSE--> our process --the same--> the data folder below
//!                                             ^ DiskFault, DiskStatus, over a socket from Shakedown
//! ```
//!
//! The disk is a pass-through file system, mounted over the folder in a mount namespace without a name, which only its
//! process and the node are in. The host's mount table never shows it, no other program can reach it, and no other
//! file can be touched by it: it holds the data folder by a descriptor and follows no link out of it. What is written
//! is in the folder below, at its own place, at any moment; so there is nothing to copy back.
//!
//! When its process dies, the kernel fails what is under way and what is open (nothing hangs), and [`DiskMount`]
//! detaches the mount, after which opens reach the bare folder. When Shakedown dies, the kernel kills the process,
//! and the namespace goes with the node. When only the line closes, the disk becomes sound and detaches itself.
//!
//! The kernel's protocol is spoken here, in [`wire`] and [`encode`], and not through a library: those that there are
//! tie an answer to a thread, and would keep a killed node waiting for its slow `fsync` ([`held`]).
//!
//! A disk that was told to ([`DiskMount::keep_undo`]) can lose what was not synced, as in a power cut ([`unsynced`]):
//! each file goes back to what it was at its last `fsync` or `fdatasync`. Names are not taken back.
//!
//! Limits. A read is slow or fails only when the page cache does not have the answer, as with any disk. An operation
//! that is failed on purpose is not carried out, and is not lost: the next one may succeed. Locks (`flock`, `fcntl`)
//! hold among the programs behind one disk, not against those on the bare folder. There are no extended attributes,
//! and no `O_TMPFILE`. What `sync` and `syncfs` write is not told to a disk of this kind, and counts as not synced. What a program wrote by `mmap` and did not sync is lost if the disk's process is killed.

mod control;
mod encode;
mod fault;
mod files;
mod folder;
mod held;
mod inodes;
mod mount;
mod names;
mod namespace;
mod preflight;
mod process;
mod room;
mod service;
mod status;
mod unsynced;
mod wire;

pub use fault::{
    DiskFailure, DiskFault, DiskFaultError, DiskOperation, Failing, LONGEST_DELAY_NS,
    OperationFault,
};
pub use mount::{DiskEnd, DiskError, DiskMount};
pub use namespace::MountNamespace;
pub use preflight::{DiskUnavailable, preflight};
pub use process::{DISK_COMMAND, disk_main};
pub use status::{DiskStatus, OperationCount, OperationCounts};
pub use unsynced::Taken;
