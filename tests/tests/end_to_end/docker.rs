//! Faults on real containers of a Docker Engine (DOCKER_HOST, or the usual socket): they bite, they heal, also when
//! Shakedown is killed, and what is protected or gone is treated so. `tests/docker.sh` brings an engine along.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

mod hft;

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use shakedown_record::Verdict;
use shakedown_record::run_record::RunRecord;
use shakedown_tests::containers::Containers;
use shakedown_tests::drill::{scenario, targets_of};
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, alone, beside, failover, library, run_arguments, within_s,
};

const REPLICAS: [&str; 3] = ["engine-1", "engine-2", "engine-3"];

/// A load that leaves the machine room for an engine of containers beside it.
const SMALL: [&str; 6] = [
    "--set",
    "load.arrival.poisson.rate=400/s",
    "--set",
    "sla.steady-rate.throughput.at-least=300/s",
    "--set",
    "phases.steady=3s",
];

/// One that leaves it room for several clusters.
const TINY: [&str; 6] = [
    "--set",
    "load.arrival.poisson.rate=200/s",
    "--set",
    "sla.steady-rate.throughput.at-least=150/s",
    "--set",
    "phases.steady=6s",
];

fn run(sandbox: &Sandbox, name: &str, more: &[&str]) -> ScenarioRun {
    let all: Vec<&str> = SMALL.iter().chain(more).copied().collect();
    sandbox.run_soundly(&library(name), &all)
}

/// Passed with everything read back, its faults seen and gone.
fn passed(run: &ScenarioRun) -> RunRecord {
    let record = run.expect_code(0);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.data_loss.lost, Some(0));
    assert_eq!(record.data_loss.coverage.replicas_read, 3);
    for fault in &record.faults {
        assert!(fault.effect.confirmed, "{fault:?}");
        assert!(fault.clean_at_s.is_some(), "{fault:?}");
    }
    assert!(
        failover(&record).recovered_s.is_some(),
        "{:?}",
        record.failover
    );
    record
}

fn fault_is_seen(dir: &Path) -> bool {
    fs::read_to_string(dir.join("events.jsonl")).is_ok_and(|events| events.contains("fault-effect"))
}

