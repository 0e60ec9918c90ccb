//! Limits that cannot be answered, and which of two holds.

use super::*;

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
