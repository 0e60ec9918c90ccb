//! Faults in a cluster: which there are, and which are refused where and why.

use shakedown_scenarios::plan::{ClusterKind, FaultKind};

use super::{KINDS, ON_LEADER, ON_LINK, compiled, elsewhere, faulted, plan, stands};
use crate::common::{REFERENCE, compile_both, only, set, shipped};

#[test]
fn each_kind_compiles_for_a_cluster_and_is_refused_elsewhere() {
    for (name, what, to, needs_for) in KINDS {
        let plan = plan(what, to, Some("5s"));
        assert_eq!(plan.faults[0].kind.name(), name);
        assert!(
            matches!(plan.faults[0].kind, FaultKind::Cluster(_)),
            "{name}"
        );
        let without = compiled(what, to, None);
        match needs_for {
            false => assert_eq!(without.unwrap().plan.faults[0].hold_ns, 0, "{name}"),
            true => {
                let told = only(without);
                assert!(told.message.contains("`for` is missing"), "{what}: {told}");
            }
        }
        for place in ["local", "docker"] {
            let everywhere = to.map(|_| "{ role: leader }");
            let told = only(elsewhere(place, what, everywhere));
            stands(&told, "faults.f.do", what, "--environment kubernetes");
            let said = format!("`{name}` is done to a Kubernetes cluster");
            assert!(
                told.message.contains(&said) && told.message.contains(place),
                "{told}"
            );
        }
    }
}

#[test]
fn what_is_done_by_means_of_the_node_compiles_for_a_cluster_too() {
    for what in [
        "{ kill: {} }",
        "{ freeze: {} }",
        "{ cpu: { limit: 10% } }",
        "{ cpu: { stress: 2 } }",
    ] {
        plan(what, ON_LEADER, Some("5s"));
    }
    for what in [
        "{ memory: { limit: 8MiB } }",
        "{ out-of-memory: {} }",
        "{ dns: {} }",
    ] {
        plan(what, ON_LEADER, Some("5s"));
    }
    for what in [
        "{ partition: {} }",
        "{ loss: { share: 1% } }",
        "{ reset: {} }",
        "{ delay: { by: 1ms } }",
    ] {
        plan(what, ON_LINK, Some("5s"));
    }
    plan("{ bandwidth: { rate: 1MB/s } }", ON_LINK, Some("5s"));
}

#[test]
fn what_is_not_done_to_pods_is_refused_with_what_is() {
    for (what, said, hint) in [
        (
            "{ stop: {} }",
            "is done to containers of a Docker Engine",
            "delete: { grace: 10s }",
        ),
        (
            "{ disconnect: {} }",
            "is done to containers of a Docker Engine",
            "partition: {}",
        ),
        (
            "{ clock-skew: { ahead: 1s } }",
            "is not done to pods",
            "--environment local",
        ),
        (
            "{ slow-disk: { sync-by: 1ms } }",
            "is not done to pods",
            "--environment local",
        ),
        (
            "{ failing-disk: { share: 1% } }",
            "is not done to pods",
            "--environment local",
        ),
        (
            "{ disk-full: {} }",
            "is not done to pods",
            "--environment local",
        ),
        (
            "{ power-cut: {} }",
            "is not done to pods",
            "--environment local",
        ),
    ] {
        let told = only(compiled(what, ON_LEADER, Some("5s")));
        assert!(told.message.contains(said), "{told}");
        stands(&told, "faults.f.do", what, hint);
    }
    let told = only(compiled("{ restart: {} }", ON_LEADER, None));
    assert!(told.message.contains("a pod is not restarted"), "{told}");
    stands(
        &told,
        "faults.f.do",
        "{ restart: {} }",
        "rolling-update: {}",
    );
    let told = only(compiled("{ half-open: {} }", ON_LINK, Some("5s")));
    assert!(told.message.contains("is not done to pods"), "{told}");
}

