//! Faults by commands of somebody else's tool: seen or not believed, healed by Shakedown or by `recover`.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use shakedown_record::Verdict;
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, beside, library, run_arguments, within_s,
};

/// So that two clusters may run at once.
const HALF_THE_LOAD: [&str; 8] = [
    "--set",
    "load.arrival.poisson.rate=400/s",
    "--set",
    "sla.steady-rate.throughput.at-least=300/s",
    "--set",
    "phases.steady=5s",
    "--set",
    "faults.leader-dies.for=2s",
];

/// A tool that leaves a mark while its fault is on, and notes for whom.
struct Tool {
    mark: PathBuf,
}

impl Tool {
    fn new(sandbox: &Sandbox) -> Tool {
        Tool {
            mark: sandbox.path().join("mark"),
        }
    }

    /// `--set` for the quickstart's fault, with some of its commands replaced.
    fn fault(&self, replaced: &[(&str, &str)]) -> String {
        let mark = self.mark.display();
        let command = |name: &str, usual: String| {
            let found = replaced.iter().find(|(other, _)| *other == name);
            found.map_or(usual, |(_, command)| command.to_string())
        };
        let inject = command(
            "inject",
            format!("[sh, -c, 'echo $SHAKEDOWN_FAULT $SHAKEDOWN_TARGETS > {mark}']"),
        );
        let confirm = command("confirm", format!("[cat, {mark}]"));
        let heal = command("heal", format!("[rm, -f, {mark}]"));
        format!(
            "faults.leader-dies.do={{ hook: {{ inject: {inject}, confirm: {confirm}, heal: {heal} }} }}"
        )
    }

    fn is_on(&self) -> bool {
        self.mark.exists()
    }
}

fn arguments<'a>(scenario: &'a Path, dir: &'a Path, fault: &'a str) -> Vec<&'a str> {
    let mut more = vec!["--set", fault];
    more.extend_from_slice(&HALF_THE_LOAD);
    run_arguments(scenario, dir, &more)
}

fn run(sandbox: &Sandbox, fault: &str) -> ScenarioRun {
    let (scenario, dir) = (library("quickstart"), sandbox.new_run_dir());
    let finished = sandbox.run(&arguments(&scenario, &dir, fault));
    ScenarioRun { finished, dir }
}

#[test]
fn commands_are_a_fault_that_was_seen_and_is_gone() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let tool = Tool::new(&sandbox);
    let run = run(&sandbox, &tool.fault(&[]));
    let record = run.record();
    let fault = &record.faults[0];
    assert!(fault.effect.confirmed, "{fault:?}");
    // What the tool was told: the fault, and who is meant.
    let told = format!("leader-dies {}", fault.targets[0].name);
    assert!(fault.effect.text.contains(&told), "{fault:?}");
    assert!(fault.clean_at_s.is_some(), "{fault:?}");
    assert!(!record.dirty && !tool.is_on());
    run.finished.expect_words(&["hook", "healed and clean"]);
}

#[test]
fn an_effect_that_the_tool_does_not_find_is_none() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let tool = Tool::new(&sandbox);
    let run = run(&sandbox, &tool.fault(&[("inject", "[\"true\"]")]));
    let record = run.expect_code(2);
    assert_eq!(record.verdict, Verdict::Inconclusive);
    assert!(!record.faults[0].effect.confirmed);
    assert!(!tool.is_on());
}

#[test]
fn a_command_that_fails_injects_nothing_and_is_healed_all_the_same() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let tool = Tool::new(&sandbox);
    let inject = format!(
        "[sh, -c, 'touch {}; echo no such zone; exit 9']",
        tool.mark.display()
    );
    let run = run(&sandbox, &tool.fault(&[("inject", &inject)]));
    run.expect_code(2);
    run.finished.expect_words(&["exit code 9", "no such zone"]);
    assert!(!tool.is_on(), "half of it was done, and must be undone");
}

#[test]
fn a_tool_that_does_not_heal_leaves_the_run_dirty() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let tool = Tool::new(&sandbox);
    let run = run(&sandbox, &tool.fault(&[("heal", "[\"true\"]")]));
    let record = run.expect_code(3);
    assert!(record.dirty);
    run.finished.expect_words(&["left behind", "still finds"]);
    assert!(tool.is_on());
}

#[test]
fn recover_heals_by_the_command_what_a_killed_shakedown_left() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let tool = Tool::new(&sandbox);
    let fault = tool.fault(&[]);
    let (scenario, dir) = (library("quickstart"), sandbox.new_run_dir());
    let running = Running::start(sandbox.command(&arguments(&scenario, &dir, &fault)));
    assert!(
        within_s(60.0, || tool.is_on()),
        "{}",
        running.finish().said()
    );
    running.signal(Signal::KILL);
    running.finish();
    assert!(tool.is_on());
    sandbox
        .run(&["recover"])
        .expect_code(0)
        .expect_words(&["rm"]);
    assert!(!tool.is_on());
    sandbox.run(&["recover"]).expect_code(0);
}

#[test]
fn what_cannot_be_run_is_told_before_anything_starts() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let tool = Tool::new(&sandbox);
    let scenario = library("quickstart");
    let empty = tool.fault(&[("confirm", "[]")]);
    let path = scenario.to_str().unwrap();
    let arguments = ["plan", path, "--set", &empty];
    sandbox
        .run(&arguments)
        .expect_code(64)
        .expect_words(&["confirm", "no program"]);
    let whole = fs::read_to_string(&scenario).unwrap();
    let nobody = sandbox.write(
        "nobody.yaml",
        whole.replace("    to: { role: leader }\n", ""),
    );
    sandbox
        .run(&["plan", nobody.to_str().unwrap()])
        .expect_code(64)
        .expect_words(&["`to` is missing"]);
}
