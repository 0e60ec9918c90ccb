//! The agent: one fault on one node, done by a pod that was made for it and is gone afterwards.
//!
//! ```text
//! Order (JSON, whole, at creation) --> Machine <--events-- Lease of the run, clock, signals, steps
//!                                         |--actions--> preflight, arm, inject, confirm, heal, confirm clean
//!                                         +--> Report lines on stdout
//! ```
//!
//! It listens on nothing. It is told to inject and to heal by an annotation of the Lease that its runner renews
//! (`shakedown.dev/phase`), and it heals by itself when it is asked to end (SIGTERM), when the Lease has not changed
//! for 5 s (the runner is dead, or the API is out of reach), when the fault was to be over, and at its deadline. When
//! it is killed, the kernel takes its rules away with their owner's socket and watchdogs thaw; what was to be taken
//! back besides is in the journal, and its next life (`restartPolicy: OnFailure`) takes that back and does nothing
//! else.
//!
//! Where logs cannot be read, because the fault is on what they are read through, it reports on a board as well
//! (`Order::board`).
//!
//! What its pod needs: `hostPID` and `hostNetwork`, the capabilities `NET_ADMIN`, `SYS_ADMIN` (to enter namespaces),
//! `SYS_PTRACE` (to open those of others) and `KILL`, a folder of its own for the journal, and for limits on CPU time
//! and memory `/sys/fs/cgroup` of the node, writable.

mod cluster;
mod leash;
mod life;
mod machine;
mod order;
mod report;
mod run;
mod voice;
mod work;

pub use cluster::{BOARD_KEY, ClusterBoard, ClusterLeash};
pub use leash::{LOST_AFTER, LeaseLook, Leash, LeashError, PHASE_ANNOTATION, Phase};
pub use life::{NodeError, enter_node};
pub use machine::{Action, AgentExit, EndedBy, Event, Machine, Step};
pub use order::{
    ClientAddresses, Deadline, FarSide, FarTarget, LeaseRef, NearTarget, ORDER_VERSION, Order,
    OrderError,
};
pub use report::{REPORT_VERSION, Report, Said};
pub use run::{AgentSetup, run_agent};
pub use voice::Board;
