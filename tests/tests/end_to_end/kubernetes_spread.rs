//! The load of a run from pods of a Job: all of it, from several nodes, and what becomes of it when one of the workers is
//! killed. `tests/kubernetes.sh` brings the cluster along.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::collections::BTreeSet;

use shakedown_record::Verdict;
use shakedown_record::ledger::LedgerReader;
use shakedown_tests::pods::Pods;
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, alone, library, run_arguments, within_s,
};

const AGENTS: &str = "shakedown-agents";
const WORKERS: &str = "app.kubernetes.io/name=shakedown-worker";

/// Three workers, one for each node; a short run without faults.
const THREE: [&str; 10] = [
    "--environment",
    "kubernetes",
    "--set",
    "load.workers=3",
    "--set",
    "phases.steady=5s",
    "--set",
    "load.arrival.poisson.rate=300/s",
    "--set",
    "sla.steady-rate.throughput.at-least=200/s",
];

fn workers(pods: &Pods, what: &str) -> Vec<String> {
    let text = pods.kubectl(&["-n", AGENTS, "get", "jobs,pods", "-l", WORKERS, "-o", what]);
    text.lines().map(str::to_string).collect()
}

fn nothing_is_left(pods: &Pods) {
    let gone = within_s(10.0, || workers(pods, "name").is_empty());
    assert!(gone, "left: {:?}", workers(pods, "name"));
}

#[test]
fn three_pods_make_the_load_and_are_gone_afterwards() {
    let _alone = alone();
    let (pods, sandbox) = (Pods::ready(), Sandbox::new());
    let printed = sandbox.run(&[&["plan", "baseline", "--rights"][..], &THREE].concat());
    let rights = printed.expect_code(0).stdout.clone();
    assert!(
        rights.contains("pods/exec") && rights.contains("jobs"),
        "{rights}"
    );
    let run = sandbox.run_scenario(&library("baseline"), &THREE);
    let record = run.record();
    assert_ne!(record.verdict, Verdict::Fail, "{:?}", record.reasons);
    let generator = &record.generator;
    assert_eq!(generator.workers.len(), 3, "{:?}", record.reasons);
    let nodes: BTreeSet<&str> = generator
        .workers
        .iter()
        .filter_map(|worker| worker.place.split(" on ").nth(1))
        .collect();
    assert!(nodes.len() > 1, "all on one node: {nodes:?}");
    for worker in &generator.workers {
        assert_eq!((&worker.lost, worker.unknown), (&None, 0), "{worker:?}");
        // One machine plays all nodes: the truth is zero.
        assert!(worker.clock_offset_ns.unsigned_abs() <= worker.clock_error_ns);
    }
    let of_all: u64 = generator.workers.iter().map(|it| it.scheduled).sum();
    assert_eq!(
        (of_all, generator.outcomes.total()),
        (generator.scheduled, generator.scheduled)
    );
    assert_eq!(record.data_loss.lost, Some(0));
    nothing_is_left(&pods);
}

#[test]
fn a_worker_killed_in_its_pod_makes_the_run_inconclusive_with_its_ledger_saved() {
    let _alone = alone();
    let (pods, sandbox) = (Pods::ready(), Sandbox::new());
    let dir = sandbox.new_run_dir();
    let arguments = run_arguments(std::path::Path::new("baseline"), &dir, &THREE);
    let running = Running::start(sandbox.command(&arguments));
    let has_begun = || {
        let reader = LedgerReader::open(&dir.join("ledger"));
        reader.is_ok_and(|reader| reader.entries().take(101).count() > 100)
    };
    assert!(within_s(90.0, has_begun), "no load has begun");
    let names = workers(&pods, "name");
    let first = names.iter().find(|name| name.starts_with("pod/")).unwrap();
    // The worker in the pod, not the process that stays there: it is ended, and its ledger is left.
    pods.kubectl(&[
        "-n",
        AGENTS,
        "exec",
        first,
        "-c",
        "worker",
        "--",
        "/proc/1/exe",
        "worker",
        "--hand-over",
        "/worker/ledger",
    ]);
    let finished = running.finish();
    let run = ScenarioRun { finished, dir };
    let record = run.expect_code(2);
    run.finished.expect_words(&["of 3 was lost"]);
    let generator = &record.generator;
    let lost = generator
        .workers
        .iter()
        .filter(|worker| worker.lost.is_some());
    let lost: Vec<_> = lost.collect();
    assert_eq!(lost.len(), 1, "{:?}", generator.workers);
    assert_eq!(lost[0].unknown, 0, "its ledger was not fetched: {lost:?}");
    assert_eq!(generator.outcomes.total(), generator.scheduled);
    assert_eq!(record.data_loss.lost, Some(0), "{:?}", record.data_loss);
    nothing_is_left(&pods);
}