#[test]
fn a_leader_that_is_paused_and_one_that_is_killed() {
    let _alone = alone();
    let containers = Containers::start();
    let sandbox = Sandbox::new();
    let paused = run(&sandbox, "docker-leader-pause", &[]);
    let record = passed(&paused);
    let target = &record.faults[0].targets[0];
    assert_eq!(target.role.as_deref(), Some("leader"));
    assert!(target.handle.starts_with("container "), "{target:?}");
    assert!(record.faults[0].mechanism.contains("pause"), "{record:?}");
    // A cluster with a leader that is silent has to elect another one.
    let failover = failover(&record);
    assert!(
        failover.recovered_s.is_some_and(|s| s > 0.2),
        "{failover:?}"
    );
    assert_eq!(record.target.image_digests.len(), 1);
    assert_eq!(containers.in_state("paused"), None);

    let started =
        |replica: &str| containers.inspect(replica).unwrap()["State"]["StartedAt"].clone();
    let before = REPLICAS.map(started);
    let killed = run(&sandbox, "docker-leader-kill", &[]);
    let record = passed(&killed);
    let name = record.faults[0].targets[0].name.clone();
    assert!(
        record.faults[0].effect.text.contains("signal 9 (KILL)"),
        "{:?}",
        record.faults
    );
    for (replica, before) in REPLICAS.iter().zip(before) {
        assert_eq!(started(replica) != before, *replica == name, "{replica}");
    }
    assert!(
        !killed.finished.said().contains("ended by itself"),
        "{}",
        killed.finished.said()
    );
    sandbox
        .run(&["recover"])
        .expect_code(0)
        .expect_words(&["clean"]);
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn stop_and_disconnect_are_healed_with_the_same_place_in_the_network() {
    let _alone = alone();
    let containers = Containers::start();
    let places = || {
        REPLICAS.map(|replica| {
            let seen = containers.inspect(replica).unwrap();
            let place = &seen["NetworkSettings"]["Networks"]["shakedown-reference_cluster"];
            (
                place["IPAddress"].clone(),
                place["Aliases"].clone(),
                place["IPAMConfig"].clone(),
            )
        })
    };
    let before = places();
    let sandbox = Sandbox::new();
    for kind in ["{ disconnect: {} }", "{ stop: { grace: 2s } }"] {
        let set = format!("faults.leader-dies.do={kind}");
        let record = passed(&run(&sandbox, "docker-leader-kill", &["--set", &set]));
        assert!(kind.contains(&record.faults[0].kind), "{:?}", record.faults);
        assert_eq!(places(), before, "after {kind}");
    }
}

#[test]
fn a_partition_and_limits_act_inside_the_containers() {
    let _alone = alone();
    let containers = Containers::start();
    let before = REPLICAS.map(|replica| containers.ruleset(replica));
    let sandbox = Sandbox::new();
    let cut = run(&sandbox, "leader-partition", &["--environment", "docker"]);
    let record = passed(&cut);
    let hit = &record.faults[0].effect.figures[0];
    assert!(hit.measured.is_some_and(|packets| packets > 0.0), "{hit:?}");
    assert_eq!(REPLICAS.map(|replica| containers.ruleset(replica)), before);
    let starved = run(&sandbox, "out-of-memory", &["--environment", "docker"]);
    let record = passed(&starved);
    assert!(
        record.faults[0].effect.text.contains("want of memory"),
        "{:?}",
        record.faults
    );
}

#[test]
fn a_killed_shakedown_leaves_no_container_paused() {
    let _alone = alone();
    let containers = Containers::start();
    let sandbox = Sandbox::new();
    let (scenario, dir) = (library("docker-leader-pause"), sandbox.new_run_dir());
    let running = Running::start(sandbox.command(&run_arguments(&scenario, &dir, &SMALL)));
    assert!(within_s(60.0, || fault_is_seen(&dir)), "no fault was seen");
    let paused = containers.in_state("paused").expect("the leader is paused");
    running.signal(Signal::KILL);
    let ran_on = within_s(1.0, || containers.state(paused) == "running");
    running.finish();
    assert!(ran_on, "{paused} is still {}", containers.state(paused));
    assert_eq!(sandbox.left_after_s(3.0), []);
    sandbox.run(&["recover"]).expect_code(0);
    sandbox
        .run(&["recover"])
        .expect_code(0)
        .expect_words(&["clean"]);
    assert_eq!(containers.in_state("paused"), None);
}

#[test]
fn a_protected_container_is_not_touched() {
    let _alone = alone();
    let containers = Containers::with_protected("engine-2");
    let sandbox = Sandbox::new();
    let aimed = ["--set", "faults.leader-paused.to={ name: engine-2 }"];
    let refused = run(&sandbox, "docker-leader-pause", &aimed);
    refused
        .finished
        .expect_code(77)
        .expect_words(&["protected", "shakedown.dev/protected=true"]);
    assert!(!sandbox.path().join("state").exists());
    assert_eq!(containers.state("engine-2"), "running");
    // What does not prove that it is no production is not touched either.
    let other = "profile.not-production=[ { get: /version, where: { /name: another-engine } } ]";
    let refused = run(&sandbox, "docker-leader-pause", &["--set", other]);
    refused
        .finished
        .expect_code(77)
        .expect_words(&["not production"]);
}

/// Removes a container while a fault is on it.
fn removed_under(kind: &str) {
    let _beside = beside();
    let containers = Containers::beside_others();
    let sandbox = Sandbox::new();
    let (scenario, dir) = (library("docker-leader-pause"), sandbox.new_run_dir());
    let set = format!("faults.leader-paused.do={kind}");
    let these = containers.selected();
    // A replica that is gone does not come back, however long it is waited for.
    let soon = [
        "--set",
        &set,
        "--set",
        &these,
        "--set",
        "phases.recovery.at-most=20s",
    ];
    let more: Vec<&str> = TINY.iter().copied().chain(soon).collect();
    let running = Running::start(sandbox.command(&run_arguments(&scenario, &dir, &more)));
    let seen = within_s(60.0, || fault_is_seen(&dir));
    assert!(seen, "{kind}: no fault was seen");
    containers.remove(&targets_of(&dir, "leader-paused")[0]);
    let run = ScenarioRun {
        finished: running.finish(),
        dir,
    };
    let record = run.record();
    assert_ne!(record.verdict, Verdict::Pass, "{}", run.finished.said());
    assert_ne!(run.finished.code, Some(0));
    // Whether an order of ours is open on a copy that is gone cannot be told; no fault of ours is left.
    assert_eq!(record.leftovers.faults, 0, "{kind}: {:?}", record.leftovers);
    assert_eq!(record.faults[0].clean_at_s, None, "{:?}", record.faults);
    let events = fs::read_to_string(run.dir.join("events.jsonl")).unwrap();
    assert!(events.contains("was removed"), "{kind}: {events}");
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn a_container_that_is_removed_while_paused_never_leads_to_a_pass() {
    removed_under("{ freeze: {} }");
}

#[test]
fn a_container_that_is_removed_while_stopped_never_leads_to_a_pass() {
    removed_under("{ stop: { grace: 2s } }");
}

#[test]
fn a_container_that_is_removed_while_disconnected_never_leads_to_a_pass() {
    removed_under("{ disconnect: {} }");
}

#[test]
fn what_the_engine_does_with_its_effect_left_out() {
    let _beside = beside();
    let containers = Containers::beside_others();
    let sandbox = Sandbox::new();
    let faults = [
        ("pause", "{ freeze: {} }", "engine-2"),
        ("kill", "{ kill: {} }", "engine-3"),
        ("stop", "{ stop: { grace: 2s } }", "engine-2"),
        ("disconnect", "{ disconnect: {} }", "engine-3"),
    ];
    let mut after = "{ phase: steady }".to_string();
    let these = containers.selected();
    let mut flags = vec!["--environment", "docker", "--set", &these];
    let mut lines = Vec::new();
    for (id, what, to) in faults {
        lines.push(format!(
            "{id}: {{ do: {what}, to: {{ name: {to} }}, when: {{ after: {after} }}, for: 2s }}"
        ));
        after = format!("{{ fault: {id}, by: 5s }}");
        flags.extend(["--blunt", id]);
    }
    let path = sandbox.write("drill.yaml", scenario(&lines));
    let record = sandbox.run_scenario(&path, &flags).expect_code(2);
    assert_eq!(record.verdict, Verdict::Inconclusive);
    assert!(!record.dirty, "{:?}", record.leftovers);
    for (id, ..) in faults {
        let fault = record.faults.iter().find(|fault| fault.name == id).unwrap();
        assert!(fault.clean_at_s.is_some(), "{fault:?}");
        assert!(!fault.effect.confirmed, "{fault:?}");
    }
}
