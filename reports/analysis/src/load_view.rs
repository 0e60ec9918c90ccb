//! The figures of `shakedown load`: a digest without a plan, faults or phases, and a ledger of what was disturbed.
//!
//! Outages are found by the code that times failovers. Without a proven steady state the health limit comes from the
//! first good second: the largest of ten times its median, twice its slots' median P99, and 50 ms.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use shakedown_record::event::GeneratorReport;
use shakedown_record::histogram::LatencySummary;
use shakedown_record::load_digest::{GOOD_NS, LoadDigest};
use shakedown_record::run_record::{Failover, GeneratorInfo, Throughput};
use shakedown_record::slots::{MAX_ERROR_FRACTION, SlotStats};
use shakedown_record::{Phase, PhaseWindows};

use crate::analysis::{CurvePoint, LatencyInterval, TimelineRow};
use crate::error::AnalysisError;
use crate::fail_if::Checked;
use crate::failover::View;
use crate::gaps::gaps;
use crate::orders::Orders;
use crate::series::stats_of;
use crate::tally::{Tally, curve};
use crate::timeline::rows;

/// 100 ms slots that make the second from which the limit is taken.
const BASELINE_SLOTS: usize = 10;

/// What a load alone gives; the maps have the one phase `run`. Serialises as `shakedown load --json`.
#[derive(Debug, Clone, Serialize)]
pub struct LoadResult {
    /// When the first slot was due, on `CLOCK_MONOTONIC` in nanoseconds: a server on this machine joins its own log by it.
    /// The analysis does not know it; whoever ran the load does.
    pub began_monotonic_ns: Option<u64>,
    pub latency: BTreeMap<Phase, LatencySummary>,
    pub latency_acked: BTreeMap<Phase, LatencySummary>,
    pub latency_service: BTreeMap<Phase, LatencySummary>,
    pub throughput: BTreeMap<Phase, Throughput>,
    pub generator: GeneratorInfo,
    /// How often each HTTP status was answered. The analysis does not know it; whoever ran the load does.
    pub statuses: BTreeMap<u16, u64>,
    /// One entry for each outage, `fault` null.
    pub failover: Vec<Failover>,
    /// A 100 ms slot whose P99 is above this, or an answer that came later, is an outage, in nanoseconds.
    pub health_limit_ns: u64,
    /// What `--fail-if` asked for.
    pub fail_if: Vec<Checked>,
    #[serde(skip)]
    pub timeline: Vec<TimelineRow>,
    #[serde(skip)]
    pub curve: Vec<CurvePoint>,
    #[serde(skip)]
    pub latency_intervals: Vec<LatencyInterval>,
}

/// Measures what `shakedown load` saw. `disturbed`: the ledger of the entries that the digest asked to keep; `end_ns`: end of
/// the schedule in nanoseconds since zero.
///
/// # Errors
/// When the ledger cannot be read.
pub fn analyse_load(
    digest: &LoadDigest,
    disturbed: &Path,
    timeout_ns: u64,
    end_ns: u64,
    report: &GeneratorReport,
) -> Result<LoadResult, AnalysisError> {
    let orders = Orders::open(disturbed, timeout_ns, Some(end_ns))?;
    let windows = PhaseWindows {
        steady_from_ns: Some(0),
        impacts: Vec::new(),
        end_ns: end_ns as i64,
    };
    let tally = Tally::of_digest(digest, end_ns);
    let slots = stats_of(&tally.slots);
    let limit_ns = baseline_limit_ns(&slots);
    let gaps = gaps(&orders, limit_ns);
    let view = View {
        orders: &orders,
        scheduled: digest.outcomes.total(),
        slots: &slots,
        limit_ns,
        end_ns,
        clock_error_ns: 0,
        struck: &[],
        gaps: &gaps,
        from_ns: Some(0),
    };
    let run = &tally.phases[&Phase::Run];
    let only_run = |summary: LatencySummary| BTreeMap::from([(Phase::Run, summary)]);
    let damage = orders
        .damage
        .iter()
        .map(|what| format!("the ledger is damaged: {what}"));
    Ok(LoadResult {
        began_monotonic_ns: None,
        latency: only_run(run.response.summary()),
        latency_acked: only_run(run.acked.summary()),
        latency_service: only_run(run.service.summary()),
        throughput: tally.throughput(&windows),
        generator: GeneratorInfo {
            scheduled: report.scheduled,
            outcomes: tally.outcomes,
            send_lag_p99_ns: report.send_lag_p99_ns,
            session_wait_p99_ns: report.session_wait_p99_ns,
            saturated: report.saturated || orders.damaged > 0,
            why: report
                .why
                .iter()
                .cloned()
                .chain(damage)
                .collect::<Vec<_>>()
                .join("; "),
            workers: report.workers.clone(),
            io: report.io.clone(),
        },
        statuses: BTreeMap::new(),
        failover: view
            .failovers()
            .into_iter()
            .map(|timed| timed.entry)
            .collect(),
        health_limit_ns: limit_ns,
        fail_if: Vec::new(),
        timeline: rows(&tally.rows, tally.row_ns, &gaps, end_ns, |_| Phase::Run),
        curve: curve(&run.response),
        latency_intervals: tally.intervals,
    })
}

fn baseline_limit_ns(slots: &[SlotStats]) -> u64 {
    let is_good = |slot: &SlotStats| {
        let total = slot.outcomes.total();
        total > 0 && slot.outcomes.errors() as f64 <= total as f64 * MAX_ERROR_FRACTION
    };
    let good = slots
        .windows(BASELINE_SLOTS)
        .find(|second| second.iter().all(is_good));
    let Some(second) = good else {
        return GOOD_NS;
    };
    let median = |of: fn(&SlotStats) -> Option<u64>| {
        let mut values: Vec<u64> = second.iter().filter_map(of).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or(0)
    };
    GOOD_NS
        .max(10 * median(|slot| slot.p50_ns))
        .max(2 * median(|slot| slot.p99_ns))
}
