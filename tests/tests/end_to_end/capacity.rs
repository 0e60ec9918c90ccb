//! The highest rate at which an SLA holds, of an engine whose limit is known: it refuses the 81st new order of a second.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::path::{Path, PathBuf};

use shakedown_record::capacity::{Bound, CapacityRecord, Told};
use shakedown_tests::foreign::{CANARY_TOKEN, ForeignTarget};
use shakedown_tests::shakedown::{Finished, Running, Sandbox, alone};

const ENGINE: &str = env!("CARGO_BIN_EXE_foreign-engine");
const LIMIT_PER_S: f64 = 80.0;

/// Evenly spaced new orders only, so that each second has as many as the rate says. So few samples carry no P99.
const EXACT: [&str; 14] = [
    "--set",
    "load.mix={ new: 100 }",
    "--set",
    "sla.steady-p99.latency.quantile=80%",
    "--set",
    "sla.engine-p95.engine-latency.quantile=80%",
    "--set",
    "sla.errors={ error-rate: { at-most: 2%, in: steady } }",
    "--set",
    "phases={ warm-up: { at-most: 7s }, steady: 2s }",
    "--ceiling",
    "400/s",
    "--confirm",
    "1",
];

fn search(sandbox: &Sandbox, target: &ForeignTarget, more: &[&str]) -> (Finished, PathBuf) {
    let out = sandbox.new_run_dir();
    let scenario = target.scenario.to_string_lossy();
    let out_text = out.to_string_lossy();
    let mut arguments = vec!["capacity", &scenario, "--yes", "--out", &out_text];
    arguments.extend_from_slice(&EXACT);
    arguments.extend_from_slice(more);
    let mut command = sandbox.command(&arguments);
    command.env("FOREIGN_TOKEN", CANARY_TOKEN);
    (Running::start(command).finish(), out)
}

fn record(out: &Path) -> CapacityRecord {
    serde_json::from_slice(&std::fs::read(out.join("capacity.json")).unwrap()).unwrap()
}

#[test]
fn the_limit_of_an_engine_is_found_and_drawn() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let target = ForeignTarget::start(ENGINE, &sandbox, "throttles");
    let wide = ["--from", "50/s", "--floor", "40/s", "--precision", "25%"];
    let (finished, out) = search(&sandbox, &target, &wide);
    finished.expect_code(0);
    let record = record(&out);
    let capacity = record.found.capacity_per_s.unwrap();
    assert!(
        (LIMIT_PER_S / 1.25..=LIMIT_PER_S).contains(&capacity),
        "{capacity}: {}",
        finished.said()
    );
    let Bound::Broke { rate_per_s } = record.found.above else {
        panic!("{:?}", record.found);
    };
    assert!(rate_per_s > LIMIT_PER_S && rate_per_s <= capacity * 1.25);
    assert!(record.points.len() <= 12);
    for point in &record.points {
        let expected = match point.rate_per_s <= LIMIT_PER_S {
            true => Told::Holds,
            false => Told::Breaks,
        };
        assert_eq!(point.told, expected, "{point:?}");
        // Each is a run of its own, with its evidence.
        let dir = out.join(&point.run);
        let report = sandbox.run(&["report", &dir.to_string_lossy()]);
        report.expect_words(&[&format!("seed {}", point.seed)]);
    }
    finished.expect_words(&["the SLA holds at", "breaks at"]);
    let page = std::fs::read_to_string(out.join("capacity.html")).unwrap();
    assert!(page.contains("<svg") && !page.contains("<script"));
}

#[test]
fn a_rate_that_is_owed_is_reached_or_missed() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let target = ForeignTarget::start(ENGINE, &sandbox, "throttles");
    let one = |from: &'static str, owed: &'static str| {
        let typed = ["--probes", "1", "--floor", from, "--from", from];
        [&typed[..], &["--at-least", owed]].concat()
    };
    let (reached, _) = search(&sandbox, &target, &one("50/s", "45/s"));
    reached.expect_code(0);
    let (missed, _) = search(&sandbox, &target, &one("100/s", "150/s"));
    missed.expect_code(1);
    missed.expect_words(&["asked for: 150/s, not reached"]);
}

#[test]
fn what_a_scenario_cannot_answer_is_told_before_the_first_probe() {
    let sandbox = Sandbox::new();
    let out = sandbox.new_run_dir();
    let out_text = out.to_string_lossy();
    for (more, said) in [
        (
            ["--floor", "1/s"],
            "--floor 1/s: the scenario cannot be answered at this rate",
        ),
        (
            ["--set", "load.arrival={ replay: { file: nowhere.csv } }"],
            "nowhere.csv",
        ),
    ] {
        let typed = ["capacity", "baseline", "--out", &out_text];
        let wrong = sandbox.run(&[&typed[..], &more].concat());
        wrong.expect_code(64).expect_words(&[said]);
    }
    let double = sandbox.run(&["capacity", "rts6-double", "--out", &out_text]);
    double
        .expect_code(64)
        .expect_words(&["the recorded peak decides the rate"]);
    assert!(!out.exists());
}

#[test]
fn wrong_options_are_all_told_at_once() {
    let sandbox = Sandbox::new();
    let wrong = sandbox.run(&[
        "capacity",
        "quickstart",
        "--from",
        "fast",
        "--precision",
        "5",
        "--probes",
        "0",
        "--at-least",
        "1000000/s",
    ]);
    wrong.expect_code(64);
    wrong.expect_words(&["--from", "--precision 5", "--probes 0", "--at-least"]);
}
