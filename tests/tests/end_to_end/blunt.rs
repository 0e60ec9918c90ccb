//! Each kind of fault with its effect left out (`--blunt`): looked for, not found, and never a pass.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use shakedown_record::Verdict;
use shakedown_record::run_record::RunRecord;
use shakedown_tests::drill::scenario;
use shakedown_tests::shakedown::{Sandbox, beside, library};

/// Runs faults `(id, do, to)` one shortly after the other, all of them blunted.
fn blunted(faults: &[(&str, String, &str)]) -> RunRecord {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let mut after = "{ phase: steady }".to_string();
    let mut lines = Vec::new();
    for (id, what, to) in faults {
        let hold = match what.starts_with("{ restart") {
            true => "",
            false => ", for: 2s",
        };
        lines.push(format!(
            "{id}: {{ do: {what}, to: {to}, when: {{ after: {after} }}{hold} }}"
        ));
        // Later than the plan takes it to be on: 2 s, and 2 s to come back.
        after = format!("{{ fault: {id}, by: 5s }}");
    }
    let path = sandbox.write("drill.yaml", scenario(&lines));
    let flags: Vec<&str> = (faults.iter())
        .flat_map(|(id, _, _)| ["--blunt", id])
        .collect();
    let run = sandbox.run_scenario(&path, &flags);
    let record = run.expect_code(2);
    assert_eq!(record.verdict, Verdict::Inconclusive);
    assert!(!record.dirty, "{:?}", record.leftovers);
    run.finished.expect_words(&["Self-test: "]);
    assert_eq!(record.run.blunted.len(), faults.len());
    assert_eq!(sandbox.left_after_s(2.0), []);
    for (id, what, _) in faults {
        let fault = record.faults.iter().find(|fault| fault.name == *id);
        let fault = fault.unwrap_or_else(|| panic!("{id} is not on record"));
        // It went through its whole life.
        assert!(fault.injected_at_s.is_some(), "{what}: {fault:?}");
        assert!(fault.clean_at_s.is_some(), "{what}: {fault:?}");
        assert!(!fault.effect.confirmed, "{what}: {fault:?}");
        assert!(!fault.effect.text.is_empty(), "{what}: {fault:?}");
        let why = format!("fault {id} had no effect: {}", fault.effect.text);
        assert!(record.reasons.contains(&why), "{why}: {:?}", record.reasons);
    }
    record
}

fn plain(id: &'static str, what: &str) -> (&'static str, String, &'static str) {
    (id, what.to_string(), "{ name: engine-2 }")
}

/// To another replica, so that the one before may take its time to be healed.
fn other(id: &'static str, what: &str) -> (&'static str, String, &'static str) {
    (id, what.to_string(), "{ name: engine-3 }")
}

#[test]
fn what_is_done_to_a_process() {
    blunted(&[
        plain("kill", "{ kill: {} }"),
        other("freeze", "{ freeze: {} }"),
        plain("freeze-by-group", "{ freeze: { by: cgroup } }"),
        other("restart", "{ restart: {} }"),
        plain("clock", "{ clock-skew: { ahead: 30s } }"),
    ]);
}

#[test]
fn what_is_done_by_limits_and_by_commands() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let mark = mark.display();
    let hook = format!(
        "{{ hook: {{ inject: [touch, {mark}], confirm: [test, -e, {mark}], heal: [rm, -f, {mark}] }} }}"
    );
    blunted(&[
        plain("cpu", "{ cpu: { limit: 2% } }"),
        plain("memory", "{ memory: { limit: 1MiB } }"),
        plain("oom", "{ out-of-memory: {} }"),
        plain("hook", &hook),
    ]);
}

#[test]
fn what_is_done_to_links_and_disks() {
    let peers = "{ link: { from: { role: leader }, to: { peers: {} } } }";
    let clients = "{ link: { from: { role: leader }, to: { clients: {} } } }";
    let link = |id, what: &str, to| (id, what.to_string(), to);
    blunted(&[
        link("partition", "{ partition: {} }", peers),
        link("loss", "{ loss: { share: 20% } }", peers),
        link("reset", "{ reset: {} }", clients),
        plain("slow-disk", "{ slow-disk: { sync-by: 20ms } }"),
        plain("failing-disk", "{ failing-disk: { share: 50% } }"),
        plain("full-disk", "{ disk-full: {} }"),
        other("power", "{ power-cut: {} }"),
    ]);
}

#[test]
fn what_makes_links_slow_and_cpus_busy() {
    let peers = "{ link: { from: { role: leader }, to: { peers: {} } } }";
    let link = |id, what: &str| (id, what.to_string(), peers);
    blunted(&[
        link("delay", "{ delay: { by: 20ms } }"),
        link("bandwidth", "{ bandwidth: { rate: 50kB/s } }"),
        link("half-open", "{ half-open: {} }"),
        plain("busy", "{ cpu: { stress: 1 } }"),
    ]);
}

#[test]
fn a_fault_that_the_scenario_does_not_have_cannot_be_blunted() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_scenario(&library("quickstart"), &["--blunt", "nobody"]);
    run.finished
        .expect_code(64)
        .expect_words(&["--blunt nobody", "leader-dies"]);
    assert!(!run.dir.exists());
}
