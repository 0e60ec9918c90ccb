//! Rules on native histograms and on what pods use: values were put into buckets as client libraries do it, and only what the
//! buckets still say of them decides.

use std::collections::BTreeMap;

use shakedown_analysis::analyse;
use shakedown_record::run_record::Check;
use shakedown_record::series::{
    CPU_IN_USE, CPU_LIMIT, MEMORY_LIMIT, MEMORY_USED, NativeHistogram, NativeSample, Origin,
    Sample, SeriesKind, SeriesWriter,
};
use shakedown_record::{Phase, Verdict};
use shakedown_scenarios::plan::{
    EnvironmentPlan, KubernetesEntry, KubernetesPlan, MetricLimit, MetricRule, NodeCommands,
    Resource, ResourceRule, RuleKind, SeriesPattern,
};

use crate::build::*;
use crate::metrics::small;
use crate::plan::rule;

const REPLICAS: [&str; 3] = ["engine-1", "engine-2", "engine-3"];

/// What one replica had observed by a moment: 900 values of 2 ms and `slow` of 40 ms in a tenth of a second.
fn seen(at_ns: u64, slow: u64, schema: i32) -> NativeHistogram {
    let tenths = at_ns / (100 * MS);
    let index = |value: f64| (value.log2() * 2f64.powi(schema)).ceil() as i32;
    let (fast, slow) = (tenths * 900, tenths * slow);
    NativeHistogram {
        schema,
        zero_threshold: 1e-9,
        count: (fast + slow) as f64,
        positive: vec![(index(0.002), fast as f64), (index(0.04), slow as f64)],
        ..NativeHistogram::default()
    }
}

fn quantile(quantile: f64, at_most: f64) -> RuleKind {
    RuleKind::Metric(MetricRule {
        of: SeriesPattern {
            name: "h_seconds".into(),
            labels: BTreeMap::new(),
        },
        limit: MetricLimit::Quantile { quantile, at_most },
        phase: Phase::Steady,
    })
}

/// Looks at all replicas once a second and at both ends of the steady phase; `what` says of each when its process began, and
/// what it had observed.
fn told(own: RuleKind, what: impl Fn(&str, u64) -> (f64, NativeHistogram)) -> Check {
    let mut run = small();
    run.plan.rules.push(rule("own", own));
    let (_folder, dir) = run.write();
    let mut writer = SeriesWriter::create(&dir.series(), 1 << 30).unwrap();
    let mut times: Vec<u64> = (0..=END / S + 1)
        .map(|second| second * S + 300 * MS)
        .collect();
    times.extend([6 * S + 5 * MS, STRUCK - 20 * MS]);
    times.sort_unstable();
    for at_ns in times {
        for target in REPLICAS {
            let at = ZERO + at_ns;
            let (started_s, histogram) = what(target, at_ns);
            let native = NativeSample {
                name: "h_seconds".into(),
                labels: BTreeMap::from([("side".to_string(), "buy".to_string())]),
                histogram,
            };
            writer
                .look_with(
                    (target, Origin::Scrape),
                    (at, at + 2 * MS),
                    Some(started_s),
                    (Vec::new(), vec![native]),
                )
                .unwrap();
        }
    }
    the(&analyse(&dir, &run.plan).unwrap(), "own").clone()
}

fn open(check: &Check, said: &str) {
    assert_eq!(check.verdict, Verdict::Inconclusive, "{check:?}");
    assert!(
        check.why.contains(said),
        "{:?} does not say {said:?}",
        check.why
    );
}

#[test]
fn a_quantile_of_native_histograms_has_the_bounds_of_its_bucket() {
    let one_in_ten = |_: &str, at_ns: u64| (1_000.0, seen(at_ns, 100, 3));
    let kept = told(quantile(0.9, 0.01), one_in_ten);
    assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
    let broken = told(quantile(0.95, 0.01), one_in_ten);
    assert_eq!(broken.verdict, Verdict::Fail, "{broken:?}");
    let at = broken.observed.value.unwrap();
    assert!((0.036..0.0441).contains(&at), "{broken:?}");
    assert!(
        broken.observed.text.contains("between 0.03"),
        "{:?}",
        broken.observed.text
    );
    // The limit lies within the bucket.
    open(&told(quantile(0.95, 0.04), one_in_ten), "within a bucket");
    // A coarser schema cannot tell 40 from 10 ms.
    let coarse = |_: &str, at_ns: u64| (1_000.0, seen(at_ns, 100, -2));
    open(&told(quantile(0.95, 0.01), coarse), "within a bucket");
}

