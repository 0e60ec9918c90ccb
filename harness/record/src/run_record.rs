//! `record.json`: the product of a run, as others read it. Extend it; never rename a key.
//!
//! Seconds are relative to zero (the first slot's intended time). `null` always means "not measured", never 0.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::books::{
    DisconnectsRecord, DropCopyRecord, ExposureRecord, FeedBookRecord, HistoryRecord,
    InvariantsRecord, SearchRecord, TimedRecord,
};
use crate::control::{KillSwitchRecord, TermsRecord};
use crate::exit::Verdict;
use crate::fault::{Effect, FaultTarget};
pub use crate::feed::{FeedRecord, SequenceRange};
use crate::histogram::LatencySummary;
use crate::io::IoReport;
use crate::links::LinkOverhead;
use crate::outcome::OutcomeCounts;
use crate::phase::Phase;
pub use crate::points::{PointRates, PointsRecord};
use crate::readback::ReadKind;
use crate::restore::RestoreRecord;
use crate::split::FailoverSplit;
pub use crate::venue::{TradesRecord, VenueRecord};
use crate::worker::WorkerReport;

/// Version of this schema; raised when a meaning changes.
pub const SCHEMA_VERSION: u32 = 1;

/// The record of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunRecord {
    pub schema_version: u32,
    pub verdict: Verdict,
    pub exit_code: u8,
    /// Something of ours was left behind.
    pub dirty: bool,
    /// Interrupted, halted, or an abort condition was met.
    pub aborted: bool,
    /// Why the verdict is what it is, in words; the first is the headline.
    pub reasons: Vec<String>,
    pub run: RunInfo,
    pub target: TargetInfo,
    pub checks: Vec<Check>,
    /// Response time from the intended send time, all messages, failures censored at the timeout.
    pub latency: BTreeMap<Phase, LatencySummary>,
    /// Response time of acknowledged messages only.
    pub latency_acked: BTreeMap<Phase, LatencySummary>,
    /// From the actual send to the answer, served messages only.
    pub latency_service: BTreeMap<Phase, LatencySummary>,
    /// The engine's own histogram, where it was scraped.
    pub latency_engine: BTreeMap<Phase, LatencySummary>,
    pub throughput: BTreeMap<Phase, Throughput>,
    pub availability: Availability,
    pub faults: Vec<FaultRecord>,
    pub failover: Vec<Failover>,
    pub data_loss: DataLoss,
    pub generator: GeneratorInfo,
    /// What userspace links added to each round trip through one, measured before the run; absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<LinkOverhead>,
    /// What went between a trading system and the venue that Shakedown played; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<VenueRecord>,
    /// Market data that was published into the engine; absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<PointsRecord>,
    /// What the market-data feed told; absent where no rule is about it, or nothing was heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<FeedRecord>,
    /// What was open and filled together; absent where no rule asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<ExposureRecord>,
    /// What came after kill switches; absent where no rule asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kill_switch: Option<KillSwitchRecord>,
    /// What acknowledgements told of terms; absent where no rule asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<TermsRecord>,
    /// Planted stop orders; absent where no rule is about them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stops: Option<TimedRecord>,
    /// Planted orders that are good until a time; absent where no rule is about them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<TimedRecord>,
    /// Orders whose connection ended; absent where the profile promises nothing of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_on_disconnect: Option<DisconnectsRecord>,
    /// The replay of all requests in the engine's own order; absent where no rule asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<HistoryRecord>,
    /// What must hold of books and trades; absent where no rule asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invariants: Option<InvariantsRecord>,
    /// What the drop copy told, beside what clients were told; null where no rule asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop_copy: Option<DropCopyRecord>,
    /// The books that the feed told, beside those of the copies; absent where no rule asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed_book: Option<FeedBookRecord>,
    pub leftovers: Leftovers,
    /// The chain of hashes over the events of the run; absent where it does not hold, or an older version wrote them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EventChain>,
    /// Every trial of a repeated scenario; empty without `repeat`.
    pub trials: Vec<Trial>,
}

/// A chain of hashes that holds from the first event to the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventChain {
    /// Lines of `events.jsonl`.
    pub events: u64,
    /// The last sum, SHA-256 in hexadecimal: it stands for all of them.
    pub head: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    pub id: String,
    pub scenario: String,
    pub system: String,
    pub environment: String,
    pub seed: u64,
    /// RFC 3339, UTC.
    pub started_at: String,
    pub finished_at: Option<String>,
    pub operator: Option<String>,
    pub previous_run: Option<String>,
    /// Defect of the stand-in that was switched on.
    pub defect: Option<String>,
    /// Guards that a person overruled for this run.
    #[serde(default)]
    pub overrides: Vec<GuardOverride>,
    /// Faults that were left without effect on purpose: a self-test of Shakedown, not a validation of the system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blunted: Vec<String>,
    /// Seconds of run time at which each phase began and ended.
    pub phases: BTreeMap<Phase, Vec<Span>>,
    pub shakedown_version: String,
}

