//! What plans say of faults in a cluster: one sentence each, for people.

use shakedown_scenarios::describe;

use super::{KINDS, faulted};
use crate::common::{REFERENCE, compile_both, set, shipped, with};

/// The sentence on the fault `f`, without its name.
fn sentence(what: &str, to: Option<&str>, hold: Option<&str>) -> String {
    let compiled = compile_both(&faulted(what, to, hold), &shipped(REFERENCE), &[]);
    let text = describe(&compiled.unwrap_or_else(|told| panic!("{told}")).plan);
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("fault "));
    let line = line.unwrap_or_else(|| panic!("no fault in {text}")).trim();
    line.strip_prefix("f: ").expect("its name").to_string()
}

#[test]
fn every_kind_has_a_sentence_that_reads_well() {
    let leader = Some("{ role: leader }");
    let whole = Some("{ stateful-set: engine }");
    for (what, to, said) in [
        (
            "{ kill: {} }",
            leader,
            "kill (Kill, by an agent on its node) the replica that is leader then, when the steady phase ends, for 5 s then started again by its kubelet",
        ),
        (
            "{ freeze: {} }",
            leader,
            "freeze (SIGSTOP, by an agent on its node; a watchdog thaws if Shakedown dies) the replica that is leader then, when the steady phase ends, for 5 s then thawed",
        ),
        (
            "{ delete: { grace: 2s } }",
            leader,
            "delete (2 s of grace) the replica that is leader then, when the steady phase ends, for 5 s then replaced by the cluster",
        ),
        (
            "{ delete: { grace: 0s } }",
            Some("{ name: engine-2 }"),
            "delete (no grace) engine-2, when the steady phase ends, for 5 s then replaced by the cluster",
        ),
        (
            "{ evict: {} }",
            Some("{ percent: { part: engine, share: 50% } }"),
            "evict (as disruption budgets allow) 2 replicas of engine, chosen by the seed, when the steady phase ends, for 5 s then replaced by the cluster",
        ),
        (
            "{ cordon: {} }",
            leader,
            "cordon the node of the replica that is leader then, when the steady phase ends, for 5 s then uncordoned",
        ),
        (
            "{ drain: {} }",
            Some("{ node: node-1 }"),
            "drain (as disruption budgets allow) node node-1, when the steady phase ends, for 5 s then uncordoned",
        ),
        (
            "{ taint: { key: k } }",
            Some("{ random: { part: engine, without-role: leader } }"),
            "taint (k=shakedown:NoExecute) the node of 1 replica of engine that is not leader, chosen by the seed, when the steady phase ends, for 5 s then without the taint",
        ),
        (
            "{ node-stop: {} }",
            Some("{ zone: zone-a }"),
            "take the power from the nodes of every replica in zone zone-a, when the steady phase ends, for 5 s then started again",
        ),
        (
            "{ reboot: {} }",
            Some("{ part: engine }"),
            "reboot the nodes of every replica of engine, when the steady phase ends, for 5 s then back by itself",
        ),
        (
            "{ kubelet-stop: {} }",
            leader,
            "stop the kubelet on the node of the replica that is leader then, when the steady phase ends, for 5 s then let run on",
        ),
        (
            "{ runtime-stop: {} }",
            Some("{ label: { a: b } }"),
            "stop the container runtime on the nodes of every replica with a=b, when the steady phase ends, for 5 s then let run on",
        ),
        (
            "{ api-server-stop: {} }",
            None,
            "stop the API server, when the steady phase ends, for 5 s then started again",
        ),
        (
            "{ rolling-update: {} }",
            whole,
            "replace, as its strategy says, the pods of stateful set engine, when the steady phase ends, for 5 s then left as they are",
        ),
        (
            "{ rolling-update: { image: e:2 } }",
            Some("{ deployment: d }"),
            "update deployment d to image e:2, when the steady phase ends, for 5 s then back to the revision before",
        ),
        (
            "{ rollback: {} }",
            leader,
            "roll back the workload of the replica that is leader then, when the steady phase ends, for 5 s then forward again",
        ),
        (
            "{ scale: { replicas: 2 } }",
            whole,
            "scale stateful set engine to 2 pods, when the steady phase ends, for 5 s then as many as before",
        ),
        (
            "{ switch: { service: s, selector: { a: b, c: d } } }",
            None,
            "switch service s to a=b,c=d, when the steady phase ends, for 5 s then back again",
        ),
        (
            "{ partition: {} }",
            Some("{ link: { from: { zone: zone-a }, to: { peers: {} } } }"),
            "partition between every replica in zone zone-a and their peers, both ways, when the steady phase ends, for 5 s then joined again",
        ),
    ] {
        assert_eq!(sentence(what, to, Some("5s")), said);
    }
}

#[test]
fn what_is_over_by_itself_is_not_said_to_last() {
    for (name, what, to, needs_for) in KINDS {
        if needs_for {
            continue;
        }
        let said = sentence(what, to, None);
        assert!(
            said.contains("when the steady phase ends, then "),
            "{name}: {said}"
        );
        assert!(!said.contains("for 0"), "{name}: {said}");
    }
}

#[test]
fn a_plan_says_by_what_faults_are_done_in_a_cluster() {
    let text = describe(&with("kubernetes-leader-delete", &[]).unwrap().plan);
    for words in [
        "reference on kubernetes",
        "pods in namespace shakedown-reference of the current context that run already",
        "faults by agents (localhost/shakedown:local) in shakedown-agents",
    ] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    let bare = "{ context: stg, namespace: n, parts: { engine: { selector: a=b } }, entry: { service: s, port: 1 } }";
    let bare = set("profile.environments.kubernetes", bare);
    let text = describe(&with("kubernetes-leader-delete", &[bare]).unwrap().plan);
    assert!(
        text.contains("pods in namespace n of context stg"),
        "{text}"
    );
    assert!(
        text.contains("faults by the API alone: there is no agent"),
        "{text}"
    );
}

#[test]
fn only_what_goes_in_turn_is_said_to() {
    let local = |name: &str| describe(&with(name, &[]).unwrap().plan);
    assert!(local("rolling-restart").contains("every replica of engine, in turn, when"));
    assert!(!sentence("{ kill: {} }", Some("{ part: engine }"), Some("5s")).contains("in turn"));
}
