//! Faults on links: not believed without effect, and gone with Shakedown.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::collections::BTreeSet;
use std::fs;

use rustix::process::Signal;
use shakedown_record::Verdict;
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, alone, beside, library, run_arguments, within_s,
};

const HALF_THE_LOAD: [&str; 6] = [
    "--set",
    "load.arrival.poisson.rate=400/s",
    "--set",
    "sla.steady-rate.throughput.at-least=300/s",
    "--set",
    "phases.steady=5s",
];

fn run(sandbox: &Sandbox, name: &str, set: &str) -> ScenarioRun {
    let mut more = vec!["--set", set];
    more.extend_from_slice(&HALF_THE_LOAD);
    sandbox.run_scenario(&library(name), &more)
}

/// Interfaces of ours in the namespace in which Shakedown runs.
fn interfaces() -> BTreeSet<String> {
    fs::read_dir("/sys/class/net")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("shk"))
        .collect()
}

#[test]
fn a_cut_that_cuts_nothing_is_no_fault() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    // Nobody serves there: no connection could be lost.
    let nobody = "faults.leader-alone.do={ partition: { ports: [9] } }";
    let run = run(&sandbox, "leader-partition", nobody);
    let record = run.expect_code(2);
    assert_eq!(record.verdict, Verdict::Inconclusive);
    run.finished.expect_words(&["before anything was done"]);
}

#[test]
fn a_loss_that_loses_nothing_is_no_fault() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = run(&sandbox, "lossy-link", "faults.lossy.do.loss.share=0.0001%");
    let record = run.expect_code(2);
    assert!(!record.faults[0].effect.confirmed, "{:?}", record.faults);
    run.finished.expect_words(&["no packet was hit"]);
    assert!(!record.dirty);
}

#[test]
fn a_reset_is_seen_by_the_clients_and_over_afterwards() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let reset = "faults.leader-alone={ do: { reset: {} }, to: { link: { from: { role: leader }, to: { clients: {} } } }, \
                 when: { after: { phase: steady } }, for: 3s }";
    let run = run(&sandbox, "leader-partition", reset);
    let record = run.record();
    assert!(record.faults[0].effect.confirmed, "{:?}", record.faults);
    assert!(record.faults[0].clean_at_s.is_some(), "{:?}", record.faults);
    assert_eq!(record.data_loss.lost, Some(0));
    let outcomes = record.generator.outcomes;
    assert!(
        outcomes.reset_after_send + outcomes.refused > 0,
        "{outcomes:?}"
    );
}

#[test]
fn a_killed_shakedown_takes_its_network_with_it() {
    let _alone = alone();
    let before = interfaces();
    let sandbox = Sandbox::new();
    let (scenario, dir) = (library("leader-partition"), sandbox.new_run_dir());
    let running = Running::start(sandbox.command(&run_arguments(&scenario, &dir, &HALF_THE_LOAD)));
    assert!(within_s(60.0, || {
        fs::read_to_string(dir.join("events.jsonl"))
            .is_ok_and(|events| events.contains("fault-effect"))
    }));
    // Of an earlier test's network the kernel may take the last interface away in the meantime.
    let of_its_own = || interfaces().difference(&before).count();
    assert_ne!(of_its_own(), 0, "the cluster has a network of its own");
    running.signal(Signal::KILL);
    running.finish();
    assert_eq!(sandbox.left_after_s(2.0), []);
    assert!(
        within_s(2.0, || of_its_own() == 0),
        "{:?}, before {before:?}",
        interfaces()
    );
    sandbox.run(&["recover"]).expect_code(0);
}
