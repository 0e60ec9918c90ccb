//! All measurements of one run, before anything is judged.

use std::collections::BTreeMap;

use shakedown_record::run_dir::RunDir;
use shakedown_record::run_record::{Availability, GeneratorInfo};
use shakedown_record::side_by_side::both;
use shakedown_record::slots::{SlotStats, p99_limit_ns, steady_slots};
use shakedown_record::{Phase, PhaseWindows};
use shakedown_scenarios::plan::gates::CanaryRule;
use shakedown_scenarios::plan::{Plan, RuleKind};

use crate::availability::{Projection, availability, project};
use crate::books::{
    Copied, Disconnects, Exposed, FeedBook, History, Invariants, Killed, Waited, disconnects,
    drop_copy, expiry, exposed, feed_book, history, invariants, killed, stops,
};
use crate::canary::{Compared, compared};
use crate::data_loss::{Assessment, assess, look};
use crate::engine_latency::{EngineHistogram, by_phase};
use crate::failover::{Struck, Timed, View, struck};
use crate::feed::{FeedMeasured, measure};
use crate::gaps::{Gap, gaps};
use crate::input::Input;
use crate::metrics::Store;
use crate::phases::windows;
use crate::points::{self, PointsMeasured};
use crate::seal::Seal;
use crate::series::stats_of;
use crate::tally::Tally;
use crate::terms::{TermsSeen, terms};
use crate::venue::{self, VenueFigures};

/// What was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    pub windows: PhaseWindows,
    pub end_ns: u64,
    pub tally: Tally,
    /// The health limit on a slot's P99 and on single answers, in nanoseconds.
    pub limit_ns: u64,
    pub struck: Vec<Struck>,
    /// When service was back after each firing, in nanoseconds since zero.
    pub recovered: Vec<Option<u64>>,
    pub gaps: Vec<Gap>,
    pub failovers: Vec<Timed>,
    pub availability: Availability,
    pub engine: BTreeMap<Phase, EngineHistogram>,
    pub assessment: Assessment,
    /// `None` where the profile promises nothing.
    pub disconnects: Option<Disconnects>,
    /// `None` where no rule asks.
    pub exposed: Option<Exposed>,
    /// `None` where no rule asks.
    pub killed: Option<Killed>,
    /// `None` where no rule asks.
    pub terms: Option<TermsSeen>,
    /// `None` where no rule asks.
    pub history: Option<History>,
    pub invariants: Option<Invariants>,
    pub drop_copy: Option<Copied>,
    pub feed_book: Option<FeedBook>,
    pub stops: Option<Waited>,
    pub expiry: Option<Waited>,
    /// What rules about a new version compare.
    pub canaries: Vec<(CanaryRule, Compared)>,
    /// The system's own series.
    pub store: Store,
    pub feed: FeedMeasured,
    pub points: PointsMeasured,
    pub venue: Option<VenueFigures>,
    /// Whether all this rests on what the run left.
    pub seal: Seal,
}

impl Measured {
    /// Measures a run.
    pub fn of(input: &Input, plan: &Plan) -> Self {
        let end_ns = input.end_ns();
        let windows = windows(&input.facts, end_ns as i64);
        let struck = struck(&input.facts);
        // None of these needs another, and with many orders each takes its time.
        let ((service, looked), seal) = both(
            || {
                both(
                    || Service::of(input, plan, &windows, &struck),
                    || look(input, plan),
                )
            },
            || Seal::of(&RunDir::at(&input.root)),
        );
        let Service {
            tally,
            slots,
            limit_ns,
            gaps,
            failovers,
            recovered,
        } = service;
        let projected = failure_rate(plan).and_then(|rate| match project(&failovers, rate) {
            Projection::Known(projected) => Some(projected),
            Projection::AtBest(_) | Projection::NoFailover => None,
        });
        let mut assessment = assess(input, plan, looked, &struck, &recovered);
        let disconnects = disconnects(input, plan, &assessment.reads);
        let agreed = disconnects.as_ref().filter(|found| found.is_whole);
        assessment.data_loss.contract_cancelled = agreed.map(|found| found.cancelled);
        Self {
            seal,
            disconnects,
            exposed: exposed(input, plan, &assessment.reads),
            killed: killed(input, plan, &assessment.reads),
            terms: terms(input, plan),
            history: history(input, plan, &assessment.reads),
            invariants: invariants(input, plan, &assessment.reads),
            drop_copy: drop_copy(input, plan, &assessment.reads),
            feed_book: feed_book(input, plan, &assessment.reads),
            stops: stops(input, plan, &struck, &recovered),
            expiry: expiry(input, plan, &struck, &recovered),
            availability: availability(&tally.phases[&Phase::Run], &slots, &windows, projected),
            engine: by_phase(&input.facts, &windows),
            feed: measure(input, plan, &windows, &assessment.reads),
            assessment,
            canaries: compared(input, plan, &windows),
            store: store(input),
            points: points::measure(input, &windows),
            venue: venue::measure(input, plan, &windows),
            windows,
            end_ns,
            tally,
            limit_ns,
            struck,
            recovered,
            gaps,
            failovers,
        }
    }
}

