//! Rules on the system's own series: what was seen decides, and every way of not having seen leaves them open.

use std::collections::BTreeMap;

use shakedown_analysis::analyse;
use shakedown_record::run_record::Check;
use shakedown_record::series::{
    CPU_LIMIT, CPU_USED, Gap, MEMORY_LIMIT, MEMORY_USED, Origin, Sample, SeriesKind, SeriesWriter,
};
use shakedown_record::{Phase, Verdict};
use shakedown_scenarios::plan::{
    LimitEnd, MetricLimit, MetricRule, Resource, ResourceRule, RuleKind, SeriesPattern,
};

use crate::build::*;
use crate::plan::rule;

/// Steady state begins at 6 s and ends when the fault strikes.
const REPLICAS: [&str; 3] = ["engine-1", "engine-2", "engine-3"];

/// A sound run with few orders: what is judged here does not look at them.
pub fn small() -> Run {
    const FEW: u64 = 50;
    let back = STRUCK + S / 2;
    let entries = (0..END * FEW / S).map(|slot| entry(slot, FEW, STRUCK, back, Away::Dead));
    Run::of(entries.collect())
}

/// A look at one replica, before it is written; times in nanoseconds since zero.
#[derive(Clone)]
pub struct Look {
    pub target: &'static str,
    pub at_ns: u64,
    pub started_s: Option<f64>,
    pub samples: Vec<Sample>,
}

pub fn sample(name: &str, labels: &[(&str, &str)], value: f64) -> Sample {
    let labels = labels.iter();
    Sample {
        name: name.into(),
        labels: labels
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        kind: SeriesKind::Untyped,
        value,
    }
}

/// Looks at all replicas once a second and at both ends of the steady phase, with what `values` says of each.
pub fn looks(values: impl Fn(&str, u64) -> Vec<Sample>) -> Vec<Look> {
    let mut times: Vec<u64> = (0..=END / S + 1)
        .map(|second| second * S + 300 * MS)
        .collect();
    times.extend([6 * S + 5 * MS, STRUCK - 20 * MS]);
    times.sort_unstable();
    let mut looks = Vec::new();
    for at_ns in times {
        for target in REPLICAS {
            looks.push(Look {
                target,
                at_ns,
                started_s: Some(1_000.0),
                samples: values(target, at_ns),
            });
        }
    }
    looks
}

/// A counter that every replica had at 100 before the run and that grows by one each at 8, 9 and 10 s.
fn three_failures(_target: &str, at_ns: u64) -> Vec<Sample> {
    let grown = [8, 9, 10]
        .iter()
        .filter(|second| at_ns >= *second * S)
        .count();
    vec![sample(
        "failures_total",
        &[("kind", "vote")],
        100.0 + grown as f64,
    )]
}

/// A histogram of 1,000 observations a second, `slow` of them between 10 and 100 ms and the rest below 1 ms.
fn histogram(at_ns: u64, slow: u64) -> Vec<Sample> {
    let seconds = at_ns / (S / 10);
    let (all, slow) = (seconds * 100, seconds * slow / 10);
    let bucket = |le: &str, count: u64| sample("h_seconds_bucket", &[("le", le)], count as f64);
    vec![
        bucket("0.001", all - slow),
        bucket("0.01", all - slow),
        bucket("0.1", all),
        bucket("+Inf", all),
        sample("h_seconds_count", &[], all as f64),
    ]
}

pub fn of(name: &str, labels: &[(&str, &str)]) -> SeriesPattern {
    let labels = labels.iter();
    SeriesPattern {
        name: name.into(),
        labels: labels
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect::<BTreeMap<_, _>>(),
    }
}

fn increase(at_most: f64, over_ns: u64) -> MetricRule {
    MetricRule {
        of: of("failures_total", &[("kind", "vote")]),
        limit: MetricLimit::Increase { at_most, over_ns },
        phase: Phase::Steady,
    }
}

