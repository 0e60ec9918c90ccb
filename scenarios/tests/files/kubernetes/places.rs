//! Whom selectors mean in a cluster, and how many of them may be down at once.

use shakedown_scenarios::guards::Guard;
use shakedown_scenarios::plan::{LinkEnd, Placed, Plan, Selector};

use super::{compiled, elsewhere, faulted, plan, stands};
use crate::common::{REFERENCE, compile_both, only, set, shipped};
use crate::guards::said;

#[test]
fn a_service_is_the_second_end_of_a_link_and_only_in_a_cluster() {
    let to = "{ link: { from: { role: leader }, to: { service: store } } }";
    let cut = plan("{ partition: {} }", Some(to), Some("5s"));
    let Selector::Link { to: end, .. } = &cut.faults[0].to else {
        panic!("{:?}", cut.faults[0].to);
    };
    assert_eq!(*end, LinkEnd::Service("store".into()));
    let told = only(elsewhere("local", "{ partition: {} }", Some(to)));
    assert!(
        told.message.contains("there are no pods and nodes"),
        "{told:?}"
    );
}

#[test]
fn places_are_of_clusters_and_shares_are_everywhere() {
    for (to, placed) in [
        ("{ node: node-1 }", Placed::Node("node-1".into())),
        ("{ zone: zone-a }", Placed::Zone("zone-a".into())),
        ("{ service: s }", Placed::Service("s".into())),
        ("{ deployment: d }", Placed::Deployment("d".into())),
        ("{ stateful-set: e }", Placed::StatefulSet("e".into())),
        (
            "{ label: { a.b/c: d } }",
            Placed::Label([("a.b/c".into(), "d".into())].into()),
        ),
    ] {
        let plan = plan("{ kill: {} }", Some(to), Some("5s"));
        assert_eq!(plan.faults[0].to, Selector::Placed(placed));
        let (key, _) = to.trim_start_matches("{ ").split_once(':').expect("a key");
        for place in ["local", "docker"] {
            let told = only(elsewhere(place, "{ kill: {} }", Some(to)));
            stands(
                &told,
                &format!("faults.f.to.{key}"),
                to,
                "--environment kubernetes",
            );
            assert!(
                told.message.contains("there are no pods and nodes"),
                "{told}"
            );
        }
    }
    for end in ["node: node-1", "zone: zone-a", "label: { a: b }"] {
        let link = format!("{{ link: {{ from: {{ {end} }}, to: {{ peers: {{}} }} }} }}");
        plan("{ partition: {} }", Some(&link), Some("5s"));
        let told = only(elsewhere("local", "{ partition: {} }", Some(&link)));
        assert!(
            told.path
                .as_deref()
                .unwrap_or_default()
                .starts_with("faults.f.to.link.from."),
            "{told}"
        );
    }
    for (share, chosen) in [("1%", 1), ("34%", 1), ("50%", 2), ("67%", 2), ("100%", 3)] {
        let to = format!("{{ percent: {{ part: engine, share: {share} }} }}");
        for plan in [
            plan("{ kill: {} }", Some(&to), Some("5s")),
            elsewhere("local", "{ kill: {} }", Some(&to)).unwrap().plan,
        ] {
            let Selector::Random { count, .. } = plan.faults[0].to else {
                panic!("{:?}", plan.faults[0].to);
            };
            assert_eq!(count, chosen, "{share}");
        }
    }
}

#[test]
fn selectors_that_mean_nothing() {
    for (to, path, said) in [
        (
            "{ percent: { part: engine, share: 0% } }",
            "percent.share",
            "no share of the replicas",
        ),
        (
            "{ percent: { part: store, share: 50% } }",
            "percent.part",
            "no part `store`",
        ),
        ("{ percent: { part: engine } }", "percent", "share"),
        ("{ label: {} }", "label", "no label is named"),
        (
            "{ label: { a: \"b,c\" } }",
            "label.a",
            "`a: b,c` is no label",
        ),
        ("{ label: { a=b: c } }", "label.a=b", "is no label"),
        ("{ node: \"\" }", "node", "is no name"),
        ("{ service: my service }", "service", "is no name"),
        ("{ zone: a, node: b }", "", "2"),
        ("{ daemon-set: d }", "", "daemon-set"),
    ] {
        let told = compiled("{ kill: {} }", Some(to), Some("5s")).unwrap_err();
        let told = only(Err(told));
        let path = format!("faults.f.to.{path}");
        let found = told.path.as_deref().unwrap_or_default();
        assert!(
            path.trim_end_matches('.').starts_with(found) || found == path,
            "{path}: {told}"
        );
        assert!(told.to_string().contains(said), "{to}: {told}");
    }
    let twice = "{ link: { from: { zone: a }, to: { zone: a } } }";
    let told = only(compiled("{ partition: {} }", Some(twice), Some("5s")));
    assert!(told.message.contains("both ends are the same"), "{told}");
}

