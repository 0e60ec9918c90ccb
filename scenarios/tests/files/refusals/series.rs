//! Limits on the system's own series, its resources and its alerts.

use super::*;

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
