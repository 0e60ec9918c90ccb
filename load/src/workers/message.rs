//! What coordinator and workers say to each other.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shakedown_record::OutcomeCounts;
use shakedown_record::ledger::Terms;
use shakedown_record::slots::SlotTally;

use crate::config::Share;
use crate::secret::HandedOver;

/// All that a worker is told before it dials.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkerOrder {
    /// From 0.
    pub worker: u32,
    pub workers: u32,
    /// All workers are on one machine.
    pub beside: bool,
    /// The texts of which the plan is made.
    pub scenario_yaml: String,
    pub system_yaml: String,
    pub recording: Option<String>,
    /// Of the plan that these texts must give.
    pub plan_digest: String,
    /// Base URLs; sessions are spread over them.
    pub entry: Vec<String>,
    pub reports: Vec<String>,
    /// Prefix of the client order ids.
    pub prefix: String,
    /// A folder for its own ledger, which it makes.
    pub ledger: PathBuf,
    pub secrets: HandedOver,
}

impl WorkerOrder {
    /// Its share of the sessions.
    pub fn share(&self) -> Share {
        Share {
            worker: self.worker,
            workers: self.workers,
            beside: self.beside,
        }
    }
}

/// From the coordinator to a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case")]
pub(super) enum ToWorker {
    Order(Box<WorkerOrder>),
    /// `sent_ns`: the coordinator's clock.
    Ping {
        sent_ns: u64,
    },
    /// Zero on the worker's own `CLOCK_MONOTONIC`.
    Begin {
        zero_mono_ns: u64,
    },
    /// No slot that is due at this run time or later is scheduled.
    StopAt {
        run_ns: u64,
    },
}

/// From a worker to the coordinator.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case")]
pub(super) enum FromWorker {
    /// Its sessions have dialled.
    Ready,
    /// It cannot work, or cannot go on.
    Failed { why: String },
    /// The ping's stamp, and two of the worker's clock: when it was heard and when this was said.
    Pong {
        sent_ns: u64,
        heard_ns: u64,
        said_ns: u64,
    },
    /// A 100 ms slot all of whose orders have ended; their entries were sent before.
    Slot { index: usize, tally: SlotTally },
    /// Names of nodes that served it, in the order of their numbers; said before the first entry with a new one.
    Names { names: Vec<String> },
    /// Lines of `server-ids-<thread>.jsonl`.
    ServerIds { thread: u32, lines: String },
    /// Its last word.
    Ended(Box<Ended>),
}

/// What a worker says at its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ended {
    pub scheduled: u64,
    pub outcomes: OutcomeCounts,
    /// Run time from which it scheduled nothing, in nanoseconds.
    pub end_ns: u64,
    /// Entries that it sent.
    pub entries: u64,
    /// The last link of the chain over its blocks.
    pub digest: String,
    /// Values in nanoseconds with their counts.
    pub send_lag: Vec<(u64, u64)>,
    pub session_wait: Vec<(u64, u64)>,
    /// Budgets of its own that it exceeded.
    pub why: Vec<String>,
    pub steal_fraction: f64,
    pub throttled_ns: u64,
    /// Terms of leaders that acknowledgements told, by its own clock.
    pub terms: Terms,
}