/// A guard that a person overruled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardOverride {
    pub guard: String,
    pub reason: String,
    pub operator: String,
    /// What the guard would have refused; null when it had nothing to object before the run.
    pub saw: Option<String>,
}

/// Interval in seconds of run time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    pub from_s: f64,
    pub to_s: f64,
}

/// The build under test, as seen running before and after.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetInfo {
    pub version: Option<String>,
    pub image_digests: Vec<String>,
    pub replicas: Vec<String>,
    /// The build changed while the run went on; `None` when it could not be told.
    pub changed: Option<bool>,
}

/// One SLA rule held against its measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    pub id: String,
    pub phase: Phase,
    /// Which measurement: the rule's kind, such as `latency`.
    pub kind: String,
    pub limit: Quantity,
    pub observed: Quantity,
    pub verdict: Verdict,
    pub severity: Severity,
    /// What was compared, or which evidence is missing.
    pub why: String,
    /// Where the limit comes from.
    pub source: Option<String>,
}

/// A number with its unit, and the sentence that a person reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quantity {
    pub value: Option<f64>,
    pub unit: String,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Decides the verdict.
    Critical,
    /// Reported; does not decide the verdict.
    Warning,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Throughput {
    pub offered_per_s: Option<f64>,
    pub achieved_per_s: Option<f64>,
}

/// Fractions of 1; the worse of `requests` and `time` gates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Availability {
    pub requests: Option<f64>,
    pub time: Option<f64>,
    pub projected: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultRecord {
    pub name: String,
    pub kind: String,
    pub targets: Vec<FaultTarget>,
    pub injected_at_s: Option<f64>,
    pub confirmed_at_s: Option<f64>,
    pub healed_at_s: Option<f64>,
    pub clean_at_s: Option<f64>,
    pub effect: Effect,
    /// Which mechanism did it.
    pub mechanism: String,
}

/// Failover as the clients saw it; seconds after `fault` was injected (or after the outage began).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failover {
    /// `None`: an outage that no fault of ours explains.
    pub fault: Option<String>,
    /// Run time at which the clock of this entry starts, in seconds.
    pub started_at_s: f64,
    pub first_ack_s: Option<f64>,
    pub recovered_s: Option<f64>,
    pub worst_session_gap_s: Option<f64>,
    pub redundancy_s: Option<f64>,
    pub heal_outage_s: Option<f64>,
    /// Not recovered: observation ended here.
    pub censored_at_s: Option<f64>,
    /// Mean time between two orders: nothing finer can be told.
    pub resolution_s: Option<f64>,
    /// What the platform did and what the engine did; absent where no platform told of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<FailoverSplit>,
}

/// Orders by class. A class that was not checked is null, never 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataLoss {
    pub acknowledged: u64,
    pub rejected: u64,
    pub indeterminate: u64,
    pub lost: Option<u64>,
    pub divergent: Option<u64>,
    pub phantom: Option<u64>,
    pub resurrected: Option<u64>,
    pub duplicate: Option<u64>,
    pub corrupt: Option<u64>,
    pub reordered: Option<u64>,
    pub stale: Option<u64>,
    pub unresolved: Option<u64>,
    pub contract_cancelled: Option<u64>,
    /// Acknowledged and gone by what a restore is; absent without one, null where not all copies were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<u64>,
    pub rpo_orders: Option<u64>,
    pub rpo_s: Option<f64>,
    pub coverage: Coverage,
    /// Restores of the data that were seen to be done; absent without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restores: Vec<RestoreRecord>,
    /// The first orders of each class that was found, for `explain`.
    pub examples: Vec<OrderExample>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Orders that were looked for.
    pub orders: u64,
    pub replicas_expected: u64,
    pub replicas_read: u64,
    /// Reads that were completed on some copy.
    pub reads: Vec<ReadKind>,
    /// Reads that the scenario asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads_asked: Vec<ReadKind>,
    /// Classes that this profile or this run could not check.
    pub not_checkable: Vec<String>,
    /// Why replicas that were expected are not read.
    pub unread: Vec<String>,
}

/// One order that belongs to a class of data loss, with its story.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderExample {
    pub class: String,
    pub order: String,
    pub slot: Option<u64>,
    pub story: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorInfo {
    pub scheduled: u64,
    pub outcomes: OutcomeCounts,
    pub send_lag_p99_ns: Option<u64>,
    pub session_wait_p99_ns: Option<u64>,
    pub saturated: bool,
    /// Why it is saturated; empty when sound.
    pub why: String,
    /// Those who made the load, where it was more than one process.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<WorkerReport>,
    /// How its threads reached their sockets; absent where only epoll was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io: Option<Box<IoReport>>,
}

/// What was left behind; all zero is clean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Leftovers {
    pub faults: u64,
    /// `None`: could not be told.
    pub orders_open: Option<u64>,
    pub objects: u64,
    /// What, and the command that removes it.
    pub details: Vec<String>,
}

/// One trial of a repeated scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    pub number: u32,
    pub verdict: Verdict,
    pub recovered_s: Option<f64>,
    pub lost: Option<u64>,
}