fn value(at_most: f64, for_ns: u64) -> MetricRule {
    MetricRule {
        of: of("depth", &[]),
        limit: MetricLimit::Value {
            end: LimitEnd::AtMost,
            limit: at_most,
            for_ns,
        },
        phase: Phase::Steady,
    }
}

fn quantile(quantile: f64, at_most: f64) -> MetricRule {
    MetricRule {
        of: of("h_seconds", &[]),
        limit: MetricLimit::Quantile { quantile, at_most },
        phase: Phase::Steady,
    }
}

/// What a rule comes to with these looks and gaps.
pub fn judged(own: MetricRule, looks: &[Look], gaps: &[(&str, u64, bool)]) -> Check {
    told(RuleKind::Metric(own), Origin::Scrape, looks, gaps)
}

fn told(own: RuleKind, origin: Origin, looks: &[Look], gaps: &[(&str, u64, bool)]) -> Check {
    let mut run = small();
    run.plan.rules.push(rule("own", own));
    let (_folder, dir) = run.write();
    let mut writer = SeriesWriter::create(&dir.series(), 1 << 30).unwrap();
    for look in looks {
        let at = ZERO + look.at_ns;
        writer
            .look(
                (look.target, origin),
                (at, at + 2 * MS),
                look.started_s,
                look.samples.clone(),
            )
            .unwrap();
    }
    for (target, at_ns, absent) in gaps {
        writer
            .gap(Gap {
                target: (*target).into(),
                origin,
                asked_ns: ZERO + at_ns,
                answered_ns: ZERO + at_ns + MS,
                reason: "connection refused".into(),
                absent: *absent,
            })
            .unwrap();
    }
    let analysis = analyse(&dir, &run.plan).unwrap();
    let check = the(&analysis, "own").clone();
    if check.verdict == Verdict::Fail {
        assert!(
            analysis
                .record
                .reasons
                .iter()
                .any(|reason| reason.contains("own")),
            "{:?}",
            analysis.record.reasons
        );
    }
    check
}

pub fn open(check: &Check, said: &str) {
    assert_eq!(check.verdict, Verdict::Inconclusive, "{check:?}");
    assert!(
        check.why.contains(said),
        "{:?} does not say {said:?}",
        check.why
    );
}

#[test]
fn growth_is_summed_over_replicas_in_any_stretch() {
    let looks = looks(three_failures);
    let kept = judged(increase(9.0, 300 * S), &looks, &[]);
    assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
    assert_eq!(
        (kept.observed.value, kept.observed.text.as_str()),
        (
            Some(9.0),
            "9 in 6.04 s: the phase is shorter than 300 s, in which it may be more"
        )
    );
    let broken = judged(increase(8.0, 300 * S), &looks, &[]);
    assert_eq!(broken.verdict, Verdict::Fail, "{broken:?}");
    // In two seconds and a little: from the look before a growth to the one after the next.
    let short = judged(increase(5.0, 2 * S + 100 * MS), &looks, &[]);
    assert_eq!(short.verdict, Verdict::Fail, "{short:?}");
    open(&judged(increase(3.0, S + 100 * MS), &looks, &[]), "3 to 9");
    let long = judged(increase(9.0, S), &looks, &[]);
    assert_eq!(long.verdict, Verdict::Pass, "{long:?}");
    assert!(!long.observed.text.contains("shorter"), "{long:?}");
}

#[test]
fn a_replica_that_was_replaced_leaves_growth_open_unless_it_is_too_much_already() {
    let mut replaced = looks(three_failures);
    for look in &mut replaced {
        if look.target == "engine-2" && look.at_ns > 9 * S + 500 * MS {
            look.started_s = Some(2_000.0);
            look.samples = vec![sample("failures_total", &[("kind", "vote")], 1.0)];
        }
    }
    open(
        &judged(increase(9.0, 300 * S), &replaced, &[]),
        "engine-2 was replaced",
    );
    let broken = judged(increase(2.0, 300 * S), &replaced, &[]);
    assert_eq!(broken.verdict, Verdict::Fail);
    // Without a word on when the process began, a fall tells it.
    for look in &mut replaced {
        look.started_s = None;
    }
    open(
        &judged(increase(9.0, 300 * S), &replaced, &[]),
        "began anew",
    );
}

