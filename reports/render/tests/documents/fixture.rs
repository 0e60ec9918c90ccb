//! Runs that tests render: a clean pass, and how each other end differs from it.

mod variants;

pub use variants::*;

use std::collections::BTreeMap;

use shakedown_analysis::{
    Analysis, CurvePoint, Explanation, LatencyInterval, PlatformMoment, Step, Story, TimelineRow,
    Unchecked,
};
use shakedown_record::exit::Verdict;
use shakedown_record::fault::{Effect, EffectFigure, FaultTarget};
use shakedown_record::histogram::{LatencyHistogram, PackedHistogram};
use shakedown_record::readback::ReadKind;
use shakedown_record::run_record::*;
use shakedown_record::split::{EngineShare, FailoverSplit, PlatformShare};
use shakedown_record::{Outcome, OutcomeCounts, Phase};

/// Seconds of load, of which the last fault-free one is `INJECTED_S`.
const END_S: f64 = 42.0;

const INJECTED_S: f64 = 15.2;

fn quantity(value: Option<f64>, unit: &str, text: &str) -> Quantity {
    Quantity {
        value,
        unit: unit.into(),
        text: text.into(),
    }
}

fn check(id: &str, kind: &str, phase: Phase, limit: Quantity, observed: Quantity) -> Check {
    Check {
        id: id.into(),
        phase,
        kind: kind.into(),
        limit,
        observed,
        verdict: Verdict::Pass,
        severity: Severity::Critical,
        why: format!("{id}: how it was compared"),
        source: None,
    }
}

fn checks() -> Vec<Check> {
    let mut available = check(
        "available",
        "availability",
        Phase::Run,
        quantity(Some(0.9999), "fraction", "99.99 %"),
        quantity(Some(0.999_97), "fraction", "99.997 % projected"),
    );
    available.severity = Severity::Warning;
    available.source = Some("MSA 4.2".into());
    vec![
        check(
            "steady-p99",
            "latency",
            Phase::Steady,
            quantity(Some(20.0), "ms", "20 ms"),
            quantity(
                Some(7.4),
                "ms",
                "7.4 ms (7,500 samples, 95 % sure: 7.2 to 7.7)",
            ),
        ),
        check(
            "steady-rate",
            "throughput",
            Phase::Steady,
            quantity(Some(1470.0), "/s", "1,470/s"),
            quantity(Some(1499.8), "/s", "1,499.8/s of 1,500/s offered"),
        ),
        check(
            "failover",
            "failover",
            Phase::Impact,
            quantity(Some(60.0), "s", "60 s"),
            quantity(
                Some(2.11),
                "s",
                "1.84 s, then good for 5 s; worst session 2.11 s; resolution 2 ms",
            ),
        ),
        check(
            "no-loss",
            "lost-orders",
            Phase::Run,
            quantity(Some(0.0), "orders", "0"),
            quantity(Some(0.0), "orders", "0 of 15,741 acknowledged"),
        ),
        available,
    ]
}

fn fault() -> FaultRecord {
    FaultRecord {
        name: "leader-dies".into(),
        kind: "kill".into(),
        targets: vec![FaultTarget {
            name: "engine-1".into(),
            role: Some("leader".into()),
            handle: "pid 4711".into(),
        }],
        injected_at_s: Some(INJECTED_S),
        confirmed_at_s: Some(INJECTED_S + 0.012),
        healed_at_s: Some(INJECTED_S + 5.0),
        clean_at_s: Some(INJECTED_S + 5.9),
        effect: Effect::seen("process gone, connection refused"),
        mechanism: "signal KILL".into(),
    }
}

fn span(from_s: f64, to_s: f64) -> Vec<Span> {
    vec![Span { from_s, to_s }]
}

fn phases() -> BTreeMap<Phase, Vec<Span>> {
    BTreeMap::from([
        (Phase::WarmUp, span(0.0, 5.2)),
        (Phase::Steady, span(5.2, INJECTED_S)),
        (Phase::Impact, span(INJECTED_S, INJECTED_S + 5.9)),
        (Phase::Recovery, span(INJECTED_S + 5.9, END_S)),
        (Phase::Run, span(5.2, END_S)),
    ])
}

fn run() -> RunInfo {
    RunInfo {
        id: "20261120-231500-quickstart".into(),
        scenario: "quickstart".into(),
        system: "acme".into(),
        environment: "local".into(),
        seed: 42,
        started_at: "2026-11-20T23:15:00Z".into(),
        finished_at: Some("2026-11-20T23:16:12.5Z".into()),
        operator: Some("ada".into()),
        previous_run: None,
        defect: None,
        overrides: Vec::new(),
        blunted: Vec::new(),
        phases: phases(),
        shakedown_version: "0.1.0".into(),
    }
}

