//! Scenarios of a suite, one after the other: one summary, one exit code, and a way from each figure to what shows it.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use shakedown_record::Verdict;
use shakedown_record::suite::{SuiteRecord, SuiteState};
use shakedown_tests::shakedown::{Finished, Running, Sandbox, beside, within_s};

/// What all scenarios of the suite share: no faults, and over in seconds.
const BASE: &str = "\
about: Little load, and nothing happens.
system: reference
load:
  arrival: { poisson: { rate: 200/s } }
  mix: { new: 70, cancel: 30 }
  sessions: 16
  timeout: 1s
phases: { warm-up: { at-most: 30s } }
sla:
  errors: { error-rate: { at-most: 1%, in: steady } }
  lost: { lost-orders: { at-most: 0 } }
";

fn scenario(name: &str, tag: &str, steady: &str) -> String {
    format!("base: _base.yaml\nscenario: {name}\ntags: [{tag}]\nphases: {{ steady: {steady} }}\n")
}

const SUITE: &str = "\
suite: acme
about: What acme promises.
scenarios: [calm.yaml, calmer.yaml]
requirements:
  no-loss: { figure: no order is lost, source: page 3, shown-by: [calm/lost, calmer/lost] }
  errors: { figure: errors below 1%, shown-by: [calm/errors] }
  regions: { figure: three regions }
waive:
  regions: { reason: there is one machine, until: 2999-12-31 }
";

fn written(sandbox: &Sandbox, suite: &str) -> PathBuf {
    let folder = sandbox.path().join("acme");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("suite.yaml"), suite).unwrap();
    fs::write(folder.join("_base.yaml"), BASE).unwrap();
    fs::write(folder.join("calm.yaml"), scenario("calm", "ci", "2s")).unwrap();
    let other = scenario("calmer", "staging", "3s");
    fs::write(folder.join("calmer.yaml"), other).unwrap();
    folder
}

fn arguments<'a>(folder: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["suite", folder.to_str().unwrap(), "--yes"];
    arguments.extend_from_slice(more);
    arguments
}

fn run(sandbox: &Sandbox, folder: &Path, more: &[&str]) -> Finished {
    sandbox.run(&arguments(folder, more))
}

fn record(root: &Path) -> SuiteRecord {
    serde_json::from_slice(&fs::read(root.join("suite.json")).unwrap()).unwrap()
}

#[test]
fn every_figure_leads_to_what_shows_it() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let folder = written(&sandbox, SUITE);
    let finished = run(&sandbox, &folder, &["--out", "out"]);
    finished.expect_code(0);
    finished.expect_words(&[
        "PASS",
        "2 figures are met, 2 of 2 scenarios passed",
        "waived",
    ]);
    let root = sandbox.path().join("out");
    let record = record(&root);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.waived[0].subject, "regions");
    let shown = &record.requirements[0].shown_by;
    assert_eq!(shown.len(), 2);
    for evidence in shown {
        assert_eq!(evidence.verdict, Some(Verdict::Pass));
        let run = root.join(evidence.run.as_ref().unwrap());
        sandbox
            .run(&["report", &run.to_string_lossy()])
            .expect_code(0);
    }
    for file in ["suite.html", "summary.md", "junit.xml", "suite.yaml"] {
        let text = fs::read_to_string(root.join(file)).unwrap();
        assert!(text.contains("regions"), "{file}: {text}");
    }
    // Whoever begins again with all of it done is told the same, and nothing is run.
    let again = run(&sandbox, &folder, &["--resume", "out"]);
    again.expect_code(0);
    assert_eq!(fs::read_dir(root.join("runs")).unwrap().count(), 2);
    // Another scenario is not what was seen, nor is one that is made of something else.
    fs::write(
        folder.join("_base.yaml"),
        BASE.replace("at-most: 1%", "at-most: 2%"),
    )
    .unwrap();
    let other = run(&sandbox, &folder, &["--resume", "out"]);
    other.expect_code(64);
    other.expect_words(&["begin a new suite"]);
    fs::write(folder.join("_base.yaml"), BASE).unwrap();
    fs::write(folder.join("calm.yaml"), scenario("calm", "ci", "4s")).unwrap();
    let other = run(&sandbox, &folder, &["--resume", "out"]);
    other.expect_code(64);
    other.expect_words(&["begin a new suite"]);
    let defect = ["--resume", "out", "--defect", "drops-orders"];
    run(&sandbox, &folder, &defect).expect_code(64);
}

