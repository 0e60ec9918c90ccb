//! Runs that tests render: a clean pass, and how each other end differs from it.

use std::collections::BTreeMap;

use shakedown_analysis::{
    Analysis, CurvePoint, Explanation, LatencyInterval, PlatformMoment, Step, Story, TimelineRow,
    Unchecked,
};
use shakedown_record::exit::Verdict;
use shakedown_record::fault::{Effect, EffectFigure, FaultTarget};
use shakedown_record::histogram::LatencyHistogram;
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
        },
        links: None,
        venue: None,
        points: None,
        feed: None,
        leftovers: Leftovers {
            orders_open: Some(0),
            ..Leftovers::default()
        },
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
        latency_intervals: (0..3_u32)
            .map(|second| LatencyInterval {
                from_s: f64::from(second) * 10.0,
                to_s: f64::from(second) * 10.0 + 10.0,
                histogram: histogram(Phase::Steady),
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

/// A slow and lossy link: its delay is as asked, its loss is not, and one figure could not be measured.
pub fn slow_link() -> Analysis {
    let mut analysis = pass();
    let fault = &mut analysis.record.faults[0];
    fault.name = "slow-link".into();
    fault.kind = "delay 50 ms, loss 5 %".into();
    fault.mechanism = "netem in the namespace of engine-1".into();
    fault.effect = Effect {
        confirmed: true,
        text: "round trip changed from 0.2 ms to 50.3 ms".into(),
        figures: vec![
            figure("delay, median", Some(5e7), Some(5.03e7), "ns", Some(1e6)),
            figure("loss", Some(0.05), Some(0.081), "fraction", Some(0.01)),
            figure("packets seen", None, Some(12_345.0), "packets", None),
            figure("jitter", Some(1e6), None, "ns", Some(5e5)),
        ],
    };
    analysis.record.failover[0].fault = Some("slow-link".into());
    analysis
}

/// The leader's pod was deleted on a cluster that tells of its pods.
pub fn on_a_platform() -> Analysis {
    let mut analysis = pass();
    analysis.record.run.environment = "kubernetes".into();
    analysis.record.failover[0].split = Some(FailoverSplit {
        platform: PlatformShare {
            detected_s: Some(0.031),
            not_ready_s: Some(1.2),
            rescheduled_s: Some(2.04),
            rescheduled_how: Some("scheduled on node-2".into()),
            ready_s: Some(5.5),
            blind: false,
        },
        engine: EngineShare {
            elected_s: Some(0.9),
            first_ack_s: Some(1.62),
        },
    });
    let moment = |after_s: f64, text: &str, own_time: Option<&str>| PlatformMoment {
        at_s: INJECTED_S + after_s,
        subject: "pod engine-1".into(),
        text: text.into(),
        own_time: own_time.map(String::from),
    };
    analysis.platform = vec![
        moment(0.031, "terminating, 0 s of grace", None),
        moment(1.2, "not ready", Some("2026-11-20T23:15:16Z")),
        moment(2.04, "scheduled, on node-2", Some("2026-11-20T23:15:17Z")),
        moment(5.5, "ready", Some("2026-11-20T23:15:20Z")),
    ];
    analysis
}

/// The service did not come back, and an outage came that no fault explains.
pub fn never_back() -> Analysis {
    let mut analysis = fail();
    let record = &mut analysis.record;
    let entry = &mut record.failover[0];
    entry.recovered_s = None;
    entry.redundancy_s = None;
    entry.heal_outage_s = None;
    entry.censored_at_s = Some(END_S - INJECTED_S);
    record.failover.push(Failover {
        started_at_s: 30.0,
        first_ack_s: Some(0.4),
        recovered_s: Some(0.6),
        worst_session_gap_s: Some(0.7),
        ..Failover::default()
    });
    record.faults[0].effect = Effect::not_seen("its port still answers");
    record.faults[0].confirmed_at_s = None;
    record.faults[0].healed_at_s = None;
    record.faults[0].clean_at_s = None;
    analysis
}

/// The leader is killed again and again.
pub fn many_faults(times: usize) -> Analysis {
    let mut analysis = pass();
    let record = &mut analysis.record;
    let (first, entry) = (record.faults[0].clone(), record.failover[0].clone());
    let apart = (END_S - INJECTED_S - 1.0) / times as f64;
    let later = |at: Option<f64>, by: f64| at.map(|at| at + by);
    record.faults = (0..times)
        .map(|n| FaultRecord {
            name: format!("leader-dies#{}", n + 1),
            injected_at_s: later(first.injected_at_s, n as f64 * apart),
            confirmed_at_s: later(first.confirmed_at_s, n as f64 * apart),
            healed_at_s: later(first.injected_at_s, (n as f64 + 0.4) * apart),
            clean_at_s: later(first.injected_at_s, (n as f64 + 0.5) * apart),
            ..first.clone()
        })
        .collect();
    record.failover = (0..times)
        .map(|n| Failover {
            fault: Some(format!("leader-dies#{}", n + 1)),
            started_at_s: INJECTED_S + n as f64 * apart,
            ..entry.clone()
        })
        .collect();
    analysis
}

fn find<'a>(analysis: &'a mut Analysis, id: &str) -> &'a mut Check {
    let check = analysis
        .record
        .checks
        .iter_mut()
        .find(|check| check.id == id);
    check.expect("the fixture has this check")
}

