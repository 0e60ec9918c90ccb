use std::collections::BTreeMap;

use shakedown_scenarios::plan::TaintEffect;

use super::super::testing::{node, workload};
use super::*;
use crate::mechanisms::kubernetes::look::Readiness;

fn before() -> Before {
    Before {
        ready: vec!["engine-1".into()],
        workloads: vec![workload()],
        nodes: vec![node("node-1")],
        service: Some(service("blue")),
    }
}

fn service(slot: &str) -> ServiceLook {
    ServiceLook {
        name: "orders".into(),
        namespace: "stg".into(),
        uid: "1".into(),
        resource_version: "1".into(),
        kind: "ClusterIP".into(),
        cluster_ip: None,
        cluster_ips: Vec::new(),
        ports: Vec::new(),
        selector: BTreeMap::from([("slot".into(), slot.into())]),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    }
}

fn same() -> Now {
    Now {
        not_ready: Vec::new(),
        not_restarted: Vec::new(),
        others_at_work: false,
        workloads: vec![workload()],
        nodes: BTreeMap::from([("node-1".into(), node("node-1"))]),
        is_heard: true,
        service: Some(service("blue")),
    }
}

/// The differences after a change of what there is now, as `what, ours`.
fn after(kind: &ClusterKind, change: impl FnOnce(&mut Now)) -> Vec<(String, bool)> {
    let mut now = same();
    change(&mut now);
    let all = differences(kind, &before(), &now);
    all.into_iter().map(|it| (it.what, it.ours)).collect()
}

fn node_1(now: &mut Now) -> &mut NodeLook {
    now.nodes.get_mut("node-1").unwrap()
}

#[test]
fn only_the_state_before_is_clean() {
    assert_eq!(after(&ClusterKind::Drain, |_| {}), []);
    let unready = after(&ClusterKind::Drain, |now| {
        now.not_ready = vec!["engine-1".into()]
    });
    assert_eq!(unready, [("engine-1 is not ready".to_string(), false)]);
    let gone = after(&ClusterKind::Drain, |now| now.nodes.clear());
    assert!(
        gone[0].0.contains("not in the cluster any more"),
        "{gone:?}"
    );
}

#[test]
fn what_we_have_put_on_a_node_is_ours_and_the_rest_is_not() {
    let cordoned = |now: &mut Now| node_1(now).unschedulable = true;
    let ours = after(&ClusterKind::Cordon, cordoned);
    assert_eq!(ours, [("node node-1 is cordoned".to_string(), true)]);
    assert!(!after(&ClusterKind::NodeStop, cordoned)[0].1);
    let kind = ClusterKind::Taint {
        key: "drill".into(),
        value: "yes".into(),
        effect: TaintEffect::NoExecute,
    };
    let taint = |key: &str| Taint {
        key: key.into(),
        value: "yes".into(),
        effect: "NoExecute".into(),
    };
    assert!(after(&kind, |now| node_1(now).taints = vec![taint("drill")])[0].1);
    assert!(!after(&kind, |now| node_1(now).taints = vec![taint("theirs")])[0].1);
    let down = |now: &mut Now| node_1(now).ready.status = Readiness::Unknown;
    assert!(after(&ClusterKind::NodeStop, down)[0].1);
    assert!(!after(&ClusterKind::Drain, down)[0].1);
}

#[test]
fn a_container_that_lost_its_power_is_not_the_one_that_runs_afterwards() {
    let stale = after(&ClusterKind::NodeReboot, |now| {
        now.not_restarted = vec!["engine-1".into()];
    });
    let [(what, ours)] = stale.as_slice() else {
        panic!("{stale:?}")
    };
    assert!(
        what.starts_with("engine-1 is said to run as before"),
        "{what}"
    );
    assert!(!ours);
}

#[test]
fn a_node_that_is_better_than_before_is_as_before() {
    let lost = |key: &str| {
        let mut before = before();
        before.nodes[0].taints = vec![Taint {
            key: key.into(),
            value: String::new(),
            effect: "NoExecute".into(),
        }];
        differences(&ClusterKind::Cordon, &before, &same())
    };
    assert_eq!(lost("node.kubernetes.io/unreachable"), []);
    assert_eq!(lost("theirs").len(), 1);
}

#[test]
fn a_workload_is_done_only_when_all_its_pods_are() {
    let scale = ClusterKind::Scale { replicas: 1 };
    let scaled = after(&scale, |now| {
        let look = &mut now.workloads[0];
        (
            look.replicas,
            look.current,
            look.ready,
            look.updated,
            look.available,
        ) = (1, 1, 1, 1, 1);
    });
    assert_eq!(
        scaled,
        [(
            "statefulset/engine in stg is scaled to 1, and was to 3".to_string(),
            true
        )]
    );
    let image = |now: &mut Now| {
        now.workloads[0]
            .images
            .insert("engine".into(), "engine:2".into());
    };
    let update = ClusterKind::RollingUpdate {
        image: Some("engine:2".into()),
    };
    assert!(after(&update, image)[0].1);
    assert!(!after(&ClusterKind::Evict, image)[0].1);
    let going = |now: &mut Now| now.workloads[0].ready = 2;
    assert_eq!(after(&ClusterKind::Evict, going).len(), 1);
    let others = after(&ClusterKind::Evict, |now| {
        going(now);
        now.others_at_work = true;
    });
    assert_eq!(others, []);
}

#[test]
fn a_rollout_that_hung_before_may_hang_again() {
    let mut before = before();
    before.workloads[0].updated = 1;
    let mut now = same();
    now.workloads[0].updated = 1;
    assert_eq!(differences(&ClusterKind::Rollback, &before, &now), []);
}

#[test]
fn silence_and_another_selector_are_seen() {
    let silent = |now: &mut Now| now.is_heard = false;
    assert!(after(&ClusterKind::ApiServerStop, silent)[0].1);
    assert!(!after(&ClusterKind::Evict, silent)[0].1);
    let switch = ClusterKind::Switch {
        service: "orders".into(),
        selector: BTreeMap::new(),
    };
    assert!(after(&switch, |now| now.service = Some(service("green")))[0].1);
}

#[test]
fn what_is_ours_comes_with_the_command_and_what_somebody_else_changed_does_not() {
    let cordoned = [Difference {
        what: "node node-1 is cordoned".into(),
        ours: true,
    }];
    let ours = not_clean("it#1", &cordoned, &[], "kubectl uncordon node-1");
    assert_eq!(ours.left.unwrap().remove_with, "kubectl uncordon node-1");
    let foreign = not_clean("it#1", &cordoned, &["the scale: it is 4".into()], "kubectl");
    assert!(
        foreign.left.is_none() && foreign.reason.contains("it is 4"),
        "{foreign:?}"
    );
    let slow = not_clean("it#1", &[theirs("engine-1 is not ready".into())], &[], "");
    assert_eq!(slow.left, None);
}
