//! `capacity.json`: the highest rate at which a scenario's SLA holds, and the curve on which it lies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Phase, Verdict};

/// Version of [`CapacityRecord`].
pub const CAPACITY_SCHEMA_VERSION: u32 = 1;

/// What a search found, with every probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CapacityRecord {
    pub schema_version: u32,
    /// Pass: there is an answer to rely on, and it is at least what was asked for.
    pub verdict: Verdict,
    pub exit_code: u8,
    /// The answer, and what it is worth, in words.
    pub headline: String,
    pub scenario: String,
    pub system: String,
    pub environment: String,
    /// Of the target, as seen running at the last probe.
    pub target_version: Option<String>,
    pub shakedown_version: String,
    pub ask: CapacityAsk,
    pub found: CapacityFound,
    /// In the order in which they were made.
    pub points: Vec<CapacityPoint>,
}

/// What is searched for, and with how much effort.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CapacityAsk {
    /// Rate of the first probe, per second.
    pub from_per_s: f64,
    /// No probe below this.
    pub floor_per_s: f64,
    /// No probe above this.
    pub ceiling_per_s: f64,
    /// The answer is near enough when the lowest rate that did not hold is at most so much above it, as a fraction.
    pub precision: f64,
    /// Runs at most.
    pub probes: u32,
    /// So many probes at the answer must hold, and none break.
    pub confirm: u32,
    /// What the capacity is to be at least, per second.
    pub at_least_per_s: Option<f64>,
}

/// What a probe told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// Every check passed.
    Holds,
    /// A check failed, or the load was never steady.
    Breaks,
    /// The evidence was not enough.
    Unclear,
    /// The generator could not offer this rate soundly.
    Starved,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CapacityFound {
    /// The highest rate that held, per second, below all that did not; `null`: not even the lowest that was tried.
    pub capacity_per_s: Option<f64>,
    /// What was found above it.
    pub above: Bound,
    /// Probes at the answer that held.
    pub confirmed: u32,
    /// Rates that held above one that broke, per second: more load is not always worse for this system.
    pub held_above_a_break_per_s: Vec<f64>,
    /// What is missing for an answer to rely on.
    pub missing: Vec<Missing>,
}

/// The lowest rate that did not hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "bound")]
pub enum Bound {
    /// The SLA broke.
    Broke { rate_per_s: f64 },
    /// Probes there showed nothing.
    Unclear { rate_per_s: f64 },
    /// The generator was at its own limit.
    Starved { rate_per_s: f64 },
    /// Everything held up to the highest rate that was allowed.
    Ceiling { rate_per_s: f64 },
    /// Nothing was tried above.
    Untried,
}

/// Why an answer is not one to rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// The number of probes did not suffice for the precision.
    Precision,
    /// It held less often than was asked for.
    Confirmation,
    /// What lies above was not seen, because probes showed nothing there.
    Evidence,
    /// What lies above was not seen, because the generator could not offer it.
    Generator,
    /// Rates below it were not looked at.
    Below,
}

/// One probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CapacityPoint {
    /// What was asked of the generator, per second.
    pub rate_per_s: f64,
    pub told: Told,
    pub verdict: Verdict,
    pub seed: u64,
    /// The phase of the figures: `steady`, or `run` where there was none.
    pub phase: Phase,
    /// `null`: not measured.
    pub offered_per_s: Option<f64>,
    pub achieved_per_s: Option<f64>,
    pub samples: u64,
    /// Response times of all messages, from the moment they were due, in nanoseconds.
    pub p50_ns: Option<u64>,
    pub p99_ns: Option<u64>,
    pub p999_ns: Option<u64>,
    /// Ids of the checks that did not pass.
    pub not_passed: Vec<String>,
    /// Why it does not hold, in words.
    pub why: Option<String>,
    /// Its run directory.
    pub run: String,
}