#[test]
fn a_replica_that_is_killed_when_the_phase_ends_does_not_leave_the_phase_open() {
    let mut killed = looks(three_failures);
    killed.retain(|look| {
        look.target != "engine-1" || !(STRUCK..STRUCK + 3 * S).contains(&look.at_ns)
    });
    for look in &mut killed {
        if look.target == "engine-1" && look.at_ns > STRUCK {
            look.started_s = Some(2_000.0);
            look.samples = vec![sample("failures_total", &[("kind", "vote")], 77.0)];
        }
    }
    let kept = judged(increase(9.0, 300 * S), &killed, &[]);
    assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
}

#[test]
fn what_nobody_looked_at_leaves_every_rule_open() {
    let all = looks(|target, at_ns| {
        let mut samples = three_failures(target, at_ns);
        samples.push(sample("depth", &[], 1.0));
        samples.extend(histogram(at_ns, 0));
        samples
    });
    let rules = [increase(99.0, 300 * S), value(99.0, 0), quantile(0.99, 0.1)];
    for own in rules {
        let kept = judged(own.clone(), &all, &[]);
        assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
        open(
            &judged(own.clone(), &[], &[]),
            "engine-1 was never looked at",
        );
        let without = |gone: &dyn Fn(&Look) -> bool| -> Vec<Look> {
            all.iter().filter(|look| !gone(look)).cloned().collect()
        };
        let second = |look: &Look| look.target == "engine-2";
        let thin = without(&|look| second(look) && look.at_ns > 6 * S && look.at_ns < STRUCK - S);
        let thin = judged(own.clone(), &thin, &[("engine-2", 8 * S, false)]);
        open(&thin, "and 3 are needed: connection refused");
        let early = without(&|look| second(look) && look.at_ns > 11 * S);
        open(
            &judged(own.clone(), &early, &[]),
            "engine-2 was not looked at after the phase",
        );
        let late = without(&|look| second(look) && look.at_ns < 7 * S);
        open(
            &judged(own.clone(), &late, &[]),
            "engine-2 was not looked at before the phase",
        );
        let mut nameless = all.clone();
        for look in nameless.iter_mut().filter(|look| second(look)) {
            look.samples.clear();
        }
        open(&judged(own, &nameless, &[]), "engine-2 never showed");
    }
}

#[test]
fn a_label_that_nobody_ever_showed_is_not_zero() {
    let mut own = increase(5.0, 300 * S);
    own.of = of("failures_total", &[("kind", "vtoe")]);
    open(
        &judged(own, &looks(three_failures), &[]),
        "no replica ever showed failures_total{kind=\"vtoe\"}",
    );
}

#[test]
fn a_counter_that_is_none_says_nothing() {
    let negative = looks(|_, _| vec![sample("failures_total", &[("kind", "vote")], -1.0)]);
    open(
        &judged(increase(5.0, 300 * S), &negative, &[]),
        "no counter can be",
    );
}

#[test]
fn failed_looks_may_hide_a_replacement_of_a_process_that_does_not_say_when_it_began() {
    let mut silent = looks(three_failures);
    for look in &mut silent {
        look.started_s = None;
    }
    let gap = [("engine-3", 7 * S, false)];
    open(
        &judged(increase(9.0, 300 * S), &silent, &gap),
        "engine-3 could not be looked at",
    );
    let kept = judged(increase(9.0, 300 * S), &looks(three_failures), &gap);
    assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
}

/// Above 50 at engine-3 from 8 to 10 s.
fn deep(target: &str, at_ns: u64) -> Vec<Sample> {
    let deep = target == "engine-3" && (8 * S..10 * S).contains(&at_ns);
    vec![sample("depth", &[], if deep { 60.0 } else { 10.0 })]
}