#[test]
fn a_defect_turns_its_figure_red() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let folder = written(&sandbox, SUITE);
    let more = ["--out", "out", "--tag", "ci", "--defect", "drops-orders"];
    let finished = run(&sandbox, &folder, &more);
    finished.expect_code(1);
    finished.expect_words(&["FAIL", "not met: no-loss"]);
    let record = record(&sandbox.path().join("out"));
    assert_eq!(record.requirements[0].verdict, Some(Verdict::Fail));
    assert_eq!(record.scenarios[1].state, SuiteState::NotSelected);
    assert_eq!(record.run.defects, ["drops-orders"]);
}

#[test]
fn a_suite_that_was_interrupted_goes_on_where_it_stopped() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let folder = written(&sandbox, SUITE);
    let suite = Running::start(sandbox.command(&arguments(&folder, &["--out", "out"])));
    let root = sandbox.path().join("out");
    let second = root.join("runs/calmer/events.jsonl");
    assert!(within_s(60.0, || second.exists()));
    suite.signal(Signal::INT);
    suite.finish().expect_code(130);
    let broken = record(&root);
    assert_eq!(broken.exit_code, 130);
    assert_eq!(broken.scenarios[0].state, SuiteState::Judged);
    assert_eq!(broken.scenarios[1].state, SuiteState::Unfinished);
    let first = fs::read(root.join("runs/calm/record.json")).unwrap();
    run(&sandbox, &folder, &["--resume", "out"]).expect_code(0);
    let whole = record(&root);
    assert_eq!(whole.scenarios[1].run.as_deref(), Some("runs/calmer.2"));
    assert_eq!(whole.scenarios[1].earlier[0].run, "runs/calmer");
    assert_eq!(fs::read(root.join("runs/calm/record.json")).unwrap(), first);
}

#[test]
fn every_mistake_is_told_before_anything_runs() {
    let sandbox = Sandbox::new();
    let folder = written(&sandbox, &SUITE.replace("calm/errors", "calm/error"));
    let finished = run(&sandbox, &folder, &["--out", "out"]);
    finished.expect_code(64);
    finished.expect_words(&[
        "suite.yaml:6:",
        "has no check `error`",
        "did you mean `errors`?",
    ]);
    for file in ["calm.yaml", "calmer.yaml"] {
        fs::write(
            folder.join(file),
            "scenario: calm\nabout: x\nsystem: reference\nlod: {}\n",
        )
        .unwrap();
    }
    let finished = run(&sandbox, &folder, &["--out", "out"]);
    finished.expect_code(64);
    finished.expect_words(&["calm.yaml:4:1", "calmer.yaml:4:1"]);
    assert!(!sandbox.path().join("out").exists());
    let none = run(&sandbox, Path::new("nowhere"), &[]);
    none.expect_code(64);
    none.expect_words(&["nowhere: neither a folder nor a file"]);
}

#[test]
fn a_folder_without_a_suite_is_one_and_tags_that_nothing_has_are_told() {
    let sandbox = Sandbox::new();
    let folder = written(&sandbox, SUITE);
    run(&sandbox, &folder, &["--dry-run"]).expect_words(&["no-loss: no order is lost"]);
    fs::remove_file(folder.join("suite.yaml")).unwrap();
    // The base is no scenario of its own: it would be refused for its missing name.
    let listed = run(&sandbox, &folder, &["--dry-run", "--tag", "ci"]);
    listed.expect_code(0);
    listed.expect_words(&["calmer", "(not asked for)"]);
    let none = run(&sandbox, &folder, &["--tag", "drill"]);
    none.expect_code(64);
    none.expect_words(&["no scenario of the suite has it; there are: ci, staging"]);
}
