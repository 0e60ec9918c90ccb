//! CPU stress: processes of ours that use up the CPU time a target would have had.
//!
//! Workers are this very binary, started again under a hidden subcommand. Three things end them, each by itself: the
//! kernel when the thread that started them ends, the line to their parent when it closes, and an absolute deadline.
//! They compete either inside the target's own cpu group, for the share of that group, or from outside, pinned to the
//! CPUs that the target may use. They burn nothing before all of them are where they belong.

mod cpu_time;
mod line;
mod worker;
mod workers;

pub use cpu_time::cpu_time_us;
pub use worker::{STRESS_COMMAND, stress_main};
pub use workers::{CpuBurnt, StressError, StressPlace, StressPlan, StressWorkers};
