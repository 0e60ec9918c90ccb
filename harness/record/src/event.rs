//! Events of a run: `events.jsonl`, append-only, one JSON object a line, each with its monotonic time.
//!
//! Together with the ledger and the read-back this is the whole input of the analysis. What is not an event did not
//! happen: a fault without `fault-confirmed` has no effect, a copy without a complete `read-back` was not read. Each line
//! ends with its place in a chain of hashes ([`crate::chain`]).

mod file;

use serde::{Deserialize, Serialize};

pub use file::{EventError, EventWriter, read_events};

use crate::fault::{Effect, FaultTarget, Firing};
use crate::feed::FeedReport;
use crate::io::IoReport;
use crate::links::LinkOverhead;
use crate::outcome::OutcomeCounts;
use crate::platform::PlatformChange;
use crate::points::PointsReport;
use crate::readback::ReadKind;
use crate::venue::TradesDone;
use crate::worker::WorkerReport;

/// An event with its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// `CLOCK_MONOTONIC` in nanoseconds.
    pub mono_ns: u64,
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    RunStarted {
        run_id: String,
        scenario: String,
        system: String,
        environment: String,
        seed: u64,
        /// RFC 3339, UTC.
        started_at: String,
        operator: Option<String>,
        shakedown_version: String,
        /// Prefix of every client order id of this run.
        order_prefix: String,
        /// Defect of the stand-in that was switched on for this run.
        defect: Option<String>,
    },
    /// The build under test, as seen running.
    TargetSeen {
        when: Moment,
        version: Option<String>,
        image_digests: Vec<String>,
        replicas: Vec<ReplicaSeen>,
    },
    EnvironmentFailed {
        reason: String,
    },
    GuardRefused {
        guard: String,
        reason: String,
    },
    /// A person has overruled a guard for this run.
    GuardOverridden {
        guard: String,
        reason: String,
        operator: String,
        /// What the guard would have refused; `None`: it had nothing to object before the run.
        saw: Option<String>,
    },
    /// A self-test: this fault is left without effect on purpose.
    FaultBlunted {
        /// Its id in the scenario.
        fault: String,
    },
    /// Connections of the system, or to it, are led through userspace links.
    LinksMeasured {
        overhead: LinkOverhead,
    },
    /// Zero of time: the first slot's intended time.
    LoadStarted {
        zero_mono_ns: u64,
        sessions: u32,
        threads: u32,
    },
    /// Steady state was proven.
    SteadyReached,
    SteadyMissed {
        reason: String,
    },
    /// No more slots are scheduled from this run time on.
    LoadStopped {
        scheduled: u64,
        end_ns: u64,
    },
    Generator {
        report: GeneratorReport,
    },
    /// A process that made a part of the load is gone, or was put down because it answered nothing any more.
    WorkerLost {
        /// From 1.
        worker: u32,
        workers: u32,
        why: String,
    },
    /// What will be done to whom, resolved now; `role` says who was asked for.
    FaultPrepared {
        firing: Firing,
        kind: String,
        targets: Vec<FaultTarget>,
        mechanism: String,
    },
    FaultRefused {
        firing: Firing,
        reason: String,
    },
    /// Stamped immediately before the mutating call: the zero of failover time.
    FaultInjected {
        firing: Firing,
    },
    FaultEffect {
        firing: Firing,
        effect: Effect,
    },
    FaultFailed {
        firing: Firing,
        reason: String,
    },
    FaultHealing {
        firing: Firing,
    },
    FaultHealed {
        firing: Firing,
    },
    /// The snapshot after equals the snapshot before.
    FaultClean {
        firing: Firing,
    },
    FaultDirty {
        firing: Firing,
        left: Leftover,
    },
    /// All replicas have caught up again after this firing.
    RedundancyRestored {
        firing: Firing,
    },
    RoleChanged {
        replica: String,
        role: Option<String>,
        term: Option<u64>,
    },
    ReplicaReady {
        replica: String,
        ready: bool,
    },
    /// The platform that runs the system did something of itself.
    PlatformChanged(PlatformChange),
    /// A condition of `abort` was met.
    AbortMet {
        condition: String,
        reason: String,
    },
    Interrupted {
        by: String,
    },
    /// The trading system's own trades.
    TradesRead {
        done: TradesDone,
    },
    /// No more market data is published.
    PointsPublished {
        report: PointsReport,
    },
    /// The market-data feed was listened to until now.
    FeedHeard {
        report: FeedReport,
    },
    /// A subscriber that came late listened to it until now.
    LateFeedHeard {
        report: FeedReport,
    },
    RetriesDone {
        asked: u64,
        resolved: u64,
    },
    Sentinel {
        acked: bool,
        id: String,
        reason: Option<String>,
        /// The read before which it was sent.
        #[serde(default = "converged")]
        read: ReadKind,
    },
    /// All replicas are about to be stopped at once, for a read of what they keep. Stamped before the first signal.
    OutageBegun {
        read: ReadKind,
        replicas: Vec<String>,
    },
    OutageOver(OutageOver),
    ReadBack(ReadBackDone),
    CleanedUp {
        cancelled: u64,
        orders_open: Option<u64>,
        reason: Option<String>,
    },
    /// A scrape of the engine's own latency histogram; cumulative counts by upper bound in seconds.
    EngineLatency {
        replica: String,
        buckets: Vec<Bucket>,
        count: u64,
    },
    EngineLatencyMissing {
        replica: String,
        reason: String,
    },
    LeftBehind {
        left: Leftover,
    },
    /// Last event of a run that ended by itself.
    RunFinished {
        finished_at: String,
    },
}

