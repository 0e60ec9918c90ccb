//! What an analysis hands to the reports.

use std::collections::BTreeMap;

use serde::Serialize;
use shakedown_record::histogram::PackedHistogram;
use shakedown_record::run_record::RunRecord;
use shakedown_record::{OutcomeCounts, Phase};

use crate::explain::Explanation;

/// Everything that the reports show, derived from a run directory and its plan.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// What goes into `record.json`.
    pub record: RunRecord,
    /// What the scenario is about, as its author wrote it.
    pub about: String,
    /// What a person should know before trusting this run, from the plan.
    pub notes: Vec<String>,
    /// SHA-256 of the plan.
    pub plan_digest: String,
    /// Intervals of equal length in order, from zero to the end of the schedule, without gaps.
    pub timeline: Vec<TimelineRow>,
    /// What the platform that runs the system did since zero, by time; empty where none told of itself.
    pub platform: Vec<PlatformMoment>,
    /// Response time by quantile, for each phase that has samples.
    pub curves: BTreeMap<Phase, Vec<CurvePoint>>,
    /// Response times by interval, for the HDR interval log.
    pub latency_intervals: Vec<LatencyInterval>,
    /// Files that were changed or added since the run ended and on which no verdict rests, in words.
    pub beside: Vec<String>,
    /// Questions that this run leaves open, each with the reason.
    pub unchecked: Vec<Unchecked>,
    /// The first order of each class of data loss that was found, step by step.
    pub stories: Vec<Story>,
    /// A 100 ms slot whose P99 is above this is not healthy, in nanoseconds.
    pub health_limit_ns: u64,
}

/// Something that a reader may take for granted and that this run cannot answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unchecked {
    /// What is not known, such as `lost orders`.
    pub what: String,
    /// Why, in words.
    pub why: String,
    /// True when this run should have answered it; false when nobody asked, or nothing can.
    pub was_asked: bool,
}

/// What became of one order of a class of data loss.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Story {
    /// As in `record.json`, such as `lost`.
    pub class: String,
    /// The order's id.
    pub order: String,
    pub explanation: Explanation,
}

/// One interval of the run, by intended time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimelineRow {
    /// Run time in seconds.
    pub from_s: f64,
    pub to_s: f64,
    /// The phase at the start of the interval; never `run`.
    pub phase: Phase,
    /// Slots scheduled per second.
    pub offered_per_s: f64,
    /// Acknowledged per second.
    pub achieved_per_s: f64,
    pub outcomes: OutcomeCounts,
    /// Response times, failures censored at the timeout; `None` without orders.
    pub p50_ns: Option<u64>,
    pub p99_ns: Option<u64>,
    pub p999_ns: Option<u64>,
    /// How long, by the end of the interval, the session that waited longest had been without a good answer.
    pub worst_session_gap_s: f64,
}

/// A pod or a node changed its state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlatformMoment {
    /// Run time in seconds at which Shakedown heard of it.
    pub at_s: f64,
    /// Such as `pod engine-0`.
    pub subject: String,
    /// What happened to it.
    pub text: String,
    /// When it happened by the platform's own clock, in whole seconds: RFC 3339, UTC.
    pub own_time: Option<String>,
}

impl PlatformMoment {
    /// It as a sentence, such as `pod engine-0: container ended, engine: Error, exit code 137 (its own time: …)`.
    pub fn sentence(&self) -> String {
        let own = self.own_time.as_ref();
        let own = own.map_or(String::new(), |time| format!(" (its own time: {time})"));
        format!("{}: {}{own}", self.subject, self.text)
    }
}

/// One point of a percentile curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CurvePoint {
    /// 0 to 1.
    pub quantile: f64,
    pub latency_ns: u64,
    /// Samples at or below `latency_ns`.
    pub count: u64,
}

/// Response times of the orders intended in one interval.
#[derive(Debug, Clone)]
pub struct LatencyInterval {
    /// Run time in seconds.
    pub from_s: f64,
    pub to_s: f64,
    pub histogram: PackedHistogram,
}
