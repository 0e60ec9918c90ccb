//! The main command: the leader is killed under load, and the verdict, the record and the reports hold together.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use shakedown_record::Verdict;
use shakedown_record::run_record::RunRecord;
use shakedown_tests::shakedown::{Sandbox, ScenarioRun, alone, failover, library, run_arguments};

/// A stranger's patience, after the build.
const LONGEST_S: f64 = 90.0;

#[test]
fn the_quickstart_passes_and_its_record_can_be_judged_again() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let run = sandbox.run_soundly(&library("quickstart"), &["--seed", "7"]);
    let record = run.expect_code(0);
    assert!(
        run.finished.elapsed_s < LONGEST_S,
        "{:.0} s",
        run.finished.elapsed_s
    );
    assert_eq!(sandbox.left_after_s(2.0), []);
    the_verdict_has_its_evidence(&record);
    the_first_screen_says_it(&run, &record);
    every_file_is_there_and_sealed(&run.dir);
    a_second_run_never_writes_over_it(&sandbox, &run.dir);
    it_is_judged_again_to_the_same_record(&sandbox, &run);
    evidence_that_was_changed_is_inconclusive(&sandbox, &run.dir);
    a_run_that_was_cut_short_is_inconclusive(&sandbox, &run.dir);
    every_format_is_rendered(&sandbox, &run, &record);
    the_run_can_be_explained(&sandbox, &run.dir);
}

fn the_verdict_has_its_evidence(record: &RunRecord) {
    assert_eq!(record.verdict, Verdict::Pass);
    assert!(!record.dirty && !record.aborted);
    assert_eq!(record.run.seed, 7);
    for check in &record.checks {
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
    }
    let [fault] = &record.faults[..] else {
        panic!("one fault was asked for: {:?}", record.faults);
    };
    assert_eq!(fault.kind, "kill");
    assert_eq!(fault.targets.len(), 1);
    assert_eq!(fault.targets[0].role.as_deref(), Some("leader"));
    assert!(fault.effect.confirmed, "{fault:?}");
    let times = [
        fault.injected_at_s,
        fault.confirmed_at_s,
        fault.healed_at_s,
        fault.clean_at_s,
    ]
    .map(|time| time.unwrap_or_else(|| panic!("a time is missing: {fault:?}")));
    assert!(times.is_sorted(), "{times:?}");
    let failover = failover(record);
    assert!(
        failover
            .recovered_s
            .is_some_and(|seconds| seconds > 0.0 && seconds < 30.0),
        "{failover:?}"
    );
    assert!(failover.worst_session_gap_s.is_some(), "{failover:?}");
    let loss = &record.data_loss;
    assert!(loss.acknowledged > 1_000, "{loss:?}");
    for count in [
        loss.lost,
        loss.divergent,
        loss.phantom,
        loss.duplicate,
        loss.corrupt,
    ] {
        assert_eq!(count, Some(0), "{loss:?}");
    }
    assert_eq!(loss.coverage.replicas_read, 3);
    assert_eq!(loss.coverage.replicas_expected, 3);
    assert!(!loss.coverage.reads.is_empty());
    let generator = &record.generator;
    assert_eq!(generator.scheduled, generator.outcomes.total());
    assert!(!generator.saturated, "{}", generator.why);
    assert_eq!(record.leftovers.orders_open, Some(0));
}

fn the_first_screen_says_it(run: &ScenarioRun, record: &RunRecord) {
    let screen = &run.finished.stdout;
    let first = screen.lines().next().unwrap_or_default();
    assert!(first.starts_with("PASS"), "{screen}");
    for check in &record.checks {
        assert!(screen.contains(&check.id), "{} in\n{screen}", check.id);
    }
    run.finished
        .expect_words(&["exit 0", "read back", "left behind", "generator"]);
    assert!(!screen.contains('\u{1b}'), "NO_COLOR was asked for");
}

fn every_file_is_there_and_sealed(dir: &Path) {
    for name in [
        "record.json",
        "events.jsonl",
        "timeline.csv",
        "latency.hlog",
        "scenario.yaml",
        "system.yaml",
        "report.html",
        "junit.xml",
        "summary.md",
        "SHA256SUMS",
        "ledger/orders-0000.seg",
    ] {
        let length = fs::metadata(dir.join(name)).map(|file| file.len());
        assert!(
            length.is_ok_and(|bytes| bytes > 0),
            "{name} is missing or empty"
        );
    }
    let sums = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(
        sums.status.success(),
        "{}",
        String::from_utf8_lossy(&sums.stderr)
    );
    let html = fs::read_to_string(dir.join("report.html")).unwrap();
    for outside in ["src=\"http", "href=\"http", "@import", "url(http"] {
        assert!(!html.contains(outside), "report.html loads {outside}");
    }
    assert!(html.contains("<svg"), "report.html has no timeline");
}

fn a_second_run_never_writes_over_it(sandbox: &Sandbox, dir: &Path) {
    let before = fs::read(dir.join("SHA256SUMS")).unwrap();
    let scenario = library("quickstart");
    sandbox
        .run(&run_arguments(&scenario, dir, &[]))
        .expect_code(64)
        .expect_words(&["exist"]);
    assert_eq!(fs::read(dir.join("SHA256SUMS")).unwrap(), before);
}