/// When a look at the target was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    Before,
    After,
}

/// A replica as seen at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaSeen {
    pub name: String,
    pub reachable: bool,
    pub ready: Option<bool>,
    pub role: Option<String>,
    pub version: Option<String>,
}

/// What the generator says of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GeneratorReport {
    pub scheduled: u64,
    pub outcomes: OutcomeCounts,
    pub send_lag_p99_ns: Option<u64>,
    pub session_wait_p99_ns: Option<u64>,
    /// Beyond one of its own budgets: limits on time must not be judged.
    pub saturated: bool,
    /// Causes in words, the worst first; empty when sound.
    pub why: Vec<String>,
    /// Share of CPU time that the hypervisor took away while the load ran, 0 to 1.
    pub steal_fraction: f64,
    /// Time for which the generator's cgroup was throttled, in nanoseconds.
    pub throttled_ns: u64,
    /// Those who made the load, where it was more than one process.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<WorkerReport>,
    /// How its threads reached their sockets; absent where only epoll was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io: Option<Box<IoReport>>,
}

/// A copy was read back, or could not be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadBackDone {
    pub read: ReadKind,
    pub replica: String,
    /// Every row up to the sentinel was read.
    pub complete: bool,
    pub rows: u64,
    pub watermark: Option<u64>,
    /// Why it is not complete.
    pub reason: Option<String>,
    /// True when the copy was asked for each order by id, so that only orders asked for can be found.
    pub by_id: bool,
    /// Orders of others that the copy listed; `None`: it was not asked for a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<u64>,
    /// Its trades were read as well, or could not be; `None`: the profile does not say how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trades: Option<CopiedTrades>,
    /// Its depth was read behind its list, or could not be; `None`: the profile does not say how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<CopiedDepth>,
    /// Of a degraded read: which fault was on, and when it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub during: Option<Box<During>>,
}

/// When a read was made beside a fault; `CLOCK_MONOTONIC` in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct During {
    pub firing: Firing,
    /// Before the first request was sent: what had been acknowledged by then must be shown.
    pub from_mono_ns: u64,
    /// When the last answer was there.
    pub to_mono_ns: u64,
}

impl ReadBackDone {
    /// The name under which the rows of this read of this copy lie: a copy may be read in many faults.
    pub fn rows_name(&self) -> String {
        match &self.during {
            Some(during) => format!("{}-{}", self.replica, during.firing.label()),
            None => self.replica.clone(),
        }
    }
}

/// The trades of a copy were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedTrades {
    pub rows: u64,
    /// Why these are not all of them.
    pub incomplete: Option<String>,
}

/// The depth of a copy was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedDepth {
    /// Of how many symbols.
    pub symbols: u64,
    /// Why these are not all of them.
    pub incomplete: Option<String>,
}

/// What became of the replicas that were stopped at once for a read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutageOver {
    pub read: ReadKind,
    /// From the first signal until the last of them had ended, in nanoseconds; `None`: not all of them did.
    pub down_after_ns: Option<u64>,
    /// What each of them had not synced, and what was taken from it for that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Dropped>,
    /// Why not all of them are up again; `None`: they are.
    pub failed: Option<String>,
}

/// Data of one replica that a power cut took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    pub replica: String,
    /// Files that went back to what they were when they were last synced.
    pub files: u64,
    /// Bytes that had been written to them since.
    pub bytes: u64,
}

fn converged() -> ReadKind {
    ReadKind::Converged
}

/// Something of ours that is still there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    pub kind: LeftoverKind,
    /// What and where.
    pub what: String,
    /// The command that removes it.
    pub remove_with: String,
}

/// The columns of `leftovers` in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftoverKind {
    Fault,
    Object,
}

/// One bucket of a cumulative histogram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Upper bound in seconds; `None` is infinity.
    pub le_s: Option<f64>,
    pub count: u64,
}
