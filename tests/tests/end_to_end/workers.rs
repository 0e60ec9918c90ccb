//! Several processes make one load: the whole of it, and what becomes of it when one of them is killed or stands still.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use shakedown_record::ledger::{Entry, LedgerReader};
use shakedown_record::run_record::RunRecord;
use shakedown_record::{Outcome, Verdict};
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, beside, library, run_arguments, within_s,
};

const FOUR: [&str; 4] = ["--set", "load.workers=4", "--set", "phases.steady=5s"];

/// A run of the baseline by four workers that is under way: orders are in its ledger.
fn begun(sandbox: &Sandbox) -> (Running, PathBuf) {
    let dir = sandbox.new_run_dir();
    let running =
        Running::start(sandbox.command(&run_arguments(&library("baseline"), &dir, &FOUR)));
    let has_begun = || entries(&dir.join("ledger")).len() > 200;
    assert!(within_s(60.0, has_begun), "no load has begun");
    (running, dir)
}

/// One in which something is done to the second worker as soon as it is under way.
fn run(sandbox: &Sandbox, strike: impl FnOnce(Pid)) -> ScenarioRun {
    let (running, dir) = begun(sandbox);
    let workers = sandbox.processes().into_iter();
    let second = workers
        .filter(|process| process.command.contains("worker-2"))
        .map(|process| Pid::from_raw(process.pid as i32).unwrap());
    let second: Vec<Pid> = second.collect();
    assert_eq!(second.len(), 1, "{:?}", sandbox.processes());
    strike(second[0]);
    let finished = running.finish();
    ScenarioRun { finished, dir }
}

fn send(signal: Signal) -> impl FnOnce(Pid) {
    move |worker| kill_process(worker, signal).unwrap()
}

fn entries(ledger: &Path) -> BTreeMap<u64, Entry> {
    let reader = LedgerReader::open(ledger);
    reader.map_or_else(
        |_| BTreeMap::new(),
        |reader| reader.entries().filter_map(Result::ok).collect(),
    )
}

/// Without the numbers of who served, which are a worker's own in its ledger and those of all in the run's.
fn nameless(ledger: &Path) -> BTreeMap<u64, Entry> {
    let mut all = entries(ledger);
    all.values_mut().for_each(|entry| entry.served_by = 0);
    all
}

/// What holds whatever happened.
fn is_whole(run: &ScenarioRun, record: &RunRecord) {
    let generator = &record.generator;
    assert_eq!(generator.outcomes.total(), generator.scheduled);
    assert_eq!(generator.workers.len(), 4);
    let of_all: u64 = generator.workers.iter().map(|it| it.scheduled).sum();
    assert_eq!(of_all, generator.scheduled);
    let in_ledger = entries(&run.dir.join("ledger")).len();
    assert_eq!(in_ledger as u64, generator.scheduled);
    assert!(!run.dir.join("workers").exists(), "all is merged");
}

#[test]
fn four_workers_make_the_load_of_one() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = run(&sandbox, |_| {});
    let record = run.record();
    is_whole(&run, &record);
    let data = &record.data_loss;
    assert_eq!(
        (data.lost, data.phantom, data.divergent),
        (Some(0), Some(0), Some(0))
    );
    assert!(
        record.generator.outcomes.acked > 1_000,
        "{:?}",
        record.generator
    );
    for worker in &record.generator.workers {
        assert_eq!(worker.lost, None);
        assert!(worker.is_in_time(), "{worker:?}");
        assert!(worker.clock_offset_ns.unsigned_abs() <= worker.clock_error_ns);
    }
    assert_ne!(record.verdict, Verdict::Fail, "{record:?}");
    assert_eq!(sandbox.left_after_s(2.0), []);
    // The saved run is judged the same.
    let again = sandbox.run(&["report", run.dir.to_str().unwrap()]);
    assert_eq!(again.code, run.finished.code);
}