#[test]
fn a_native_histogram_that_becomes_coarser_is_followed_and_one_that_begins_anew_is_told() {
    let coarser = |target: &str, at_ns: u64| {
        let schema = if target == "engine-2" && at_ns > 9 * S {
            1
        } else {
            5
        };
        (1_000.0, seen(at_ns, 1, schema))
    };
    let kept = told(quantile(0.99, 0.01), coarser);
    assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
    let replaced = |target: &str, at_ns: u64| match target == "engine-2" && at_ns > 9 * S {
        true => (2_000.0, seen(at_ns, 1, 5)),
        false => (1_000.0, seen(at_ns, 1, 5)),
    };
    open(
        &told(quantile(0.99, 0.01), replaced),
        "engine-2 was replaced",
    );
    let finer = |target: &str, at_ns: u64| {
        let schema = if target == "engine-3" && at_ns > 9 * S {
            5
        } else {
            3
        };
        (1_000.0, seen(at_ns, 1, schema))
    };
    open(&told(quantile(0.99, 0.01), finer), "engine-3 was replaced");
    // What was seen breaks the rule all the same.
    let slow = |target: &str, at_ns: u64| match target == "engine-2" && at_ns > 9 * S {
        true => (2_000.0, seen(at_ns, 300, 5)),
        false => (1_000.0, seen(at_ns, 300, 5)),
    };
    let broken = told(quantile(0.99, 0.01), slow);
    assert_eq!(broken.verdict, Verdict::Fail, "{broken:?}");
}

fn pods() -> EnvironmentPlan {
    EnvironmentPlan::Kubernetes(Box::new(KubernetesPlan {
        context: None,
        namespace: "stg".to_string(),
        parts: BTreeMap::new(),
        entry: KubernetesEntry::Urls(Vec::new()),
        nodes: NodeCommands::default(),
        api_server: None,
        agent: None,
        drills: "drills".to_string(),
        cluster_uids: Vec::new(),
        not_production: Vec::new(),
    }))
}

/// Pods that were measured from 7 to 8, 8.5 to 9.5 and 10 to 11 s, the second time as `busy` says.
fn measured(of: Resource, busy: f64, environment: Option<EnvironmentPlan>) -> Check {
    let mut run = small();
    run.plan.rules.push(rule(
        "own",
        RuleKind::Resource(ResourceRule {
            of,
            at_most: 0.8,
            for_ns: 0,
            phase: Phase::Steady,
        }),
    ));
    if let Some(environment) = environment {
        run.plan.environment = environment;
    }
    let (_folder, dir) = run.write();
    let mut writer = SeriesWriter::create(&dir.series(), 1 << 30).unwrap();
    let gauge = |name: &str, value: f64| Sample {
        name: name.into(),
        labels: BTreeMap::new(),
        kind: SeriesKind::Gauge,
        value,
    };
    for (from_ms, share) in [(7_000, 0.5), (8_500, busy), (10_000, 0.5)] {
        for target in REPLICAS {
            let from_ns = ZERO + from_ms * MS;
            let samples = vec![
                gauge(CPU_IN_USE, share * 2.0),
                gauge(CPU_LIMIT, 2.0),
                gauge(MEMORY_USED, share * 64.0),
                gauge(MEMORY_LIMIT, 64.0),
            ];
            let of = (target, Origin::Machine);
            writer
                .look(of, (from_ns, from_ns + S), Some(1.0), samples)
                .unwrap();
        }
    }
    the(&analyse(&dir, &run.plan).unwrap(), "own").clone()
}

#[test]
fn what_pods_use_is_held_although_it_is_measured_seldom() {
    for of in [Resource::Cpu, Resource::Memory] {
        let kept = measured(of, 0.7, Some(pods()));
        assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
        let broken = measured(of, 0.9, Some(pods()));
        assert_eq!(broken.verdict, Verdict::Fail, "{broken:?}");
        assert!((broken.observed.value.unwrap() - 0.9).abs() < 1e-9);
    }
    // Processes of this machine are looked at once a second: so few looks say nothing of them.
    open(&measured(Resource::Memory, 0.7, None), "was not looked at");
}
