//! A node that dies: what the platform makes anew elsewhere, and when.

use jiff::Timestamp;
use serde_json::Value;
use shakedown_tests::bystanders::Bystanders;
use shakedown_tests::drill::events;
use shakedown_tests::pods::Pods;
use shakedown_tests::shakedown::{Sandbox, ScenarioRun, alone, workspace};

use super::{passed, run};

const NODE: &str = "node-2";
/// Pods without a toleration of their own may stay on a node that is away for so long (deploy/cluster).
const TOLERATION_S: f64 = 5.0;
/// What the cluster may take beyond that.
const MORE_S: f64 = 15.0;
/// How often Kubernetes looks for pods whose node is said to be gone (`gcCheckPeriod` of its collector of pods).
const GIVEN_UP_S: f64 = 20.0;

#[test]
fn a_dead_nodes_pods_come_back_elsewhere_those_of_a_set_only_when_it_is_given_up() {
    let _alone = alone();
    let pods = Pods::ready();
    let beside = Bystanders::on(&pods, NODE);
    let sandbox = Sandbox::new();
    // Commands of the profile are run where Shakedown was started.
    std::os::unix::fs::symlink(workspace().join("deploy"), sandbox.path().join("deploy")).unwrap();
    let more = ["--set", "phases.steady=4s"];
    let ran = run(&sandbox, "kubernetes-node-lost", &more);
    passed(&ran, &pods);

    let freely = beside.pod("of-deployment");
    assert_ne!(freely.node, NODE);
    let since = seconds(not_ready_at(&ran), freely.ready_at);
    assert!(
        since <= TOLERATION_S + MORE_S,
        "the pod of a deployment was ready elsewhere {since} s after its node was not"
    );
    // The API server tells the time of a creation in whole seconds, rounded down.
    let bound = beside.pod("of-set");
    assert_ne!(bound.node, NODE);
    let since = seconds(injected_at(&ran, "given-up"), bound.created_at);
    assert!(
        (-1.0..=GIVEN_UP_S + MORE_S).contains(&since),
        "the pod of a stateful set was made anew {since} s after its node was given up"
    );
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

fn not_ready_at(ran: &ScenarioRun) -> Timestamp {
    let all = events(&ran.dir);
    let found = all.iter().find(|it| {
        it["step"] == "node-not-ready" && it["subject"] == format!("node {NODE}").as_str()
    });
    let time = found.unwrap()["own_time"].as_str().unwrap();
    time.parse().unwrap()
}

/// By the wall clock at the start of the run and the steady one since.
fn injected_at(ran: &ScenarioRun, fault: &str) -> Timestamp {
    let all = events(&ran.dir);
    let mono_ns = |it: &Value| it["mono_ns"].as_i64().unwrap();
    let started = all.iter().find(|it| it["event"] == "run-started").unwrap();
    let at: Timestamp = started["started_at"].as_str().unwrap().parse().unwrap();
    let is_it = |it: &&Value| it["event"] == "fault-injected" && it["firing"]["fault"] == fault;
    let injected = all.iter().find(is_it).unwrap();
    at + jiff::SignedDuration::from_nanos(mono_ns(injected) - mono_ns(started))
}