#[test]
fn a_value_is_held_at_every_replica_for_as_long_as_the_rule_says() {
    let looks = looks(deep);
    let broken = judged(value(50.0, 0), &looks, &[]);
    assert_eq!(broken.verdict, Verdict::Fail, "{broken:?}");
    assert!(
        broken.observed.text.starts_with("60 at engine-3, 8.300 s"),
        "{broken:?}"
    );
    assert_eq!(judged(value(60.0, 0), &looks, &[]).verdict, Verdict::Pass);
    // It was seen for 1 s, and may have been so for 3 s.
    assert_eq!(
        judged(value(50.0, 900 * MS), &looks, &[]).verdict,
        Verdict::Fail
    );
    open(
        &judged(value(50.0, 2 * S), &looks, &[]),
        "engine-3 was beyond the limit for 998 ms to 3 s",
    );
    assert_eq!(
        judged(value(50.0, 4 * S), &looks, &[]).verdict,
        Verdict::Pass
    );
}

#[test]
fn a_stretch_without_a_value_leaves_a_rule_open_unless_there_was_no_process() {
    let mut holed = looks(deep);
    holed.retain(|look| look.target != "engine-1" || !(7 * S..10 * S).contains(&look.at_ns));
    let gaps = |absent| [("engine-1", 7 * S, absent), ("engine-1", 8 * S, absent)];
    open(
        &judged(value(60.0, 0), &holed, &gaps(false)),
        "no value of depth at engine-1 between 6.302 s and 10.300 s: connection refused",
    );
    open(&judged(value(60.0, 0), &holed, &[]), "no value of depth");
    let absent = judged(value(60.0, 0), &holed, &gaps(true));
    assert_eq!(absent.verdict, Verdict::Pass, "{absent:?}");
    let broken = judged(value(50.0, 0), &holed, &gaps(false));
    assert_eq!(broken.verdict, Verdict::Fail, "what was seen is enough");
}

#[test]
fn a_quantile_is_only_known_to_its_bucket() {
    let looks = looks(|_, at_ns| histogram(at_ns, 20));
    // Two in a hundred lie between 10 and 100 ms.
    let kept = judged(quantile(0.99, 0.1), &looks, &[]);
    assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
    assert!(
        kept.observed.text.contains("between 0.01 and 0.1"),
        "{kept:?}"
    );
    let broken = judged(quantile(0.99, 0.01), &looks, &[]);
    assert_eq!(broken.verdict, Verdict::Fail, "{broken:?}");
    open(
        &judged(quantile(0.99, 0.05), &looks, &[]),
        "within a bucket",
    );
    assert_eq!(
        judged(quantile(0.97, 0.001), &looks, &[]).verdict,
        Verdict::Pass
    );
    open(
        &judged(quantile(0.99999, 0.1), &looks, &[]),
        "too few for P99.999",
    );
}

#[test]
fn a_replica_that_was_replaced_leaves_a_quantile_open() {
    let mut replaced = looks(|_, at_ns| histogram(at_ns, 0));
    for look in &mut replaced {
        if look.target == "engine-2" && look.at_ns > 9 * S {
            look.started_s = Some(2_000.0);
        }
    }
    open(
        &judged(quantile(0.99, 0.1), &replaced, &[]),
        "engine-2 was replaced",
    );
}

#[test]
fn a_histogram_without_buckets_is_named_for_what_it_is() {
    let native = looks(|_, at_ns| {
        let all = (at_ns / MS) as f64;
        vec![
            sample("h_seconds_bucket", &[("le", "+Inf")], all),
            sample("h_seconds_count", &[], all),
        ]
    });
    open(
        &judged(quantile(0.99, 0.1), &native, &[]),
        "native histogram",
    );
}

