//! What cannot be answered, cannot be done, or must not be done is refused before anything runs.

use crate::common::{
    FOREIGN, QUICKSTART, compile_both, file, only, profile_alone, set, shipped, swapped, with,
};
use shakedown_scenarios::plan::{Arrival, DataClass, EnvironmentPlan, RuleKind};
use shakedown_scenarios::{CompileInput, EnvironmentKind, checkable, compile};

fn refused(scenario: &str, key: &str, value: &str, path: &str, said: &str) {
    let told =
        with(scenario, &[set(key, value)]).expect_err(&format!("{key}={value} must be refused"));
    let found = told.0.iter().any(|one| {
        one.path.as_deref() == Some(path) && one.message.contains(said) && one.line.is_some()
    });
    assert!(
        found,
        "{key}={value} should say {said:?} at {path}:\n{told}"
    );
}

#[test]
fn limits_that_cannot_be_answered() {
    for (key, value, path, said) in [
        (
            "sla.failover.failover.at-most",
            "36s",
            "sla.failover.failover.at-most",
            "cannot be shown: a recovery of at most 40 s shows 35 s",
        ),
        (
            "sla.failover.failover.at-most",
            "100us",
            "sla.failover.failover.at-most",
            "finer than can be told",
        ),
        (
            "sla.steady-p99.latency.quantile",
            "99.95%",
            "sla.steady-p99.latency.quantile",
            "10000 messages in `steady` are too few",
        ),
        (
            "sla.steady-p99.latency.quantile",
            "100%",
            "sla.steady-p99.latency.quantile",
            "no quantile",
        ),
        (
            "sla.steady-p99.latency.at-most",
            "1s",
            "sla.steady-p99.latency.at-most",
            "can never be broken",
        ),
        (
            "sla.steady-p99.latency.at-most",
            "0s",
            "sla.steady-p99.latency.at-most",
            "nothing takes no time",
        ),
        (
            "sla.steady-rate.throughput.at-least",
            "995/s",
            "sla.steady-rate.throughput.at-least",
            "only 1000/s are offered, of which at most 990/s",
        ),
        (
            "sla.error-rate.error-rate.at-most",
            "0.001%",
            "sla.error-rate.error-rate.at-most",
            "finer than the 10000 messages",
        ),
        (
            "phases.steady",
            "0s",
            "sla.steady-p99.latency.in",
            "no certain length",
        ),
        (
            "sla.x",
            "{ availability: { at-least: 99.9999%, over: run } }",
            "sla.x.availability.at-least",
            "finer than",
        ),
        (
            "sla.x",
            "{ availability: { at-least: 99.999%, over: projected, failures-per-30d: 5 } }",
            "sla.x.availability.at-least",
            "contradicts `failover`: 5 failures of 6 s in 30 days leave 1 - 5 x 6 s / 2592000 s = 99.998843%",
        ),
        (
            "sla.x",
            "{ availability: { at-least: 99%, over: projected } }",
            "sla.x.availability",
            "`failures-per-30d` is missing",
        ),
        (
            "sla.x",
            "{ availability: { at-least: 99%, over: run, failures-per-30d: 1 } }",
            "sla.x.availability.failures-per-30d",
            "measured, not assumed",
        ),
        ("sla.x", "{ severity: warning }", "sla.x", "limits nothing"),
        (
            "sla.x",
            "{ rpo: { at-most: 1s }, lost-orders: { at-most: 1 } }",
            "sla.x",
            "2 things at once",
        ),
        (
            "sla.unresolved",
            "{ rpo: { at-most: 1s } }",
            "sla.unresolved",
            "implied rule",
        ),
    ] {
        refused(QUICKSTART, key, value, path, said);
    }
}

