//! One walk over the ledger: outcomes and latencies by phase, and the intervals of the timeline.

use std::collections::BTreeMap;

use shakedown_record::histogram::{LatencyHistogram, LatencySummary, PackedHistogram};
use shakedown_record::ledger::{Entry, OrderKind};
use shakedown_record::load_digest::LoadDigest;
use shakedown_record::run_record::Throughput;
use shakedown_record::slots::{IntervalStats, SLOT_NS};
use shakedown_record::{Outcome, OutcomeCounts, Phase, PhaseWindows};

use crate::analysis::{CurvePoint, LatencyInterval};
use crate::orders::Orders;
use crate::series::Series;

/// Below this length of a run the timeline has a row for every 100 ms, above it one for every second.
const FINE_ROWS_NS: u64 = 180_000_000_000;

/// The interval log has at most about this many intervals, so that memory stays bounded.
const LOG_INTERVALS: u64 = 300;

const SECOND_NS: u64 = 1_000_000_000;

/// What happened to the messages of one phase.
#[derive(Debug, Clone, Default)]
pub(crate) struct PhaseTally {
    pub outcomes: OutcomeCounts,
    /// Acknowledged within the timeout.
    pub acked_in_time: u64,
    /// Orders that were made too large on purpose, and how many of them were rejected.
    pub oversized: u64,
    pub oversized_rejected: u64,
    /// From the intended time, failures censored at the timeout.
    pub response: LatencyHistogram,
    /// The same, acknowledged messages only.
    pub acked: LatencyHistogram,
    /// From the actual send, served messages only.
    pub service: LatencyHistogram,
}

impl PhaseTally {
    fn add(&mut self, entry: &Entry, orders: &Orders) {
        let outcome = entry.settled();
        let response_ns = orders.response_ns(entry);
        self.outcomes.add(outcome, 1);
        self.acked_in_time += u64::from(orders.is_acked_in_time(entry));
        if entry.kind == OrderKind::Oversized {
            self.oversized += 1;
            self.oversized_rejected += u64::from(outcome == Outcome::Rejected);
        }
        self.response.record(response_ns);
        if outcome == Outcome::Acked {
            self.acked.record(response_ns);
        }
        if let Some(service_ns) = entry.service_ns() {
            self.service.record(service_ns);
        }
    }

    fn merge(&mut self, other: &PhaseTally) {
        self.outcomes.merge(&other.outcomes);
        self.acked_in_time += other.acked_in_time;
        self.oversized += other.oversized;
        self.oversized_rejected += other.oversized_rejected;
        self.response.merge(&other.response);
        self.acked.merge(&other.acked);
        self.service.merge(&other.service);
    }
}

/// Everything that one walk over the ledger gives.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Every phase, `run` being steady, impact and recovery together.
    pub phases: BTreeMap<Phase, PhaseTally>,
    /// All slots, warm-up included.
    pub outcomes: OutcomeCounts,
    /// 100 ms slots.
    pub slots: Vec<IntervalStats>,
    pub rows: Vec<IntervalStats>,
    pub row_ns: u64,
    pub intervals: Vec<LatencyInterval>,
}

impl Tally {
    /// Walks over the ledger once. `end_ns`: end of the schedule.
    pub fn over(orders: &Orders, windows: &PhaseWindows, end_ns: u64) -> Self {
        let row_ns = if end_ns < FINE_ROWS_NS {
            SLOT_NS as u64
        } else {
            SECOND_NS
        };
        let mut slots = Series::new(SLOT_NS as u64, orders.in_order);
        let mut rows = Series::new(row_ns, orders.in_order);
        let mut log = Log::new(end_ns);
        let mut tallies = Phase::ALL.map(|phase| (phase, PhaseTally::default()));
        orders.iter().for_each(|(_, entry)| {
            let phase = windows.phase_at(entry.intended_ns as i64);
            tallies[phase as usize].1.add(&entry, orders);
            slots.add(&entry, orders.timeout_ns);
            rows.add(&entry, orders.timeout_ns);
            log.add(entry.intended_ns, orders.response_ns(&entry));
        });
        let mut phases = BTreeMap::from(tallies);
        let mut outcomes = phases[&Phase::WarmUp].outcomes;
        let mut run = PhaseTally::default();
        for phase in [Phase::Steady, Phase::Impact, Phase::Recovery] {
            run.merge(&phases[&phase]);
        }
        outcomes.merge(&run.outcomes);
        phases.insert(Phase::Run, run);
        Self {
            phases,
            outcomes,
            slots: slots.finish(end_ns),
            rows: rows.finish(end_ns),
            row_ns,
            intervals: log.finish(),
        }
    }