#[test]
fn a_file_that_was_full_leaves_a_rule_open() {
    let mut run = small();
    run.plan
        .rules
        .push(rule("own", RuleKind::Metric(increase(9.0, 300 * S))));
    let (_folder, dir) = run.write();
    let mut writer = SeriesWriter::create(&dir.series(), 1 << 30).unwrap();
    for look in looks(three_failures) {
        let at = ZERO + look.at_ns;
        writer
            .look(
                (look.target, Origin::Scrape),
                (at, at + MS),
                look.started_s,
                look.samples,
            )
            .unwrap();
    }
    let mut text = std::fs::read_to_string(dir.series()).unwrap();
    text.push_str("{\"line\":\"full\"}\n");
    std::fs::write(dir.series(), text).unwrap();
    open(the(&analyse(&dir, &run.plan).unwrap(), "own"), "full");
    std::fs::write(dir.series(), "{}\n{\"line\":\"full\"}\n").unwrap();
    let damaged = analyse(&dir, &run.plan).unwrap();
    assert_eq!(damaged.record.verdict, Verdict::Inconclusive);
    assert!(
        damaged
            .record
            .reasons
            .iter()
            .any(|reason| reason.contains("series.jsonl, line 1"))
    );
}

/// 60 % of the memory and one of two CPUs at all replicas; at engine-2 90 % of the memory from 8 to 10 s.
fn in_use(target: &str, at_ns: u64) -> Vec<Sample> {
    let much = target == "engine-2" && (8 * S..10 * S).contains(&at_ns);
    vec![
        sample(MEMORY_USED, &[], if much { 90.0 } else { 60.0 }),
        sample(MEMORY_LIMIT, &[], 100.0),
        sample(CPU_USED, &[], at_ns as f64 / 1e9),
        sample(CPU_LIMIT, &[], 2.0),
    ]
}

fn resource(of: Resource, at_most: f64, for_ns: u64) -> RuleKind {
    RuleKind::Resource(ResourceRule {
        of,
        at_most,
        for_ns,
        phase: Phase::Steady,
    })
}

#[test]
fn what_is_in_use_is_held_as_a_share_at_every_replica() {
    let looks = looks(in_use);
    let judge = |own: RuleKind| told(own, Origin::Machine, &looks, &[]);
    let memory = judge(resource(Resource::Memory, 0.85, 0));
    assert_eq!(memory.verdict, Verdict::Fail, "{memory:?}");
    assert!(
        memory.observed.text.starts_with("90 % at engine-2"),
        "{memory:?}"
    );
    assert_eq!(memory.limit.text, "85 %");
    let short = judge(resource(Resource::Memory, 0.85, 4 * S));
    assert_eq!(short.verdict, Verdict::Pass, "{short:?}");
    let cpu = judge(resource(Resource::Cpu, 0.8, 0));
    assert_eq!(cpu.verdict, Verdict::Pass, "{cpu:?}");
    assert!((cpu.observed.value.unwrap() - 0.5).abs() < 0.01, "{cpu:?}");
    let cpu = judge(resource(Resource::Cpu, 0.4, 0));
    assert_eq!(cpu.verdict, Verdict::Fail, "{cpu:?}");
    open(
        &judge(resource(Resource::Disk, 0.85, 0)),
        "engine-1 never showed the disk in use",
    );
}

#[test]
fn resources_that_cannot_be_read_leave_their_rule_open_and_say_why() {
    let gaps: Vec<(&str, u64, bool)> = REPLICAS
        .iter()
        .flat_map(|target| (0..20).map(move |second| (*target, second * S, false)))
        .collect();
    let check = told(
        resource(Resource::Memory, 0.85, 0),
        Origin::Machine,
        &[],
        &gaps,
    );
    open(
        &check,
        "engine-1 was looked at 0 times in the phase, and 3 are needed: connection refused",
    );
    // What the target itself exposes is no look at its machine.
    let check = told(
        resource(Resource::Memory, 0.85, 0),
        Origin::Scrape,
        &looks(in_use),
        &[],
    );
    open(&check, "engine-1 was never looked at");
}