#[test]
fn rules_about_faults_need_faults() {
    for value in [
        "{ failover: { at-most: 5s } }",
        "{ rpo: { at-most: 5s } }",
        "{ throughput: { at-least: 10/s, in: recovery } }",
        "{ availability: { at-least: 99%, over: projected, failures-per-30d: 1 } }",
    ] {
        let told = only(with("baseline", &[set("sla.x", value)]));
        assert!(told.message.contains("without faults"), "{told}");
    }
    let of_system = set("profile.sla.rto", "{ failover: { at-most: 5s } }");
    let plan = with("baseline", std::slice::from_ref(&of_system))
        .unwrap()
        .plan;
    assert!(plan.rules.iter().all(|rule| rule.id != "rto"));
    assert!(
        plan.notes.iter().any(|note| note.starts_with("rto: ")),
        "{:?}",
        plan.notes
    );
    let plan = with(QUICKSTART, &[of_system]).unwrap().plan;
    assert!(plan.rules.iter().any(|rule| rule.id == "rto"));
}

#[test]
fn targets_that_are_not_there() {
    for (value, path, said, hint) in [
        (
            "{ role: laeder }",
            "faults.leader-dies.to.role",
            "no role `laeder`",
            "did you mean `leader`?",
        ),
        (
            "{ part: store }",
            "faults.leader-dies.to.part",
            "no part `store`",
            "engine",
        ),
        (
            "{ name: engine-4 }",
            "faults.leader-dies.to.name",
            "no replica `engine-4`",
            "engine-",
        ),
        (
            "{ random: { part: engine, count: 3, without-role: leader } }",
            "faults.leader-dies.to.random.count",
            "3 cannot be chosen from 2 replicas",
            "",
        ),
        (
            "{ random: { part: engine, without-role: boss } }",
            "faults.leader-dies.to.random.without-role",
            "no role `boss`",
            "leader",
        ),
        (
            "{ zone: a }",
            "faults.leader-dies.to.zone",
            "in the environment `local` there are no pods and nodes",
            "--environment kubernetes",
        ),
    ] {
        let told = only(with(QUICKSTART, &[set("faults.leader-dies.to", value)]));
        assert_eq!(told.path.as_deref(), Some(path), "{told}");
        assert!(told.message.contains(said), "{told}");
        assert!(
            told.hint.as_deref().unwrap_or_default().contains(hint),
            "{told}"
        );
    }
}

#[test]
fn faults_that_make_no_sense() {
    for (key, value, path, said) in [
        (
            "faults.leader-dies.when",
            "{ at: 5s }",
            "faults.leader-dies.when.at",
            "does not lie behind warm-up",
        ),
        (
            "faults.leader-dies.when",
            "{ after: { fault: other } }",
            "faults.leader-dies.when.after.fault",
            "no fault `other`",
        ),
        (
            "faults.leader-dies.when",
            "{ after: { fault: leader-dies } }",
            "faults.leader-dies.when.after.fault",
            "wait for itself",
        ),
        (
            "faults.leader-dies.when",
            "{ after: {} }",
            "faults.leader-dies.when.after",
            "exactly one of",
        ),
        (
            "faults.leader-dies.when",
            "{ if: {} }",
            "faults.leader-dies.when.if",
            "`if` is not supported by this version",
        ),
        (
            "faults.leader-dies.do",
            "{ drain: {} }",
            "faults.leader-dies.do",
            "`drain` is done to a Kubernetes cluster",
        ),
        (
            "faults.leader-dies.for",
            "0s",
            "faults.leader-dies.for",
            "not sensible",
        ),
        (
            "faults.leader-dies.repeat",
            "{ times: 3, every: 6s }",
            "faults.leader-dies.repeat.every",
            "no time to prove steady state",
        ),
        (
            "faults.leader-dies.repeat",
            "{ times: 0, every: 60s }",
            "faults.leader-dies.repeat.times",
            "0 times",
        ),
        ("phases.recovery.at-most", "5s", "phases", "too short"),
        (
            "phases.warm-up.at-most",
            "4s",
            "phases.warm-up.at-most",
            "too short to prove steady state",
        ),
    ] {
        refused(QUICKSTART, key, value, path, said);
    }
    let told = only(with(
        "rolling-restart",
        &[set("faults.restart-all.for", "5s")],
    ));
    assert!(told.message.contains("no `for`"), "{told}");
}

