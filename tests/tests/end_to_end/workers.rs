//! Several processes make one load: the whole of it, and what becomes of it when one of them is killed or stands still.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};
use shakedown_record::Verdict;
use shakedown_record::ledger::LedgerReader;
use shakedown_record::run_record::RunRecord;
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, beside, library, run_arguments, within_s,
};

const FOUR: [&str; 4] = ["--set", "load.workers=4", "--set", "phases.steady=5s"];

/// A run of the baseline by four workers, in which something is done to the second one as soon as orders are in the ledger.
fn run(sandbox: &Sandbox, strike: Option<Signal>) -> ScenarioRun {
    let dir = sandbox.new_run_dir();
    let running =
        Running::start(sandbox.command(&run_arguments(&library("baseline"), &dir, &FOUR)));
    if let Some(signal) = strike {
        assert!(within_s(60.0, || entries(&dir) > 200), "no load has begun");
        let workers = sandbox.processes().into_iter();
        let second = workers
            .filter(|process| process.command.contains("worker-2"))
            .map(|process| Pid::from_raw(process.pid as i32).unwrap());
        let second: Vec<Pid> = second.collect();
        assert_eq!(second.len(), 1, "{:?}", sandbox.processes());
        kill_process(second[0], signal).unwrap();
    }
    let finished = running.finish();
    ScenarioRun { finished, dir }
}

fn entries(dir: &Path) -> usize {
    let reader = LedgerReader::open(&dir.join("ledger"));
    reader.map_or(0, |reader| reader.entries().take(201).count())
}

/// What holds whatever happened.
fn is_whole(run: &ScenarioRun, record: &RunRecord) {
    let generator = &record.generator;
    assert_eq!(generator.outcomes.total(), generator.scheduled);
    assert_eq!(generator.workers.len(), 4);
    let of_all: u64 = generator.workers.iter().map(|it| it.scheduled).sum();
    assert_eq!(of_all, generator.scheduled);
    let reader = LedgerReader::open(&run.dir.join("ledger")).unwrap();
    assert_eq!(reader.entries().count() as u64, generator.scheduled);
    assert!(!run.dir.join("workers").join("worker-2").exists());
}

#[test]
fn four_workers_make_the_load_of_one() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = run(&sandbox, None);
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
    let run = run(&sandbox, Some(Signal::KILL));
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
    let run = run(&sandbox, Some(Signal::STOP));
    let record = run.expect_code(2);
    is_whole(&run, &record);
    run.finished
        .expect_words(&["worker 2 of 4 was lost", "answered nothing for 3 s"]);
    assert_eq!(record.data_loss.lost, Some(0), "{:?}", record.data_loss);
    assert_eq!(sandbox.left_after_s(2.0), []);
}