fn outcomes() -> OutcomeCounts {
    OutcomeCounts {
        acked: 15_741,
        rejected: 120,
        timeout: 41,
        reset_after_send: 22,
        refused: 64,
        not_sent: 2_012,
        ..OutcomeCounts::default()
    }
}

fn data_loss() -> DataLoss {
    DataLoss {
        acknowledged: 15_741,
        rejected: 120,
        indeterminate: 63,
        lost: Some(0),
        divergent: Some(0),
        phantom: Some(0),
        duplicate: Some(0),
        corrupt: Some(0),
        unresolved: Some(0),
        rpo_orders: Some(0),
        rpo_s: Some(0.0),
        coverage: Coverage {
            orders: 15_741,
            replicas_expected: 3,
            replicas_read: 3,
            reads: vec![ReadKind::Converged],
            reads_asked: vec![ReadKind::Converged],
            not_checkable: ["resurrected", "reordered", "stale", "contract-cancelled"]
                .map(String::from)
                .into(),
            unread: Vec::new(),
        },
        ..DataLoss::default()
    }
}

/// P99 in nanoseconds at a run time: calm, then an outage that decays.
fn p99_ns(at_s: f64) -> u64 {
    let since = at_s - INJECTED_S;
    match since {
        s if s < 0.0 => 7_000_000 + ((at_s * 7.3).sin() * 900_000.0) as u64,
        s if s < 1.9 => ((2.1 - s) * 1e9) as u64,
        _ => 7_500_000 + ((at_s * 5.1).cos() * 800_000.0) as u64,
    }
}

fn row(index: usize, length_s: f64, end_s: f64) -> TimelineRow {
    let from_s = index as f64 * length_s;
    let since = from_s - INJECTED_S;
    let out = (0.0..1.8).contains(&since);
    let due = (500.0 * length_s) as u64;
    let mut counts = OutcomeCounts::default();
    counts.add(
        if out {
            Outcome::NotSent
        } else {
            Outcome::Acked
        },
        due,
    );
    if !out {
        counts.add(Outcome::Rejected, due / 100);
    }
    TimelineRow {
        from_s,
        to_s: (from_s + length_s).min(end_s),
        phase: match since {
            _ if from_s < 5.2 => Phase::WarmUp,
            s if s < 0.0 => Phase::Steady,
            s if s < 5.9 => Phase::Impact,
            _ => Phase::Recovery,
        },
        offered_per_s: 500.0,
        achieved_per_s: if out {
            0.0
        } else {
            497.0 + (from_s * 3.7).sin() * 6.0
        },
        outcomes: counts,
        p50_ns: Some(p99_ns(from_s) / 4),
        p99_ns: Some(p99_ns(from_s)),
        p999_ns: Some(p99_ns(from_s) * 2),
        worst_session_gap_s: if out { since + 0.2 } else { 0.0 },
    }
}

/// Intervals of `length_s` seconds up to `end_s`.
pub fn timeline(length_s: f64, end_s: f64) -> Vec<TimelineRow> {
    let count = (end_s / length_s).round() as usize;
    (0..count)
        .map(|index| row(index, length_s, end_s))
        .collect()
}

fn histogram(phase: Phase) -> LatencyHistogram {
    let mut histogram = LatencyHistogram::default();
    for i in 0..7_500_u64 {
        let calm_ns = 1_400_000 + i * i / 9;
        histogram.record(match phase {
            Phase::Impact if i % 4 == 0 => 900_000_000 + i * 100_000,
            _ => calm_ns,
        });
    }
    histogram
}

fn curve(histogram: &LatencyHistogram) -> Vec<CurvePoint> {
    histogram
        .hdr()
        .iter_quantiles(2)
        .map(|value| CurvePoint {
            quantile: value.quantile_iterated_to(),
            latency_ns: value.value_iterated_to(),
            count: (value.quantile() * histogram.count() as f64) as u64,
        })
        .collect()
}