/// Three acknowledged orders were lost, one diverges, and the availability warning is not met.
pub fn fail() -> Analysis {
    let mut analysis = pass();
    let loss = find(&mut analysis, "no-loss");
    loss.verdict = Verdict::Fail;
    loss.why = "orders that are acknowledged and on no copy".into();
    loss.observed = quantity(
        Some(3.0),
        "orders",
        "3 of 15,741 acknowledged; RPO 41 ms; first k3x9qa-7731",
    );
    let available = find(&mut analysis, "available");
    available.verdict = Verdict::Fail;
    available.why = "the worse of requests and time".into();
    available.observed = quantity(Some(0.9991), "fraction", "99.91 % projected");
    let record = &mut analysis.record;
    record.verdict = Verdict::Fail;
    record.exit_code = 1;
    record.reasons = vec![
        "acknowledged orders were lost".into(),
        "copies do not hold the same orders".into(),
        "warning available: 99.91 % projected, limit 99.99 %".into(),
    ];
    record.run.defect = Some("ack-before-quorum".into());
    let data = &mut record.data_loss;
    data.lost = Some(3);
    data.divergent = Some(1);
    data.rpo_orders = Some(3);
    data.rpo_s = Some(0.041);
    data.examples = vec![
        OrderExample {
            class: "lost".into(),
            order: "k3x9qa-7731".into(),
            slot: Some(7_731),
            story: "sent at 15.159 s, acknowledged by engine-1 at 15.162 s, 38 ms before it was killed; on none of 3 copies".into(),
        },
        OrderExample {
            class: "divergent".into(),
            order: "k3x9qa-7702".into(),
            slot: Some(7_702),
            story: "acknowledged at 15.101 s; on engine-2 and engine-3, missing on engine-1".into(),
        },
    ];
    let step = |at_s, text: &str| Step {
        at_s,
        text: text.into(),
    };
    analysis.stories = vec![Story {
        class: "lost".into(),
        order: "k3x9qa-7731".into(),
        explanation: Explanation {
            subject: "order k3x9qa-7731, slot 7,731".into(),
            headline: "acknowledged, and on no copy".into(),
            steps: vec![
                step(
                    Some(15.158),
                    "buy 0.5 BTCUSD at 50000 due at 15.158 s in session 3; phase steady",
                ),
                step(Some(15.159), "written to the socket"),
                step(
                    Some(15.162),
                    "acknowledged at 15.162 s by engine-1, sequence 7731",
                ),
                step(Some(15.2), "leader-dies struck"),
                step(None, "missing on engine-1, engine-2, engine-3"),
            ],
        },
    }];
    analysis
}

/// The generator was starved and a replica could not be read.
pub fn inconclusive() -> Analysis {
    let mut analysis = pass();
    let latency = find(&mut analysis, "steady-p99");
    latency.verdict = Verdict::Inconclusive;
    latency.why =
        "the generator was starved: late by 12 ms (P99, limit 1 ms); throttled for 3.1 s of 36.8 s"
            .into();
    let loss = find(&mut analysis, "no-loss");
    loss.verdict = Verdict::Inconclusive;
    loss.why = "engine-3 could not be read: connection refused".into();
    loss.observed = quantity(None, "orders", "not measured");
    let record = &mut analysis.record;
    record.verdict = Verdict::Inconclusive;
    record.exit_code = 2;
    record.reasons = vec![
        "the generator was starved: late by 12 ms (P99, limit 1 ms); throttled for 3.1 s of 36.8 s"
            .into(),
        "engine-3 could not be read: connection refused".into(),
        "the build under test changed its version text while the run went on".into(),
    ];
    record.target.changed = Some(true);
    record.generator.saturated = true;
    record.generator.why = "late by 12 ms (P99, limit 1 ms); throttled for 3.1 s of 36.8 s".into();
    let data = &mut record.data_loss;
    data.lost = None;
    data.divergent = None;
    data.rpo_orders = None;
    data.rpo_s = None;
    data.coverage.replicas_read = 2;
    data.coverage.unread = vec!["engine-3: connection refused".into()];
    let why = "engine-3 could not be read: connection refused";
    analysis
        .unchecked
        .insert(0, unchecked("divergent orders", why, true));
    analysis
        .unchecked
        .insert(0, unchecked("lost orders", why, true));
    analysis
}

