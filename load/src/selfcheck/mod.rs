//! Was it us? The generator watches itself, and says in words when its figures are its own limits.
//!
//! Every sensor is a pure function of what was observed; every cause comes with its figure and its budget. A run that
//! is beyond a budget may still prove loss or duplication, never a limit on time.
//!
//! ```text
//! load threads    send lag, gaps between releases, passes of the loop, run queue, page faults, failed dials
//! watching thread how late a thread that only sleeps is woken         machine: throttling of cgroups, steal
//!                                  -> Observed -> causes: words, or nothing
//! ```

mod budget;
mod causes;
mod cgroup;
mod cpu;
mod gaps;
mod queue;
mod shortage;
mod stalls;
mod vitals;
mod watch;

pub use budget::{
    BUSY, DISPLACED, GAP_OF_LOOP_NS, GAP_TOLERANCE_NS, MAJOR_FAULTS_PER_S, QUEUED, SEND_LAG_P99_NS,
    STALL_NS, STALLED, STALLS, STEAL, THROTTLED, WAKE_UP_NS,
};
pub use causes::{Observed, causes};
pub use cgroup::{stat_files, throttled_ns};
pub use cpu::CpuTimes;
pub use gaps::Gaps;
pub use queue::QueueWait;
pub use shortage::{Exhausted, Shortage};
pub use stalls::Stalls;
pub(crate) use vitals::{VitalSigns, Vitals, thread_cpu_ns};
pub(crate) use watch::Watch;