#[test]
fn a_killed_worker_makes_the_run_inconclusive_and_its_orders_are_counted() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = run(&sandbox, send(Signal::KILL));
    let record = run.expect_code(2);
    is_whole(&run, &record);
    assert_eq!(record.verdict, Verdict::Inconclusive);
    let lost = record.generator.workers[1].lost.clone().unwrap();
    assert!(lost.contains("signal 9 (KILL)"), "{lost}");
    run.finished
        .expect_words(&["worker 2 of 4 was lost", "signal 9 (KILL)"]);
    assert!(record.generator.workers[1].scheduled > 0);
    assert_eq!(record.data_loss.lost, Some(0), "{:?}", record.data_loss);
    assert_eq!(record.data_loss.phantom, Some(0), "{:?}", record.data_loss);
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn a_frozen_worker_is_put_down_and_makes_the_run_inconclusive() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = run(&sandbox, send(Signal::STOP));
    let record = run.expect_code(2);
    is_whole(&run, &record);
    run.finished
        .expect_words(&["worker 2 of 4 was lost", "answered nothing for 3 s"]);
    assert_eq!(record.data_loss.lost, Some(0), "{:?}", record.data_loss);
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn a_worker_that_stands_still_for_a_while_is_waited_for() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = run(&sandbox, |worker| {
        kill_process(worker, Signal::STOP).unwrap();
        thread::sleep(Duration::from_secs(2));
        kill_process(worker, Signal::CONT).unwrap();
    });
    let record = run.record();
    is_whole(&run, &record);
    for worker in &record.generator.workers {
        assert_eq!(worker.lost, None, "{worker:?}");
    }
    // What it measured meanwhile is worth nothing, and it says so itself.
    assert_eq!(record.verdict, Verdict::Inconclusive);
    assert!(
        record.generator.why.contains("worker 2:"),
        "{}",
        record.generator.why
    );
    assert_eq!(record.data_loss.lost, Some(0), "{:?}", record.data_loss);
    assert_eq!(sandbox.left_after_s(2.0), []);
}

/// A run whose coordinator stands still for so long.
fn halted_for(sandbox: &Sandbox, pause: Duration) -> ScenarioRun {
    let (running, dir) = begun(sandbox);
    running.signal(Signal::STOP);
    thread::sleep(pause);
    running.signal(Signal::CONT);
    let finished = running.finish();
    ScenarioRun { finished, dir }
}

#[test]
fn a_coordinator_that_stood_still_calls_nobody_lost() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = halted_for(&sandbox, Duration::from_secs(4));
    let record = run.record();
    is_whole(&run, &record);
    for worker in &record.generator.workers {
        assert_eq!(worker.lost, None, "{worker:?}");
    }
    assert_ne!(record.verdict, Verdict::Fail, "{record:?}");
    assert_eq!(record.data_loss.lost, Some(0), "{:?}", record.data_loss);
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn workers_of_a_coordinator_that_stands_still_for_long_send_nothing_any_more() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = halted_for(&sandbox, Duration::from_secs(11));
    let record = run.expect_code(2);
    is_whole(&run, &record);
    run.finished
        .expect_words(&["of 4 was lost", "its coordinator is gone"]);
    // Far fewer orders than in 11 s.
    let all = entries(&run.dir.join("ledger"));
    let sent: Vec<u64> = all.values().filter_map(|entry| entry.sent_ns).collect();
    let longest_s = sent.iter().max().unwrap() / 1_000_000_000;
    assert!(longest_s < 9, "orders were sent until {longest_s} s");
    assert_eq!(record.data_loss.lost, Some(0), "{:?}", record.data_loss);
    assert_eq!(record.data_loss.phantom, Some(0), "{:?}", record.data_loss);
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn what_workers_of_a_killed_coordinator_knew_is_in_the_report() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let (running, dir) = begun(&sandbox);
    running.signal(Signal::KILL);
    assert_eq!(running.finish().signal, Some(9));
    assert_eq!(sandbox.left_after_s(2.0), []);
    let shards = (1..=4).map(|worker| nameless(&dir.join(format!("workers/worker-{worker}"))));
    let of_workers: BTreeMap<u64, Entry> = shards.flatten().collect();
    let arrived = nameless(&dir.join("ledger"));
    let ended = |all: &BTreeMap<u64, Entry>| all.values().filter(|it| it.outcome.is_some()).count();
    assert!(
        ended(&of_workers) > ended(&arrived),
        "all of it had arrived: nothing is shown"
    );

    let told = |words: &[&str]| {
        let report = sandbox.run(&["report", dir.to_str().unwrap(), "--format", "json"]);
        report.expect_code(2).expect_words(words);
        report.json()
    };
    told(&["not all in the run's", "shakedown recover"]);
    let recovered = sandbox.run(&["recover", dir.to_str().unwrap()]);
    recovered.expect_code(0).expect_words(&["of its 4 workers"]);
    let all = nameless(&dir.join("ledger"));
    assert_eq!(all, of_workers, "not one entry more or less");
    let report = told(&["the run did not finish"]);
    let said = report.to_string();
    assert!(!said.contains("not all in the run's"), "{said}");
    let outcomes = &report["generator"]["outcomes"];
    let count = |outcome: &str| outcomes[outcome].as_u64().unwrap();
    let sum: u64 = outcomes
        .as_object()
        .unwrap()
        .values()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(sum, all.len() as u64, "{outcomes}");
    let acked = |it: &&Entry| it.outcome == Some(Outcome::Acked);
    assert_eq!(
        count("acked"),
        all.values().filter(acked).count() as u64,
        "{outcomes}"
    );
    let again = sandbox.run(&["recover", dir.to_str().unwrap()]);
    again.expect_code(0).expect_words(&["clean"]);
    assert_eq!(nameless(&dir.join("ledger")), all);
}
