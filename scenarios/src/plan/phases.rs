//! How long a run goes on.

use serde::Serialize;

/// Lengths of the phases in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Phases {
    /// Warm-up extends to here until steady state is proven.
    pub warm_up_at_most_ns: u64,
    /// Measured steady time before the first fault.
    pub steady_ns: u64,
    /// Recovery ends early once service is stable.
    pub recovery_at_most_ns: u64,
}