#[test]
fn faults_of_a_cluster_that_make_no_sense() {
    for (what, to, path, said) in [
        (
            "{ delete: { grace: 500ms } }",
            ON_LEADER,
            "do.delete.grace",
            "whole seconds",
        ),
        (
            "{ delete: { grace: 11m } }",
            ON_LEADER,
            "do.delete.grace",
            "more than 10m",
        ),
        (
            "{ taint: { key: a=b } }",
            ON_LEADER,
            "do.taint",
            "`a=b=shakedown` is no taint",
        ),
        (
            "{ taint: { key: a, value: \"b:NoExecute\" } }",
            ON_LEADER,
            "do.taint",
            "is no taint",
        ),
        (
            "{ rolling-update: { image: \"\" } }",
            ON_LEADER,
            "do.rolling-update.image",
            "no image",
        ),
        (
            "{ rolling-update: { image: a b } }",
            ON_LEADER,
            "do.rolling-update.image",
            "no image",
        ),
        (
            "{ scale: { replicas: 1001 } }",
            ON_LEADER,
            "do.scale.replicas",
            "not sensible",
        ),
        (
            "{ switch: { service: s, selector: {} } }",
            None,
            "do.switch.selector",
            "no label",
        ),
        (
            "{ switch: { service: s, selector: { a: b=c } } }",
            None,
            "do.switch.selector.a",
            "no label",
        ),
        (
            "{ api-server-stop: {} }",
            ON_LEADER,
            "to",
            "not done to replicas",
        ),
        (
            "{ switch: { service: s, selector: { a: b } } }",
            ON_LEADER,
            "to",
            "not done to replicas",
        ),
        (
            "{ drain: {} }",
            ON_LINK,
            "to",
            "is done to replicas, and this is a link",
        ),
        (
            "{ partition: {} }",
            Some("{ zone: a }"),
            "to",
            "is done to a link",
        ),
    ] {
        let told = only(compiled(what, to, Some("5s")));
        assert!(told.message.contains(said), "{what}: {told}");
        stands(&told, &format!("faults.f.{path}"), "", "");
        assert!(told.hint.is_some(), "{told}");
    }
    let told = only(compiled("{ drain: {} }", None, Some("5s")));
    assert!(told.message.contains("`to` is missing"), "{told}");
    for (what, key) in [
        ("{ taint: {} }", "key"),
        ("{ scale: {} }", "replicas"),
        ("{ switch: { service: s } }", "selector"),
        ("{ taint: { key: k, effect: NoExecute } }", "no-execute"),
        ("{ drain: { force: true } }", "force"),
    ] {
        let told = only(compiled(what, None, Some("5s")));
        assert!(told.to_string().contains(key), "{what}: {told}");
    }
}

#[test]
fn what_others_send_cannot_be_made_slow_from_a_node() {
    for (to, direction, hint) in [
        ("{ clients: {} }", "both", Some("write direction: there")),
        ("{ clients: {} }", "back", Some("write direction: there")),
        ("{ service: s }", "both", Some("write direction: there")),
        ("{ service: s }", "back", Some("write direction: there")),
        ("{ service: s }", "there", None),
        ("{ clients: {} }", "there", None),
        ("{ peers: {} }", "back", Some("write direction: there")),
        ("{ peers: {} }", "both", None),
        ("{ zone: zone-b }", "back", Some("exchange the ends")),
        ("{ zone: zone-b }", "there", None),
    ] {
        let link =
            format!("{{ link: {{ from: {{ role: leader }}, to: {to}, direction: {direction} }} }}");
        for what in ["{ delay: { by: 5ms } }", "{ bandwidth: { rate: 1MB/s } }"] {
            let result = compiled(what, Some(&link), Some("5s"));
            match hint {
                None => assert!(result.is_ok(), "{link}"),
                Some(hint) => stands(&only(result), "faults.f.to", &link, hint),
            }
        }
        compiled("{ partition: {} }", Some(&link), Some("5s")).unwrap();
    }
}

#[test]
fn without_an_api_server_nothing_else_can_be_done_to_a_cluster() {
    let beside = |what: &str, by: &str| {
        let when = format!("{{ after: {{ fault: f, by: {by} }} }}");
        let second = format!("{{ do: {what}, to: {{ role: leader }}, when: {when}, for: 2s }}");
        let scenario = faulted("{ api-server-stop: {} }", None, Some("5s"));
        compile_both(
            &scenario,
            &shipped(REFERENCE),
            &[set("faults.second", &second)],
        )
    };
    for what in [
        "{ kill: {} }",
        "{ delete: {} }",
        "{ cordon: {} }",
        "{ node-stop: {} }",
    ] {
        let told = only(beside(what, "1s"));
        assert!(
            told.message.contains("without the API server nothing else"),
            "{told}"
        );
        assert_eq!(told.path.as_deref(), Some("faults.second.when"), "{told}");
        beside(what, "6s").unwrap_or_else(|told| panic!("{told}"));
    }
    beside("{ hook: { inject: [a], confirm: [b], heal: [c] } }", "1s").unwrap();
}

#[test]
fn a_grace_is_kept_to_the_second() {
    let grace = |what: &str| match plan(what, ON_LEADER, None).faults[0].kind {
        FaultKind::Cluster(ClusterKind::Delete { grace_ns }) => grace_ns,
        ref other => panic!("{other:?}"),
    };
    assert_eq!(grace("{ delete: {} }"), None);
    assert_eq!(grace("{ delete: { grace: 0s } }"), Some(0));
    assert_eq!(grace("{ delete: { grace: 90s } }"), Some(90_000_000_000));
}