/// A run that passed.
pub fn pass() -> Analysis {
    let summaries = |phases: &[Phase]| -> BTreeMap<Phase, _> {
        phases
            .iter()
            .map(|phase| (*phase, histogram(*phase).summary()))
            .collect()
    };
    let throughput = Phase::ALL.into_iter().map(|phase| {
        let achieved = if phase == Phase::Impact { 340.2 } else { 499.8 };
        let throughput = Throughput {
            offered_per_s: Some(500.0),
            achieved_per_s: Some(achieved),
        };
        (phase, throughput)
    });
    let record = RunRecord {
        schema_version: SCHEMA_VERSION,
        verdict: Verdict::Pass,
        exit_code: 0,
        dirty: false,
        aborted: false,
        reasons: vec!["all 4 checks passed".into()],
        run: run(),
        target: TargetInfo {
            version: Some("4.12.0".into()),
            image_digests: vec!["sha256:9f3c2a7714c0ffee".into()],
            replicas: ["engine-1", "engine-2", "engine-3"]
                .map(String::from)
                .into(),
            changed: Some(false),
        },
        checks: checks(),
        latency: summaries(&Phase::ALL),
        latency_acked: summaries(&Phase::ALL),
        latency_service: summaries(&Phase::ALL),
        latency_engine: summaries(&[Phase::Steady]),
        throughput: throughput.collect(),
        availability: Availability {
            requests: Some(0.881_2),
            time: Some(0.952),
            projected: Some(0.999_97),
        },
        faults: vec![fault()],
        failover: vec![Failover {
            fault: Some("leader-dies".into()),
            started_at_s: INJECTED_S,
            first_ack_s: Some(1.62),
            recovered_s: Some(1.84),
            worst_session_gap_s: Some(2.11),
            redundancy_s: Some(6.4),
            heal_outage_s: Some(0.0),
            censored_at_s: None,
            resolution_s: Some(0.002),
            split: None,
        }],
        data_loss: data_loss(),
        generator: GeneratorInfo {
            scheduled: 18_000,
            outcomes: outcomes(),
            send_lag_p99_ns: Some(41_000),
            session_wait_p99_ns: Some(1_900_000_000),
            saturated: false,
            why: String::new(),
            workers: Vec::new(),
            io: None,
        },
        links: None,
        venue: None,
        points: None,
        feed: None,
        cancel_on_disconnect: None,
        exposure: None,
        kill_switch: None,
        terms: None,
        stops: None,
        expiry: None,
        history: None,
        invariants: None,
        drop_copy: None,
        feed_book: None,
        leftovers: Leftovers {
            orders_open: Some(0),
            ..Leftovers::default()
        },
        evidence: Some(EventChain {
            events: 41,
            head: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        }),
        trials: Vec::new(),
    };
    Analysis {
        record,
        about: "The leader of a three-node engine is killed under load.".into(),
        notes: Vec::new(),
        plan_digest: "5d41402abc4b2a76b9719d911017c592".into(),
        timeline: timeline(1.0, END_S),
        platform: Vec::new(),
        curves: Phase::ALL
            .into_iter()
            .map(|phase| (phase, curve(&histogram(phase))))
            .collect(),
        beside: Vec::new(),
        latency_intervals: (0..3_u32)
            .map(|second| LatencyInterval {
                from_s: f64::from(second) * 10.0,
                to_s: f64::from(second) * 10.0 + 10.0,
                histogram: PackedHistogram::of(&histogram(Phase::Steady)),
            })
            .collect(),
        unchecked: vec![
            unchecked(
                "stale orders",
                "this version of Shakedown does not look for them",
                false,
            ),
            unchecked(
                "the copies after a cold restart",
                "the scenario does not ask for this read",
                false,
            ),
        ],
        stories: Vec::new(),
        health_limit_ns: 20_000_000,
    }
}

fn unchecked(what: &str, why: &str, was_asked: bool) -> Unchecked {
    Unchecked {
        what: what.into(),
        why: why.into(),
        was_asked,
    }
}

fn figure(
    name: &str,
    asked: Option<f64>,
    measured: Option<f64>,
    unit: &str,
    error: Option<f64>,
) -> EffectFigure {
    EffectFigure {
        name: name.into(),
        asked,
        measured,
        unit: unit.into(),
        error,
    }
}

/// Every end that a run can have in these tests, by the name of its golden files.
pub fn all() -> Vec<(&'static str, Analysis)> {
    vec![
        ("pass", pass()),
        ("fail", fail()),
        ("inconclusive", inconclusive()),
        ("refused", refused()),
        ("unavailable", unavailable()),
        ("dirty", dirty()),
    ]
}

/// What an attacker would have an engine say.
pub const EVIL: &str = "<script>alert('1')</script> \"><img src=x onerror=alert(2)> |a|b| \u{1b}[2J\u{202e} [x](http://evil.example) ${{ secrets }} --> ]]>";
