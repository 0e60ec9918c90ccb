use shakedown_scenarios::plan::{Repeat, TaintEffect, Trigger};

use super::*;
use crate::environment::Replica;
use crate::mechanisms::kubernetes::look::PodLook;
use crate::testing::plan;

fn fault(kind: ClusterKind, to: Selector) -> FaultPlan {
    FaultPlan {
        id: "outage".to_string(),
        kind: FaultKind::Cluster(kind),
        to,
        when: Trigger::AfterSteady { by_ns: 0 },
        hold_ns: 1,
        repeat: Repeat {
            times: 1,
            every_ns: 0,
            jitter_ns: 0,
        },
    }
}

fn pod(number: u32, node: &str) -> FoundPod {
    let text = format!(
        r#"{{"metadata":{{"name":"engine-{number}","namespace":"stg","uid":"{number}","labels":{{"tier":"t{number}"}}}},
             "spec":{{"nodeName":"{node}","containers":[]}},"status":{{"phase":"Running"}}}}"#
    );
    FoundPod {
        replica: Replica {
            name: format!("engine-{number}"),
            part: "engine".to_string(),
            base_url: String::new(),
        },
        look: PodLook::of(&serde_json::from_str(&text).unwrap()).unwrap(),
        container: "engine".to_string(),
        address: "10.0.0.1:8080".parse().unwrap(),
    }
}

fn node(name: &str, zone: &str) -> NodeLook {
    let text = format!(
        r#"{{"metadata":{{"name":"{name}","uid":"{name}","labels":{{"topology.kubernetes.io/zone":"{zone}"}}}}}}"#
    );
    NodeLook::of(&serde_json::from_str(&text).unwrap()).unwrap()
}

/// Replicas on node-1 and node-2; node-3 has none.
fn said(kind: ClusterKind, to: Selector, own: Result<Option<&str>, &str>) -> Option<String> {
    let mut plan = plan(&["http://127.0.0.1:9".to_string()]);
    plan.faults = vec![fault(kind, to)];
    let found = [pod(1, "node-1"), pod(2, "node-2")];
    let nodes = [
        node("node-1", "a"),
        node("node-2", "b"),
        node("node-3", "b"),
    ];
    let own = own
        .map(|own| own.map(str::to_string))
        .map_err(str::to_string);
    on_own_node(&plan, own, &found, &nodes)
}

fn placed(placed: Placed) -> Selector {
    Selector::Placed(placed)
}

#[test]
fn a_node_that_may_hold_the_leader_is_no_place_to_run_on() {
    let leader = || Selector::Role("leader".to_string());
    for kind in [
        ClusterKind::NodeStop,
        ClusterKind::NodeReboot,
        ClusterKind::Drain,
        ClusterKind::KubeletStop,
        ClusterKind::RuntimeStop,
        ClusterKind::Taint {
            key: "k".to_string(),
            value: "v".to_string(),
            effect: TaintEffect::NoExecute,
        },
    ] {
        for own in ["node-1", "node-2"] {
            let why = said(kind.clone(), leader(), Ok(Some(own))).unwrap();
            assert!(why.contains(&format!("may hit {own}")), "{why}");
        }
        assert_eq!(said(kind.clone(), leader(), Ok(Some("node-3"))), None);
        assert_eq!(said(kind, leader(), Ok(None)), None);
    }
}

#[test]
fn what_leaves_the_pods_of_a_node_alone_may_be_done_to_our_own() {
    let leader = || Selector::Role("leader".to_string());
    let quiet = ClusterKind::Taint {
        key: "k".to_string(),
        value: "v".to_string(),
        effect: TaintEffect::NoSchedule,
    };
    for kind in [ClusterKind::Cordon, quiet, ClusterKind::Evict] {
        assert_eq!(said(kind, leader(), Ok(Some("node-1"))), None);
    }
}

#[test]
fn a_fault_that_names_its_place_leaves_other_places_to_run_on() {
    let stop = |to, own| said(ClusterKind::NodeStop, to, Ok(Some(own))).is_some();
    let second = || placed(Placed::Node("node-2".to_string()));
    assert!(stop(second(), "node-2"));
    assert!(!stop(second(), "node-1"));
    // The zone's other node: the replica may be there by then.
    let zone = || placed(Placed::Zone("b".to_string()));
    assert!(stop(zone(), "node-3"));
    assert!(!stop(zone(), "node-1"));
    let name = || Selector::Name("engine-1".to_string());
    assert!(stop(name(), "node-1"));
    assert!(!stop(name(), "node-2"));
    let label = Placed::Label([("tier".to_string(), "t2".to_string())].into());
    assert!(!stop(placed(label.clone()), "node-1"));
    assert!(stop(placed(label), "node-2"));
}

#[test]
fn a_place_that_cannot_be_found_out_is_refused_where_it_matters() {
    let leader = || Selector::Role("leader".to_string());
    let why = said(ClusterKind::Drain, leader(), Err("no right")).unwrap();
    assert!(
        why.contains("no right") && why.contains("NODE_NAME"),
        "{why}"
    );
    assert_eq!(said(ClusterKind::Evict, leader(), Err("no right")), None);
}