fn it_is_judged_again_to_the_same_record(sandbox: &Sandbox, run: &ScenarioRun) {
    let dir = run.dir.to_str().unwrap();
    let again = sandbox.run(&["report", dir, "--format", "json"]);
    again.expect_code(0);
    let saved: Value =
        serde_json::from_str(&fs::read_to_string(run.dir.join("record.json")).unwrap()).unwrap();
    assert_eq!(again.json(), saved);
    // On another machine there are only the inputs.
    let copy = copied(sandbox, &run.dir, "inputs-only");
    for product in ["record.json", "timeline.csv", "latency.hlog", "report.html"] {
        fs::remove_file(copy.join(product)).unwrap();
    }
    let judged = sandbox.run(&["report", copy.to_str().unwrap(), "--format", "json"]);
    judged.expect_code(0);
    assert_eq!(judged.json(), saved);
}

fn a_run_that_was_cut_short_is_inconclusive(sandbox: &Sandbox, dir: &Path) {
    let copy = copied(sandbox, dir, "cut-short");
    let events = fs::read_to_string(copy.join("events.jsonl")).unwrap();
    let lines: Vec<&str> = events.lines().collect();
    let half = lines[..lines.len() / 2].join("\n") + "\n";
    fs::write(copy.join("events.jsonl"), half).unwrap();
    fs::remove_file(copy.join("record.json")).unwrap();
    sandbox
        .run(&["report", copy.to_str().unwrap()])
        .expect_code(2);
}

/// What is done to the bytes of a file.
type By<'a> = &'a dyn Fn(Vec<u8>) -> Vec<u8>;

/// Whoever changes the evidence afterwards does not get a verdict from it, and is told which file and which line.
fn evidence_that_was_changed_is_inconclusive(sandbox: &Sandbox, dir: &Path) {
    let change = |name: &str, file: &str, change: By<'_>| {
        let copy = copied(sandbox, dir, name);
        let path = copy.join(file);
        fs::write(&path, change(fs::read(&path).unwrap())).unwrap();
        copy
    };
    let report = |copy: &Path| sandbox.run(&["report", copy.to_str().unwrap()]);
    let one_byte = |mut bytes: Vec<u8>| {
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        bytes
    };
    let without_a_line = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.remove(3);
        (lines.join("\n") + "\n").into_bytes()
    };
    let with_a_comment = |bytes: Vec<u8>| [&bytes[..], b"# nobody will see this\n"].concat();
    let changes: [(&str, By<'_>); 3] = [
        ("ledger/orders-0000.seg", &one_byte),
        ("readback/converged-engine-2.jsonl", &one_byte),
        ("scenario.yaml", &with_a_comment),
    ];
    for (nth, (file, by)) in changes.into_iter().enumerate() {
        let copy = change(&format!("changed-{nth}"), file, by);
        report(&copy)
            .expect_code(2)
            .expect_words(&[file, "was changed after"]);
    }
    let copy = change("other-events", "events.jsonl", &without_a_line);
    report(&copy)
        .expect_code(2)
        .expect_words(&["events.jsonl was changed: line 4"]);
    // Without the sums the chain still tells.
    fs::remove_file(copy.join("SHA256SUMS")).unwrap();
    fs::remove_file(copy.join("record.json")).unwrap();
    report(&copy)
        .expect_code(2)
        .expect_words(&["events.jsonl was changed: line 4"]);
    let copy = copied(sandbox, dir, "no-sums");
    fs::remove_file(copy.join("SHA256SUMS")).unwrap();
    report(&copy)
        .expect_code(2)
        .expect_words(&["SHA256SUMS is gone"]);
    // What is only made from the evidence is told of, and changes nothing.
    let copy = change("other-summary", "summary.md", &|_| b"all is well".to_vec());
    report(&copy)
        .expect_code(0)
        .expect_words(&["summary.md was changed"]);
}

fn every_format_is_rendered(sandbox: &Sandbox, run: &ScenarioRun, record: &RunRecord) {
    let dir = run.dir.to_str().unwrap();
    for (format, mark) in [
        ("text", "PASS"),
        ("json", "\"schema_version\""),
        ("html", "<html"),
        ("junit", "<testsuite"),
        ("markdown", "|"),
    ] {
        let report = sandbox.run(&["report", dir, "--format", format]);
        report.expect_code(0);
        assert!(report.stdout.contains(mark), "{format}: {}", report.stdout);
        for check in &record.checks {
            assert!(report.stdout.contains(&check.id), "{format}: {}", check.id);
        }
    }
    let junit = fs::read_to_string(run.dir.join("junit.xml")).unwrap();
    assert_eq!(junit.matches("<testcase").count(), record.checks.len());
    let file = sandbox.path().join("report.md");
    sandbox
        .run(&[
            "report",
            dir,
            "--format",
            "markdown",
            "--to",
            file.to_str().unwrap(),
        ])
        .expect_code(0);
    assert!(fs::metadata(&file).unwrap().len() > 100);
}

fn the_run_can_be_explained(sandbox: &Sandbox, dir: &Path) {
    let dir = dir.to_str().unwrap();
    sandbox.run(&["explain", dir]).expect_words(&["pass"]);
}

fn copied(sandbox: &Sandbox, dir: &Path, name: &str) -> std::path::PathBuf {
    let copy = sandbox.path().join(name);
    let status = Command::new("cp")
        .arg("-r")
        .args([dir, &copy])
        .status()
        .unwrap();
    assert!(status.success());
    copy
}