#[test]
fn faults_that_wait_for_each_other_in_a_circle() {
    let second = "{ do: { freeze: {} }, to: { name: engine-1 }, when: { after: { fault: leader-dies } }, for: 5s }";
    let circle = [
        set("faults.second", second),
        set("faults.leader-dies.when", "{ after: { fault: second } }"),
    ];
    let told = with(QUICKSTART, &circle).unwrap_err().to_string();
    assert!(told.contains("in a circle"), "{told}");
}

#[test]
fn load_beyond_what_is_allowed_or_sensible() {
    for (key, value, path, said) in [
        (
            "load.arrival.poisson.rate",
            "20001/s",
            "load.arrival.poisson.rate",
            "above the ceiling of `reference`, 20000/s",
        ),
        (
            "load.arrival.poisson.rate",
            "0/s",
            "load.arrival.poisson.rate",
            "not sensible",
        ),
        (
            "load.arrival.poisson.rate",
            "99999999/s",
            "load.arrival.poisson.rate",
            "not sensible",
        ),
        (
            "load.arrival",
            "{ replay: { file: x.csv } }",
            "load.arrival.replay.file",
            "files are out of reach here",
        ),
        ("load.sessions", "0", "load.sessions", "0 sessions"),
        (
            "load.sessions",
            "4000000000",
            "load.sessions",
            "cannot be had",
        ),
        ("load.threads", "65", "load.threads", "65 load threads"),
        (
            "load.workers",
            "0",
            "load.workers",
            "0 workers cannot be had",
        ),
        (
            "load.workers",
            "65",
            "load.workers",
            "65 workers cannot be had",
        ),
        ("load.timeout", "0s", "load.timeout", "not sensible"),
        ("load.timeout", "1h", "load.timeout", "not sensible"),
        (
            "load.mix",
            "{ new: 0, cancel: 1 }",
            "load.mix.new",
            "nothing to measure",
        ),
        (
            "load.symbols.names",
            "[BTCUSD, XRPUSD]",
            "load.symbols.names.1",
            "no instrument `XRPUSD`",
        ),
        (
            "load.symbols.names",
            "[BTCUSD, BTCUSD]",
            "load.symbols.names.1",
            "there twice",
        ),
        (
            "load.symbols.names",
            "[]",
            "load.symbols.names",
            "no symbol",
        ),
        (
            "load.symbols.skew",
            "{ zipf: 0 }",
            "load.symbols.skew.zipf",
            "not sensible",
        ),
        ("phases.steady", "8d", "phases.steady", "longer than a week"),
        ("phases.steady", "6d", "load.arrival", "million messages"),
        (
            "abort.storm.error-rate.for",
            "0s",
            "abort.storm.error-rate.for",
            "not sensible",
        ),
        (
            "abort.storm.error-rate.above",
            "100%",
            "abort.storm.error-rate.above",
            "no rate is above",
        ),
        (
            "reads",
            "[converged, power-cut]",
            "reads.1",
            "`power-cut` is not supported",
        ),
    ] {
        refused(QUICKSTART, key, value, path, said);
    }
    let told = with(QUICKSTART, &[set("profile.orders.replace", "")])
        .unwrap_err()
        .to_string();
    assert!(told.contains("does not say how to replace"), "{told}");
    let text = swapped(&shipped("reference").text, "max: 100, ", "");
    let told = only(compile_both(
        &shipped(QUICKSTART),
        &file("p.yaml", &text),
        &[],
    ));
    assert!(
        told.message
            .contains("which quantity of BTCUSD is too large"),
        "{told}"
    );
}

