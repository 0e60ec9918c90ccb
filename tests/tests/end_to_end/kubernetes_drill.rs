//! One drill at a time, wherever its runner is; and what a runner that is gone has left is taken back from elsewhere. On a real
//! cluster: `tests/kubernetes.sh` brings it along.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use shakedown_tests::drill::has_told;
use shakedown_tests::pods::Pods;
use shakedown_tests::shakedown::{Running, Sandbox, alone, library, run_arguments, within_s};

const LONG: [&str; 4] = [
    "--set",
    "phases.steady=4s",
    "--set",
    "faults.leader-alone.for=120s",
];

fn start(sandbox: &Sandbox, dir: &Path) -> Running {
    let scenario = library("kubernetes-leader-partition");
    Running::start(sandbox.command(&run_arguments(&scenario, dir, &LONG)))
}

/// The id of the run whose directory this is.
fn run_id(dir: &Path) -> String {
    let events = fs::read_to_string(dir.join("events.jsonl")).unwrap();
    let first = events.lines().next().unwrap_or_default();
    let first: serde_json::Value = serde_json::from_str(first).unwrap();
    first["run_id"].as_str().unwrap().to_string()
}

#[test]
fn one_drill_at_a_time_and_one_that_died_is_recovered_from_elsewhere() {
    let _alone = alone();
    let pods = Pods::ready();
    let (first, second, elsewhere) = (Sandbox::new(), Sandbox::new(), Sandbox::new());
    let dir = first.new_run_dir();
    let running = start(&first, &dir);
    let bites = within_s(60.0, || has_told(&dir, "fault-effect", None));
    if !bites {
        running.signal(Signal::TERM);
        panic!("no fault was seen: {}", running.finish().said());
    }
    let id = run_id(&dir);

    // A runner elsewhere is refused, is told by whom, and has touched nothing.
    let before = pods.agents();
    let refused_dir = second.new_run_dir();
    let refused = start(&second, &refused_dir).finish();
    refused.expect_code(77).expect_words(&[
        "reference in namespace shakedown-reference is being validated already by",
        &format!("run {id} "),
        "since 20",
    ]);
    assert!(!second.path().join("state/shakedown/journal").exists());
    let ledger = refused_dir.join("ledger");
    let sent = fs::read_dir(ledger).map_or(0, Iterator::count);
    assert_eq!(sent, 0, "orders were sent");
    assert_eq!(pods.agents(), before);
    assert_eq!(pods.drills().len(), 2, "a Lease and a journal");

    // While it lives its journal is left alone.
    let recover = |more: &[&str]| {
        let all: Vec<&str> = ["recover", "--environment", "kubernetes"]
            .iter()
            .chain(more)
            .copied()
            .collect();
        elsewhere.run(&all)
    };
    recover(&[])
        .expect_code(0)
        .expect_words(&["left alone", &id]);
    assert_eq!(pods.drills().len(), 2);

    // Its machine is lost, with all that lay on it but the results.
    running.signal(Signal::KILL);
    running.finish();
    fs::remove_dir_all(first.path().join("state")).unwrap();
    let mut said = String::new();
    let recovered = within_s(40.0, || {
        let done = recover(&[&id]);
        said = done.said();
        done.code == Some(0) && !said.contains("left alone")
    });
    assert!(recovered, "{said}");
    assert_eq!(pods.drills(), Vec::<String>::new());
    assert!(
        within_s(25.0, || pods.agents().is_empty()),
        "{:?}",
        pods.agents()
    );
    recover(&[]).expect_code(0).expect_words(&["clean"]);
}

#[test]
fn a_drill_is_halted_from_elsewhere_and_by_sigterm_and_heals_first() {
    let _alone = alone();
    let pods = Pods::ready();
    let elsewhere = Sandbox::new();
    for by_signal in [false, true] {
        let sandbox = Sandbox::new();
        let dir = sandbox.new_run_dir();
        let running = start(&sandbox, &dir);
        let bites = within_s(60.0, || has_told(&dir, "fault-effect", None));
        match by_signal {
            true => running.signal(Signal::TERM),
            false => {
                let halted = elsewhere.run(&["halt", "--environment", "kubernetes"]);
                halted
                    .expect_code(0)
                    .expect_words(&[&run_id(&dir), "healed after"]);
            }
        }
        let finished = running.finish();
        assert!(bites, "no fault was seen: {}", finished.said());
        finished.expect_code(130);
        assert!(has_told(&dir, "fault-clean", None), "{}", finished.said());
        assert_eq!(pods.agents(), Vec::<String>::new());
        assert_eq!(pods.drills(), Vec::<String>::new());
    }
}