    /// What a load's digest holds, all of it in the phase `run`. `end_ns`: end of the schedule.
    pub fn of_digest(digest: &LoadDigest, end_ns: u64) -> Self {
        let run = PhaseTally {
            outcomes: digest.outcomes,
            response: digest.response(),
            acked: digest.acked(),
            service: digest.service.clone(),
            ..PhaseTally::default()
        };
        let (row_ns, rows) = match end_ns < FINE_ROWS_NS {
            true => (SLOT_NS as u64, &digest.slots),
            false => (SECOND_NS, &digest.seconds),
        };
        let up_to_end = |intervals: &[IntervalStats], length_ns: u64| {
            let mut intervals = intervals.to_vec();
            let length = end_ns.div_ceil(length_ns) as usize;
            intervals.resize(length.max(intervals.len()), IntervalStats::default());
            intervals
        };
        let at_s = |index: usize| (index as u64 * digest.log_ns) as f64 / 1e9;
        let intervals = digest.log.iter().enumerate();
        Self {
            phases: BTreeMap::from([(Phase::Run, run)]),
            outcomes: digest.outcomes,
            slots: up_to_end(&digest.slots, SLOT_NS as u64),
            rows: up_to_end(rows, row_ns),
            row_ns,
            intervals: intervals
                .filter(|(_, histogram)| histogram.count() > 0)
                .map(|(index, histogram)| LatencyInterval {
                    from_s: at_s(index),
                    to_s: at_s(index + 1),
                    histogram: PackedHistogram::of(histogram),
                })
                .collect(),
        }
    }

    /// Latency figures of every phase by one of its histograms.
    pub fn latency(
        &self,
        of: impl Fn(&PhaseTally) -> &LatencyHistogram,
    ) -> BTreeMap<Phase, LatencySummary> {
        self.phases
            .iter()
            .map(|(phase, tally)| (*phase, of(tally).summary()))
            .collect()
    }

    /// Offered and achieved rates of every phase; null for phases that did not happen.
    pub fn throughput(&self, windows: &PhaseWindows) -> BTreeMap<Phase, Throughput> {
        let of = |(phase, tally): (&Phase, &PhaseTally)| {
            let seconds = windows.seconds(*phase);
            let rate = |n: u64| (seconds > 0.0).then(|| n as f64 / seconds);
            let throughput = Throughput {
                offered_per_s: rate(tally.outcomes.total()),
                achieved_per_s: rate(tally.outcomes.acked),
            };
            (*phase, throughput)
        };
        self.phases.iter().map(of).collect()
    }

    /// Percentile curves of response time, for phases that have samples.
    pub fn curves(&self) -> BTreeMap<Phase, Vec<CurvePoint>> {
        self.phases
            .iter()
            .filter(|(_, tally)| tally.response.count() > 0)
            .map(|(phase, tally)| (*phase, curve(&tally.response)))
            .collect()
    }
}

/// The percentile curve of a histogram: five points for every halving of the distance to 100 %.
pub(crate) fn curve(histogram: &LatencyHistogram) -> Vec<CurvePoint> {
    let hdr = histogram.hdr();
    let mut count = 0;
    hdr.iter_quantiles(5)
        .map(|step| {
            count += step.count_since_last_iteration();
            CurvePoint {
                quantile: step.quantile_iterated_to(),
                latency_ns: step.value_iterated_to().min(hdr.max()),
                count,
            }
        })
        .collect()
}

/// The interval log while it fills.
struct Log {
    interval_ns: u64,
    intervals: BTreeMap<u64, PackedHistogram>,
    /// The one that is being filled.
    open: (u64, LatencyHistogram),
}

impl Log {
    fn new(end_ns: u64) -> Self {
        let seconds = end_ns.div_ceil(SECOND_NS).div_ceil(LOG_INTERVALS).max(1);
        Self {
            interval_ns: seconds * SECOND_NS,
            intervals: BTreeMap::new(),
            open: (0, LatencyHistogram::default()),
        }
    }

    fn add(&mut self, intended_ns: u64, response_ns: u64) {
        let index = intended_ns / self.interval_ns;
        if index != self.open.0 {
            self.close();
            self.open.0 = index;
        }
        self.open.1.record(response_ns);
    }

    fn close(&mut self) {
        let (index, mut histogram) = std::mem::take(&mut self.open);
        if histogram.count() > 0 {
            let packed = self.intervals.entry(index).or_default();
            if packed.count() > 0 {
                histogram.merge(&packed.unpack());
            }
            *packed = PackedHistogram::of(&histogram);
        }
    }

    fn finish(mut self) -> Vec<LatencyInterval> {
        self.close();
        let interval_ns = self.interval_ns;
        let at_s = |index: u64| (index * interval_ns) as f64 / 1e9;
        self.intervals
            .into_iter()
            .map(|(index, histogram)| LatencyInterval {
                from_s: at_s(index),
                to_s: at_s(index + 1),
                histogram,
            })
            .collect()
    }
}