/// A guard refused before anything was touched.
pub fn refused() -> Analysis {
    let mut analysis = pass();
    let record = &mut analysis.record;
    record.verdict = Verdict::Inconclusive;
    record.exit_code = 77;
    record.reasons =
        vec!["a guard refused: another run (pid 811) holds the lock of acme on local since 23:02 UTC; nothing was touched".into()];
    record.target = TargetInfo::default();
    record.checks.clear();
    record.latency.clear();
    record.latency_acked.clear();
    record.latency_service.clear();
    record.latency_engine.clear();
    record.throughput.clear();
    record.availability = Availability::default();
    record.faults.clear();
    record.failover.clear();
    record.data_loss = DataLoss::default();
    record.generator = GeneratorInfo::default();
    record.leftovers = Leftovers::default();
    record.run.phases.clear();
    analysis.timeline.clear();
    analysis.curves.clear();
    analysis.latency_intervals.clear();
    analysis.unchecked.clear();
    analysis
}

/// The environment never started: every check misses the same evidence.
pub fn unavailable() -> Analysis {
    let mut analysis = refused();
    let why = "the environment could not be reached or started: engine-2 did not listen on port 40123 within 10 s; the load was never started";
    let record = &mut analysis.record;
    record.exit_code = 69;
    record.reasons = why.split("; ").map(String::from).collect();
    record.checks = checks();
    for check in &mut record.checks {
        check.verdict = Verdict::Inconclusive;
        check.why = why.into();
        check.observed = quantity(None, &check.observed.unit, "not measured");
    }
    analysis
}

/// All checks passed, and a process and an order were left behind.
pub fn dirty() -> Analysis {
    let mut analysis = pass();
    let record = &mut analysis.record;
    record.exit_code = 3;
    record.dirty = true;
    record.reasons = vec!["left behind: engine-1 (pid 4711) is stopped (remove with: shakedown recover); 2 open orders with ids that begin with k3x9qa-".into()];
    record.faults[0].clean_at_s = None;
    record.leftovers = Leftovers {
        faults: 1,
        orders_open: Some(2),
        objects: 0,
        details: vec![
            "engine-1 (pid 4711) is stopped (remove with: shakedown recover)".into(),
            "2 open orders with ids that begin with k3x9qa-".into(),
        ],
    };
    analysis
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

/// A failed run in which every text that comes from outside is [`EVIL`].
pub fn evil() -> Analysis {
    let mut analysis = fail();
    let evil = || EVIL.to_owned();
    let record = &mut analysis.record;
    record.reasons = vec![evil(), evil()];
    record.run.id = evil();
    record.run.scenario = evil();
    record.run.system = evil();
    record.run.environment = evil();
    record.run.operator = Some(evil());
    record.run.defect = Some(evil());
    record.run.overrides = vec![GuardOverride {
        guard: evil(),
        reason: evil(),
        operator: evil(),
        saw: Some(evil()),
    }];
    record.run.shakedown_version = evil();
    record.target.version = Some(evil());
    record.target.replicas = vec![evil()];
    record.target.image_digests = vec![evil()];
    for check in &mut record.checks {
        check.id = evil();
        check.why = evil();
        check.limit.text = evil();
        check.observed.text = evil();
        check.source = Some(evil());
    }
    for fault in &mut record.faults {
        fault.name = evil();
        fault.kind = evil();
        fault.mechanism = evil();
        fault.effect.text = evil();
        fault.effect.figures = vec![EffectFigure {
            unit: evil(),
            ..figure(EVIL, Some(1.5), Some(2.5), "", Some(0.1))
        }];
        fault.targets[0].name = evil();
        fault.targets[0].role = Some(evil());
        fault.targets[0].handle = evil();
    }
    record.failover[0].fault = Some(evil());
    record.failover[0].split = Some(FailoverSplit {
        platform: PlatformShare {
            rescheduled_s: Some(1.0),
            rescheduled_how: Some(evil()),
            ..PlatformShare::default()
        },
        engine: EngineShare::default(),
    });
    analysis.platform = vec![PlatformMoment {
        at_s: 1.0,
        subject: evil(),
        text: evil(),
        own_time: Some(evil()),
    }];
    for example in &mut record.data_loss.examples {
        example.order = evil();
        example.story = evil();
    }
    record.data_loss.coverage.unread = vec![evil()];
    record.data_loss.coverage.not_checkable = vec![evil()];
    record.generator.saturated = true;
    record.generator.why = evil();
    record.leftovers.details = vec![evil()];
    for open in &mut analysis.unchecked {
        open.what = evil();
        open.why = evil();
    }
    for story in &mut analysis.stories {
        story.class = evil();
        story.order = evil();
        story
            .explanation
            .steps
            .iter_mut()
            .for_each(|step| step.text = evil());
    }
    for example in &mut analysis.record.data_loss.examples {
        example.class = evil();
    }
    analysis.about = evil();
    analysis.notes = vec![evil()];
    analysis
}