/// How the orders were served.
struct Service {
    tally: Tally,
    slots: Vec<SlotStats>,
    limit_ns: u64,
    gaps: Vec<Gap>,
    failovers: Vec<Timed>,
    recovered: Vec<Option<u64>>,
}

impl Service {
    fn of(input: &Input, plan: &Plan, windows: &PhaseWindows, struck: &[Struck]) -> Self {
        let end_ns = input.end_ns();
        let tally = Tally::over(&input.orders, windows, end_ns);
        let slots = stats_of(&tally.slots);
        let limit_ns = p99_limit_ns(steady(&slots, windows), steady_limit_ns(plan));
        let gaps = gaps(&input.orders, limit_ns);
        let view = View {
            orders: &input.orders,
            scheduled: input.orders.written,
            slots: &slots,
            limit_ns,
            end_ns,
            clock_error_ns: input.clock_error_ns(),
            struck,
            gaps: &gaps,
            from_ns: windows.steady_from_ns.map(|from| from as u64),
        };
        let (failovers, recovered) = (view.failovers(), view.recoveries());
        Self {
            tally,
            limit_ns,
            failovers,
            recovered,
            slots,
            gaps,
        }
    }
}

fn store(input: &Input) -> Store {
    match (&input.series, input.facts.zero) {
        (Some(record), Some(zero)) => Store::of(record, zero),
        (Some(_), None) | (None, _) => Store::default(),
    }
}

/// The slots of the proven steady state, as the run engine takes them.
fn steady<'a>(slots: &'a [SlotStats], windows: &PhaseWindows) -> &'a [SlotStats] {
    let Some(from_ns) = windows.steady_from_ns else {
        return &[];
    };
    let to_ns = windows
        .impacts
        .first()
        .map_or(windows.end_ns, |impact| impact.from_ns);
    let steady = steady_slots(from_ns.max(0) as u64, to_ns.max(0) as u64);
    let end = steady.end.min(slots.len());
    slots.get(steady.start..end).unwrap_or(&[])
}

/// The scenario's own latency limit in the steady phase, on a quantile that a slot can show (P99 at most): as the run
/// engine takes it.
fn steady_limit_ns(plan: &Plan) -> Option<u64> {
    let limits = plan.rules.iter().filter_map(|rule| match rule.kind {
        RuleKind::Latency {
            quantile,
            at_most_ns,
            phase: Phase::Steady,
        } if quantile <= 0.99 => Some(at_most_ns),
        _ => None,
    });
    limits.max()
}

/// How often the system fails in 30 days, as the first rule that projects states it.
fn failure_rate(plan: &Plan) -> Option<f64> {
    plan.rules.iter().find_map(|rule| match rule.kind {
        RuleKind::Availability {
            projected: true,
            failures_per_30d,
            ..
        } => Some(failures_per_30d),
        _ => None,
    })
}

/// What the generator says of itself, over what stands in the ledger.
pub(crate) fn generator_info(input: &Input, tally: &Tally) -> GeneratorInfo {
    let report = input.facts.generator.as_ref();
    GeneratorInfo {
        scheduled: input
            .facts
            .stopped
            .map_or(input.orders.written, |stopped| stopped.scheduled),
        outcomes: tally.outcomes,
        send_lag_p99_ns: report.and_then(|report| report.send_lag_p99_ns),
        session_wait_p99_ns: report.and_then(|report| report.session_wait_p99_ns),
        saturated: report.is_some_and(|report| report.saturated),
        why: match report {
            Some(report) => report.why.join("; "),
            None => "the generator gave no report".to_string(),
        },
        workers: report.map_or_else(Vec::new, |report| report.workers.clone()),
        io: report.and_then(|report| report.io.clone()),
    }
}
