//! One of the processes that made the load together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outcome::OutcomeCounts;

/// How far a worker's times may be from the coordinator's, in nanoseconds: a tenth of a 100 ms slot.
pub const CLOCK_ERROR_BUDGET_NS: u64 = 10_000_000;

/// What is known of a worker at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerReport {
    /// From 1.
    pub worker: u32,
    /// Where it ran, in words.
    pub place: String,
    /// Slots that it scheduled, as far as the ledger knows.
    pub scheduled: u64,
    pub outcomes: OutcomeCounts,
    /// Of its slots: those of which nobody knows what became of them, because its own ledger was lost with it. They count as
    /// unresolved.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unknown: u64,
    /// Its clock minus the coordinator's when the load began, in nanoseconds; zero of its times was set by it.
    pub clock_offset_ns: i64,
    /// Its times are the coordinator's within this, over the whole run, in nanoseconds.
    pub clock_error_ns: u64,
    /// Why it did not work to the end.
    pub lost: Option<String>,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl WorkerReport {
    /// Its times can be set beside those of others.
    pub fn is_in_time(&self) -> bool {
        self.clock_error_ns <= CLOCK_ERROR_BUDGET_NS
    }
}
