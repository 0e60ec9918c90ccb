//! Sensors of the local environment, blinded in turn. The foreign engine's are in `foreign.rs`.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::process::Command;

use shakedown_record::Verdict;
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, alone, library, run_arguments, within_s,
};

#[test]
fn a_fault_without_effect_proves_nothing() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    // The nodes inherit that they ignore this signal: it is sent, and nothing happens.
    let mut program = Command::new("env");
    program.arg("--ignore-signal=USR1");
    program.arg(shakedown_tests::shakedown::binary());
    let dir = sandbox.new_run_dir();
    let scenario = library("quickstart");
    let fault = fault_name(&sandbox);
    let signal = format!("faults.{fault}.do.kill.signal=USR1");
    let command = sandbox.around(
        program,
        &run_arguments(&scenario, &dir, &["--set", &signal]),
    );
    let run = ScenarioRun {
        finished: Running::start(command).finish(),
        dir,
    };
    let record = run.expect_code(2);
    assert_eq!(record.verdict, Verdict::Inconclusive);
    assert!(!record.faults[0].effect.confirmed, "{:?}", record.faults);
    run.finished.expect_words(&["effect"]);
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn a_copy_that_is_gone_is_not_read_and_not_passed() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let data = sandbox.path().join("cluster");
    let mut command = sandbox.command(&["engine", "cluster", "--data", data.to_str().unwrap()]);
    let urls = sandbox.path().join("urls");
    command.stdout(std::fs::File::create(&urls).unwrap());
    let mut cluster = command.spawn().unwrap();
    let mut nodes = Vec::new();
    assert!(within_s(20.0, || {
        nodes = addresses(&std::fs::read_to_string(&urls).unwrap());
        nodes.len() == 3
    }));
    // The third copy is somewhere where nobody answers.
    let external = format!(
        "profile.environments.external={{ entry: [{0}, {1}], parts: {{ engine: [{0}, {1}, http://127.0.0.1:9] }} }}",
        nodes[0], nodes[1]
    );
    let more = ["--environment", "external", "--set", &external];
    let run = sandbox.run_scenario(&library("baseline"), &more);
    let killed = cluster.kill();
    cluster.wait().unwrap();
    killed.unwrap();
    assert_ne!(run.finished.code, Some(0), "{}", run.finished.said());
    run.finished.expect_code(2).expect_words(&["engine-3"]);
    let record = run.record();
    assert_eq!(record.data_loss.coverage.replicas_read, 2);
    assert_eq!(record.data_loss.coverage.replicas_expected, 3);
    assert_eq!(record.data_loss.lost, None);
}

/// The name of the quickstart's only fault.
fn fault_name(sandbox: &Sandbox) -> String {
    let scenario = library("quickstart");
    let plan = sandbox.run(&["plan", scenario.to_str().unwrap(), "--json"]);
    plan.expect_code(0);
    plan.json()["faults"][0]["id"].as_str().unwrap().to_string()
}

/// Addresses in the lines that a cluster prints, one JSON object for each node.
fn addresses(lines: &str) -> Vec<String> {
    lines
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|node| {
            let address = node["http"].as_str().or(node["url"].as_str())?;
            let address = address.trim_start_matches("http://");
            Some(format!("http://{address}"))
        })
        .collect()
}
