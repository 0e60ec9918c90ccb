//! The load of a run from pods of a Job: all of it, from several nodes, and what becomes of it when one of the workers is
//! killed, or its pod, or whoever coordinates them. `tests/kubernetes.sh` brings the cluster along.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::Value;
use shakedown_record::Verdict;
use shakedown_record::ledger::{ENTRY_BYTES, LedgerReader};
use shakedown_record::worker::WorkerReport;
use shakedown_tests::pods::Pods;
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, alone, library, run_arguments, within_s,
};

const AGENTS: &str = "shakedown-agents";
const WORKERS: &str = "app.kubernetes.io/name=shakedown-worker";

/// Three workers, one for each node; a short run without faults. The nodes and the workers of this test share two cores, so
/// that its limit of latency is one that tells a standstill: whose orders they are is what is asked here.
const THREE: [&str; 12] = [
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
    "--set",
    "sla.steady-p99.latency.at-most=900ms",
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

/// A run that is under way, and its run directory.
fn begun(sandbox: &Sandbox) -> (Running, PathBuf) {
    let dir = sandbox.new_run_dir();
    let arguments = run_arguments(Path::new("baseline"), &dir, &THREE);
    let running = Running::start(sandbox.command(&arguments));
    let has_begun = || slots(&dir).len() > 100;
    assert!(within_s(90.0, has_begun), "no load has begun");
    (running, dir)
}

fn slots(dir: &Path) -> BTreeSet<u64> {
    let reader = LedgerReader::open(&dir.join("ledger"));
    reader.map_or_else(
        |_| BTreeSet::new(),
        |reader| {
            reader
                .entries()
                .filter_map(Result::ok)
                .map(|it| it.0)
                .collect()
        },
    )
}

/// The names of the workers' pods, such as `pod/NAME`.
fn worker_pods(pods: &Pods) -> Vec<String> {
    let names = workers(pods, "name").into_iter();
    names.filter(|name| name.starts_with("pod/")).collect()
}

/// What the one in a pod has written; it is ended, should it still run.
fn hand_over(pods: &Pods, pod: &str) -> BTreeSet<u64> {
    let words = ["-n", AGENTS, "exec", pod, "-c", "worker", "--"];
    let more = ["/proc/1/exe", "worker", "--hand-over", "/worker/ledger"];
    let done = pods
        .command(&[&words[..], &more].concat())
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    // A slot and its entry.
    let rows = done.stdout.chunks_exact(8 + ENTRY_BYTES);
    rows.map(|row| u64::from_le_bytes(row[..8].try_into().unwrap()))
        .collect()
}

/// The one that was lost, after everything else was judged.
fn the_lost_one(pods: &Pods, run: &ScenarioRun) -> WorkerReport {
    let record = run.expect_code(2);
    run.finished.expect_words(&["of 3 was lost"]);
    let generator = &record.generator;
    let mut lost = generator.workers.iter().filter(|it| it.lost.is_some());
    let first = lost.next().unwrap().clone();
    assert_eq!(lost.next(), None, "{:?}", generator.workers);
    assert_eq!(generator.outcomes.total(), generator.scheduled);
    nothing_is_left(pods);
    first
}

#[test]
fn a_worker_killed_in_its_pod_makes_the_run_inconclusive_with_its_ledger_saved() {
    let _alone = alone();
    let (pods, sandbox) = (Pods::ready(), Sandbox::new());
    let (running, dir) = begun(&sandbox);
    // The worker in the pod, not the process that stays there: its ledger is left.
    hand_over(&pods, &worker_pods(&pods)[0]);
    let finished = running.finish();
    let run = ScenarioRun { finished, dir };
    let lost = the_lost_one(&pods, &run);
    assert_eq!(lost.unknown, 0, "its ledger was not fetched: {lost:?}");
    let data = run.record().data_loss;
    assert_eq!(data.lost, Some(0), "{data:?}");
}

#[test]
fn a_pod_that_is_gone_makes_the_run_inconclusive_and_the_others_end_in_order() {
    let _alone = alone();
    let (pods, sandbox) = (Pods::ready(), Sandbox::new());
    let (running, dir) = begun(&sandbox);
    let victim = &worker_pods(&pods)[1];
    let gone = [
        "-n",
        AGENTS,
        "delete",
        victim,
        "--force",
        "--grace-period=0",
    ];
    pods.kubectl(&gone);
    let finished = running.finish();
    let run = ScenarioRun { finished, dir };
    let lost = the_lost_one(&pods, &run);
    assert!(
        lost.unknown > 0,
        "nobody can know what it sent last: {lost:?}"
    );
    let name = victim.trim_start_matches("pod/");
    assert!(lost.place.contains(name), "{lost:?}");
    // Nothing is compared with guesses.
    let data = run.record().data_loss;
    assert_eq!((data.lost, data.phantom), (None, None), "{data:?}");
}

#[test]
fn what_is_in_the_pods_of_a_killed_coordinator_is_fetched_before_they_are_removed() {
    let _alone = alone();
    let (pods, sandbox) = (Pods::ready(), Sandbox::new());
    let (running, dir) = begun(&sandbox);
    running.signal(Signal::KILL);
    assert_eq!(running.finish().signal, Some(9));
    let names = worker_pods(&pods);
    assert_eq!(names.len(), 3, "{names:?}");
    let written = names.iter().flat_map(|pod| hand_over(&pods, pod));
    let written: BTreeSet<u64> = written.collect();
    let arrived = slots(&dir);
    assert!(arrived.is_subset(&written) && arrived.len() < written.len());
    // The Lease of the dead run has to run out.
    let mut said = String::new();
    let recovered = within_s(60.0, || {
        let recovered = sandbox.run(&["recover", dir.to_str().unwrap()]);
        said += &recovered.said();
        recovered.code == Some(0)
    });
    assert!(recovered && said.contains("of its 3 workers"), "{said}");
    assert!(slots(&dir) == written, "not one order more or less");
    nothing_is_left(&pods);
    let report = sandbox.run(&["report", dir.to_str().unwrap(), "--format", "json"]);
    let outcomes = &report.expect_code(2).json()["generator"]["outcomes"];
    let counts = outcomes.as_object().unwrap().values();
    let sum: u64 = counts.filter_map(Value::as_u64).sum();
    assert_eq!(sum, written.len() as u64, "{outcomes}");
}