#[test]
fn environments_that_cannot_be_had() {
    let (scenario, profile) = (shipped(QUICKSTART), shipped("reference"));
    let without = [set("profile.environments.kubernetes", "")];
    for (kind, overrides, said, hint) in [
        (
            EnvironmentKind::Kubernetes,
            &without[..],
            "has no environment `kubernetes`",
            "it has: local, docker; choose",
        ),
        (
            EnvironmentKind::External,
            &[],
            "has no environment `external`",
            "it has: local, docker, kubernetes; choose",
        ),
    ] {
        let told = only(compile(&CompileInput {
            scenario: &scenario,
            profile: &profile,
            overrides,
            environment: Some(kind),
            seed: None,
        }));
        assert_eq!(told.file, "--environment", "{told}");
        assert!(told.message.contains(said), "{told}");
        assert!(
            told.hint.as_deref().unwrap_or_default().contains(hint),
            "{told}"
        );
    }
    let external = "{ entry: [http://127.0.0.1:1], parts: { engine: [http://127.0.0.1:1, http://127.0.0.1:2, http://127.0.0.1:3] } }";
    let options = [
        set("environment", "external"),
        set("profile.environments.external", external),
    ];
    let told = only(with(QUICKSTART, &options));
    assert!(told.message.contains("no handle on processes"), "{told}");
    let plan = with("baseline", &options).unwrap().plan;
    let EnvironmentPlan::External(endpoints) = plan.environment else {
        panic!("external was chosen");
    };
    assert_eq!(endpoints.parts["engine"].len(), 3);
}