#[test]
fn what_shows_only_when_a_fault_fires_counts_as_one_before() {
    let quorum = |plan: &Plan| {
        let refused = said(plan);
        assert!(
            refused.iter().all(|it| it.guard == Guard::Quorum),
            "{refused:?}"
        );
        !refused.is_empty()
    };
    for to in [
        "{ zone: zone-a }",
        "{ node: n }",
        "{ stateful-set: engine }",
        "{ label: { a: b } }",
    ] {
        assert!(!quorum(&plan("{ kill: {} }", Some(to), Some("5s"))), "{to}");
        let link = format!("{{ link: {{ from: {to}, to: {{ clients: {{}} }} }} }}");
        if !to.contains("stateful-set") {
            assert!(
                !quorum(&plan("{ partition: {} }", Some(&link), Some("5s"))),
                "{link}"
            );
        }
    }
    let none = set("guards.blast-radius", "{ count: 0 }");
    for link in [
        "{ link: { from: { zone: a }, to: { peers: {} } } }",
        "{ link: { from: { zone: a }, to: { clients: {} } } }",
        "{ link: { from: { zone: a }, to: { zone: b } } }",
        "{ link: { from: { role: leader }, to: { zone: b } } }",
    ] {
        let scenario = faulted("{ partition: {} }", Some(link), Some("5s"));
        let plan = compile_both(&scenario, &shipped(REFERENCE), std::slice::from_ref(&none));
        let refused = said(&plan.unwrap().plan);
        assert_eq!(refused.len(), 1, "{link}: {refused:?}");
        assert_eq!(refused[0].guard, Guard::BlastRadius);
    }
    // All of a part is known to be more than may be spared; one place counts once, two places twice.
    assert!(quorum(&plan(
        "{ delete: {} }",
        Some("{ part: engine }"),
        None
    )));
    let second = |to: &str| {
        let soon = "{ after: { fault: f, by: 1s } }";
        let second = format!("{{ do: {{ delete: {{}} }}, to: {to}, when: {soon} }}");
        let scenario = faulted("{ kill: {} }", Some("{ zone: zone-a }"), Some("5s"));
        compile_both(
            &scenario,
            &shipped(REFERENCE),
            &[set("faults.second", &second)],
        )
        .unwrap()
        .plan
    };
    assert!(!quorum(&second("{ zone: zone-a }")));
    assert!(quorum(&second("{ zone: zone-b }")));
    assert!(quorum(&second("{ role: leader }")));
}

#[test]
fn kinds_that_take_nobody_away_are_within_any_radius() {
    let none = [set("guards.blast-radius", "{ count: 0 }")];
    for (what, to, takes) in [
        ("{ cordon: {} }", Some("{ role: leader }"), false),
        (
            "{ taint: { key: k, effect: no-schedule } }",
            Some("{ role: leader }"),
            false,
        ),
        ("{ taint: { key: k } }", Some("{ role: leader }"), true),
        (
            "{ scale: { replicas: 3 } }",
            Some("{ part: engine }"),
            false,
        ),
        ("{ scale: { replicas: 2 } }", Some("{ part: engine }"), true),
        ("{ api-server-stop: {} }", None, false),
        (
            "{ switch: { service: s, selector: { a: b } } }",
            None,
            false,
        ),
        ("{ rolling-update: {} }", Some("{ part: engine }"), true),
        ("{ drain: {} }", Some("{ role: leader }"), true),
        ("{ evict: {} }", Some("{ role: leader }"), true),
        ("{ node-stop: {} }", Some("{ role: leader }"), true),
        ("{ kubelet-stop: {} }", Some("{ role: leader }"), true),
    ] {
        let scenario = faulted(what, to, Some("5s"));
        let plan = compile_both(&scenario, &shipped(REFERENCE), &none)
            .unwrap()
            .plan;
        assert_eq!(!said(&plan).is_empty(), takes, "{what}");
    }
    let one = plan(
        "{ scale: { replicas: 1 } }",
        Some("{ part: engine }"),
        Some("5s"),
    );
    assert!(
        said(&one)[0].saw.contains("takes 2 of the 3 replicas"),
        "{:?}",
        said(&one)
    );
}
