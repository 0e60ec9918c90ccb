//! Was it us? The generator watches itself, and says in words when its figures are its own limits.
//!
//! Every sensor is a pure function of what was observed; every cause comes with its figure and its budget. A run that
//! is beyond a budget may still prove loss or duplication, never a limit on time.

mod budget;
mod cgroup;
mod cpu;
mod watch;

pub use budget::{
    BUSY, Observed, SEND_LAG_P99_NS, STALL_NS, STALLED, STALLS, STEAL, Stalls, THROTTLED, causes,
};
pub use cgroup::{stat_files, throttled_ns};
pub use cpu::CpuTimes;
pub(crate) use watch::Watch;