#[test]
fn external_systems_must_be_proven_not_to_be_production() {
    let elsewhere = swapped(FOREIGN, "http://127.0.0.1:9100", "http://10.0.0.7:9100");
    let told = only(profile_alone(&elsewhere));
    assert!(told.message.contains("not production"), "{told}");
    let proven =
        format!("{elsewhere}not-production: [ {{ get: /info, where: {{ /env: staging }} }} ]\n");
    assert!(profile_alone(&proven).is_ok());
    let empty = format!("{elsewhere}not-production: [ {{ get: /info }} ]\n");
    assert!(
        profile_alone(&empty)
            .unwrap_err()
            .to_string()
            .contains("every reply would do")
    );
    for (from, to, said) in [
        ("[http://127.0.0.1:9100]", "[]", "no address"),
        ("http://127.0.0.1:9100", "127.0.0.1:9100", "no address"),
        (
            "9100] }",
            "9100], parts: { gateway: [http://127.0.0.1:1, http://127.0.0.1:2] } }",
            "2 addresses for 1 replica",
        ),
        (
            "9100] }",
            "9100], parts: { gate: [http://127.0.0.1:1] } }",
            "no part `gate`",
        ),
    ] {
        let told = profile_alone(&swapped(FOREIGN, from, to))
            .unwrap_err()
            .to_string();
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn a_foreign_engine_says_what_it_cannot_prove() {
    let plan = profile_alone(FOREIGN)
        .unwrap_or_else(|told| panic!("{told}"))
        .plan;
    assert_eq!(plan.load.arrival, Arrival::Constant { rate_per_s: 1.0 });
    assert!(
        matches!(&plan.environment, EnvironmentPlan::External(known) if known.parts["gateway"].len() == 1)
    );
    let provable: Vec<DataClass> = checkable(&plan.system)
        .into_iter()
        .filter(|(_, provable)| provable.is_ok())
        .map(|(class, _)| class)
        .collect();
    assert_eq!(provable, [DataClass::Lost, DataClass::Corrupt]);
    let scenario = file(
        "s.yaml",
        "scenario: s\nsystem: foreign\nenvironment: external\nload: { arrival: { constant: { rate: 100/s } }, sessions: 4, timeout: 1s }\nphases: { steady: 10s }\nsla:\n  twice: { duplicate-orders: { at-most: 0 } }\n",
    );
    let told = only(compile_both(&scenario, &file("p.yaml", FOREIGN), &[]));
    assert_eq!(
        (told.line, told.path.as_deref()),
        (Some(7), Some("sla.twice.duplicate-orders")),
        "{told}"
    );
    let quiet = file("s.yaml", scenario.text.split("sla:").next().unwrap());
    let plan = compile_both(&quiet, &file("p.yaml", FOREIGN), &[])
        .unwrap()
        .plan;
    let implied: Vec<&str> = plan.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(implied, ["lost", "corrupt"]);
    assert!(
        plan.notes
            .iter()
            .any(|note| note.starts_with("phantom cannot be proven")),
        "{:?}",
        plan.notes
    );
}

#[test]
fn classes_depend_on_how_copies_are_read() {
    let entry = swapped(&shipped("reference").text, "at: each-replica", "at: entry");
    let told = compile_both(&shipped(QUICKSTART), &file("p.yaml", &entry), &[]).unwrap_err();
    let paths: Vec<&str> = told
        .0
        .iter()
        .filter_map(|one| one.path.as_deref())
        .collect();
    assert_eq!(
        paths,
        ["sla.lost.lost-orders", "sla.divergent.divergent-orders"],
        "{told}"
    );
    let one_copy = swapped(
        &shipped("reference").text,
        "replicas: 3\n    quorum: 2",
        "replicas: 1",
    );
    let plan = profile_alone(&one_copy).unwrap().plan;
    let divergent = checkable(&plan.system)
        .into_iter()
        .find(|(class, _)| *class == DataClass::Divergent);
    assert_eq!(
        divergent,
        Some((
            DataClass::Divergent,
            Err("there is one copy only".to_string())
        ))
    );
}

#[test]
fn a_profile_alone_is_not_held_against_a_load_that_it_does_not_have() {
    let rule = |kind: &str| format!("{FOREIGN}sla: {{ own: {{ {kind} }} }}\n");
    let plan = profile_alone(&rule("latency: { quantile: 99.9%, at-most: 5s, in: run }"))
        .unwrap()
        .plan;
    assert!(plan.rules.is_empty());
    let told = only(profile_alone(&rule("severity: warning")));
    assert!(told.message.contains("limits nothing"), "{told}");
}

#[test]
fn the_tighter_of_two_rules_holds() {
    let own = |limit: &str| {
        set(
            "profile.sla.failover",
            &format!("{{ failover: {{ at-most: {limit} }}, source: MSA }}"),
        )
    };
    let failover = |options: &[_]| {
        let plan = with(QUICKSTART, options).unwrap().plan;
        let rule = plan
            .rules
            .into_iter()
            .find(|rule| rule.id == "failover")
            .unwrap();
        (rule.kind, rule.source)
    };
    let kind = |s: u64| RuleKind::Failover {
        at_most_ns: s * 1_000_000_000,
    };
    assert_eq!(failover(&[own("5s")]), (kind(5), Some("MSA".to_string())));
    assert_eq!(failover(&[own("20s")]), (kind(6), None));
    let other = set("profile.sla.failover", "{ rpo: { at-most: 5s } }");
    let told = only(with(QUICKSTART, &[other]));
    assert!(told.message.contains("limits something else"), "{told}");
}

#[test]
fn oracles_of_engine_latency_need_the_engine_to_measure() {
    let rule = set(
        "sla.own",
        "{ engine-latency: { quantile: 99%, at-most: 10us, in: steady } }",
    );
    assert!(with(QUICKSTART, std::slice::from_ref(&rule)).is_ok());
    let told = only(with(
        QUICKSTART,
        &[rule, set("profile.metrics", "{ path: /metrics }")],
    ));
    assert!(told.message.contains("no latency histogram"), "{told}");
}

#[test]
fn limits_on_series_that_cannot_be_answered() {
    for (rule, path, said) in [
        (
            "{ metric-quantile: { of: h_bucket, quantile: 99%, at-most: 0.1, in: steady } }",
            "metric-quantile.of",
            "no name of a Prometheus series",
        ),
        (
            "{ metric-quantile: { of: h, quantile: 100%, at-most: 0.1, in: steady } }",
            "metric-quantile.quantile",
            "no quantile",
        ),
        (
            "{ metric-quantile: { of: h, labels: { le: x }, quantile: 99%, at-most: 0.1, in: steady } }",
            "metric-quantile.labels.le",
            "no name of a label",
        ),
        (
            "{ metric-value: { of: depth, in: steady } }",
            "metric-value",
            "has no limit",
        ),
        (
            "{ metric-value: { of: depth, at-most: 1, at-least: 0, in: steady } }",
            "metric-value.at-least",
            "has two limits",
        ),
        (
            "{ metric-value: { of: depth, at-most: 1, for: 10s, in: steady } }",
            "metric-value.for",
            "can hardly break it",
        ),
        (
            "{ metric-increase: { of: failures_total, at-most: 5, over: 0s, in: steady } }",
            "metric-increase.over",
            "nothing grows in no time",
        ),
    ] {
        let path = format!("sla.own.{path}");
        refused("follower-kill", "sla.own", rule, &path, said);
    }
}

#[test]
fn limits_on_series_need_a_place_where_they_are() {
    let rule = set(
        "sla.own",
        "{ metric-increase: { of: failures_total, at-most: 5, over: 5m, in: steady } }",
    );
    let without = swapped(
        shipped("reference").text.as_str(),
        "metrics: { path: /metrics, latency: order_latency_seconds }\n",
        "",
    );
    let profile = file("reference.yaml", &without);
    let told = only(compile_both(
        &shipped(QUICKSTART),
        &profile,
        std::slice::from_ref(&rule),
    ));
    assert!(told.message.contains("where its metrics are"), "{told}");
    let too_often = set("profile.metrics.every", "10ms");
    let told = only(with(QUICKSTART, &[too_often]));
    assert!(told.message.contains("no sensible time"), "{told}");
    let rarely = set("profile.metrics.every", "4s");
    let told = only(with(QUICKSTART, &[rule, rarely]));
    assert!(told.message.contains("too short for 3 looks"), "{told}");
}

#[test]
fn only_series_that_somebody_asks_for_are_kept() {
    let plan = with(QUICKSTART, &[]).unwrap().plan;
    assert!(
        plan.series_kept().is_empty(),
        "nothing is scraped on a schedule"
    );
    let plan = with(QUICKSTART, &[set("profile.metrics.every", "500ms")])
        .unwrap()
        .plan;
    let kept = |plan: &shakedown_scenarios::plan::Plan| -> Vec<String> {
        plan.series_kept().into_iter().collect()
    };
    let latency = [
        "order_latency_seconds_bucket",
        "order_latency_seconds_count",
    ];
    assert_eq!(
        kept(&plan),
        [latency[0], latency[1], "process_start_time_seconds"]
    );
    let rule = set(
        "sla.own",
        "{ metric-increase: { of: failures_total, labels: { kind: vote }, at-most: 5, over: 5m, in: steady } }",
    );
    let plan = with(QUICKSTART, &[rule]).unwrap().plan;
    assert_eq!(kept(&plan)[0], "failures_total");
    let words = shakedown_scenarios::describe(&plan);
    assert!(
        words.contains("own: failures_total{kind=\"vote\"} grows by at most 5 over all replicas in any 300 s of steady"),
        "{words}"
    );
}

#[test]
fn of_two_limits_on_the_same_series_the_tighter_one_holds() {
    let limit = |at_most: &str, of: &str| {
        format!("{{ metric-value: {{ of: {of}, at-most: {at_most}, in: steady }} }}")
    };
    let system = set("profile.sla.depth", &limit("10", "depth"));
    for (own, expected) in [("5", 5.0), ("20", 10.0)] {
        let own = set("sla.depth", &limit(own, "depth"));
        let plan = with(QUICKSTART, &[system.clone(), own]).unwrap().plan;
        let rule = plan.rules.iter().find(|rule| rule.id == "depth").unwrap();
        let RuleKind::Metric(rule) = &rule.kind else {
            panic!("{rule:?}");
        };
        assert!(
            matches!(rule.limit, shakedown_scenarios::plan::MetricLimit::Value { limit, .. } if limit == expected)
        );
    }
    let other = set("sla.depth", &limit("5", "width"));
    let told = only(with(QUICKSTART, &[system, other]));
    assert!(told.message.contains("limits something else"), "{told}");
}

#[test]
fn alerts_that_nobody_could_tell_of() {
    let rule = |text: &str| set("sla.rings", &format!("{{ alert: {{ {text} }} }}"));
    let good = "name: LeaderDown, after: leader-dies, within: 30s, resolved-within: 1m";
    let told = only(with(QUICKSTART, &[rule(good)]));
    assert!(told.message.contains("where its alerts are"), "{told}");
    let at = set(
        "profile.alerts",
        "{ alertmanager: \"http://am:9093\", labels: { cluster: ours } }",
    );
    let plan = with(QUICKSTART, &[at.clone(), rule(good)]).unwrap().plan;
    assert_eq!(
        plan.alerts_awaited().into_iter().collect::<Vec<_>>(),
        ["LeaderDown"]
    );
    let words = shakedown_scenarios::describe(&plan);
    let sentence = "rings: the alert LeaderDown fires at most 30 s after leader-dies, and is over 60 s after the heal";
    assert!(words.contains(sentence), "{words}");
    for (text, said) in [
        (
            "name: LeaderDown, after: leader-dead, within: 30s",
            "there is no fault `leader-dead`",
        ),
        (
            "name: LeaderDown, after: leader-dies, within: 10ms",
            "no sensible time",
        ),
        (
            "name: LeaderDown, after: leader-dies, within: 30s, resolved-within: 2h",
            "no sensible time",
        ),
    ] {
        let told = only(with(QUICKSTART, &[at.clone(), rule(text)]));
        assert!(told.message.contains(said), "{told}");
    }
    let told = only(with("baseline", &[at, rule(good)]));
    assert!(told.message.contains("without faults"), "{told}");
    for (profile, said) in [
        ("{ labels: { cluster: ours } }", "nobody is named"),
        (
            "{ alertmanager: \"https://am:9093\" }",
            "https is not supported",
        ),
        ("{ prometheus: \"am:9093\" }", "is no address"),
        (
            "{ prometheus: \"http://p:9090\", silence: { labels: { cluster: ours } } }",
            "only an Alertmanager",
        ),
        (
            "{ alertmanager: \"http://am:9093\", silence: { labels: {} } }",
            "would silence everything",
        ),
    ] {
        let told = only(with(QUICKSTART, &[set("profile.alerts", profile)]));
        assert!(told.message.contains(said), "{told}");
    }
}

#[test]
fn limits_on_resources_that_cannot_be_answered() {
    let rule = |text: &str| set("sla.own", &format!("{{ resource: {{ {text} }} }}"));
    let good = rule("of: memory, at-most: 85%, for: 5s, in: steady");
    let plan = with(QUICKSTART, &[good]).unwrap().plan;
    assert!(plan.watches_resources() && plan.series_kept().is_empty());
    let words = shakedown_scenarios::describe(&plan);
    let sentence = "own: at most 85% of the memory in use at each replica in steady, broken once it is beyond for 5 s";
    assert!(words.contains(sentence), "{words}");
    for (text, said) in [
        ("of: cpu, at-most: 100%, in: steady", "never in use"),
        (
            "of: disk, at-most: 85%, for: 10s, in: steady",
            "can hardly break it",
        ),
    ] {
        let told = only(with(QUICKSTART, &[rule(text)]));
        assert!(told.message.contains(said), "{told}");
    }
    let told = only(with(
        QUICKSTART,
        &[set("profile.resources", "{ disk: data }")],
    ));
    assert!(told.message.contains("no absolute path"), "{told}");
}

#[test]
fn resources_are_refused_where_nobody_can_tell_them() {
    let in_cluster = |text: &str| {
        let rule = set("sla.own", &format!("{{ resource: {{ {text} }} }}"));
        let environment = set("environment", "kubernetes");
        with(QUICKSTART, &[rule, environment])
    };
    let told = only(in_cluster("of: disk, at-most: 85%, in: steady"));
    assert!(told.message.contains("nothing of disks"), "{told}");
    let told = only(in_cluster("of: memory, at-most: 85%, in: steady"));
    assert!(told.message.contains("3 looks, one every 15 s"), "{told}");
    let rule = set(
        "sla.own",
        "{ resource: { of: memory, at-most: 85%, in: steady } }",
    );
    let addresses = "{ entry: ['http://127.0.0.1:1'], parts: { engine: ['http://127.0.0.1:1', 'http://127.0.0.1:2', 'http://127.0.0.1:3'] } }";
    let external = set("profile.environments.external", addresses);
    let environment = set("environment", "external");
    let told = with(QUICKSTART, &[rule, external, environment]);
    let told = told.unwrap_err().to_string();
    assert!(told.contains("only addresses are known"), "{told}");
}

#[test]
fn delays_and_bandwidths_that_cannot_be_had() {
    let at = "faults.slow.do";
    for (value, path, said) in [
        (
            "{ delay: { by: 50us } }",
            "delay.by",
            "a delay of 50 us is not sensible",
        ),
        (
            "{ delay: { by: 1h } }",
            "delay.by",
            "a delay of 1 h is not sensible",
        ),
        (
            "{ delay: { by: 5ms, jitter: 6ms } }",
            "delay.jitter",
            "would send what has not come yet",
        ),
        (
            "{ delay: { by: 5ms, reorder: 100% } }",
            "delay.reorder",
            "no matter of chance",
        ),
        (
            "{ bandwidth: { rate: 1B/s } }",
            "bandwidth.rate",
            "cannot be kept to",
        ),
        (
            "{ bandwidth: { rate: 1MB } }",
            "bandwidth.rate",
            "not a rate of bytes",
        ),
    ] {
        refused("slow-link", at, value, &format!("{at}.{path}"), said);
    }
    let replicas = "{ role: leader }";
    refused(
        "slow-link",
        "faults.slow.to",
        replicas,
        "faults.slow.to",
        "is done to a link",
    );
    let names = [
        set("faults.slow.do", "{ dns: {} }"),
        set("faults.slow.to", replicas),
    ];
    with("slow-link", &names).unwrap();
}

#[test]
fn faults_that_surely_meet_and_cannot_be_on_at_one_time() {
    let second = |what: &str, to: &str, by: &str| {
        format!(
            "{{ do: {what}, to: {to}, when: {{ after: {{ fault: slow, by: {by} }} }}, for: 2s }}"
        )
    };
    let of_one = "{ link: { from: { name: engine-1 }, to: { peers: {} } } }";
    let at = "faults.second.when";
    let cut = second("{ partition: {} }", of_one, "1s");
    refused("slow-link", "faults.second", &cut, at, "`slow` is still on");
    let delay = second("{ delay: { by: 1ms } }", of_one, "1s");
    refused(
        "slow-link",
        "faults.second",
        &delay,
        at,
        "one would hide what the other does",
    );
    for fine in [
        second("{ delay: { by: 1ms } }", of_one, "20s"),
        second("{ loss: { share: 1% } }", of_one, "1s"),
        second("{ bandwidth: { rate: 1MB/s } }", of_one, "1s"),
        // The leader may be the third.
        second(
            "{ delay: { by: 1ms } }",
            "{ link: { from: { name: engine-1 }, to: { name: engine-2 } } }",
            "1s",
        ),
        second("{ freeze: {} }", "{ role: leader }", "1s"),
    ] {
        with("slow-link", &[set("faults.second", &fine)]).unwrap_or_else(|told| panic!("{told}"));
    }
    let frozen = "{ do: { freeze: {} }, to: { part: engine }, when: { after: { fault: leader-dies, by: 1s } }, for: 1s }";
    refused(
        QUICKSTART,
        "faults.second",
        frozen,
        at,
        "a process that is gone cannot be frozen",
    );
}

#[test]
fn every_thread_of_every_worker_needs_a_session() {
    let many = [set("load.threads", "2"), set("load.workers", "33")];
    let told = only(with(QUICKSTART, &many));
    assert_eq!(told.path.as_deref(), Some("load.workers"));
    assert!(
        told.message
            .contains("33 workers with 2 threads each cannot share 64 sessions"),
        "{told}"
    );
    let plain = with(QUICKSTART, &[]).unwrap().plan;
    let one = with(QUICKSTART, &[set("load.workers", "1")]).unwrap().plan;
    let four = with(QUICKSTART, &[set("load.workers", "4")]).unwrap().plan;
    assert_eq!((plain.load.workers, four.load.workers), (1, 4));
    assert_eq!(
        plain.digest, one.digest,
        "what was there before has the digest it had"
    );
    assert_ne!(plain.digest, four.digest);
}
