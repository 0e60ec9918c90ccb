//! The shipped scenarios pass against the clean engine; the quickstart has a file of its own.

use shakedown_record::Verdict;
use shakedown_record::run_record::RunRecord;
use shakedown_tests::shakedown::{Sandbox, alone, library};

fn passes(name: &str) -> RunRecord {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let run = sandbox.run_soundly(&library(name), &["--set", "phases.steady=5s"]);
    let record = run.expect_code(0);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.data_loss.lost, Some(0));
    assert_eq!(
        record.data_loss.coverage.replicas_read,
        record.data_loss.coverage.replicas_expected
    );
    for fault in &record.faults {
        assert!(
            fault.effect.confirmed && fault.clean_at_s.is_some(),
            "{fault:?}"
        );
    }
    assert_eq!(sandbox.left_after_s(2.0), []);
    record
}

#[test]
fn baseline() {
    let record = passes("baseline");
    assert_eq!(record.faults, []);
    assert!(record.latency[&shakedown_record::Phase::Steady].count > 500);
}

#[test]
fn follower_kill() {
    let record = passes("follower-kill");
    assert_eq!(record.faults[0].kind, "kill");
    assert_ne!(record.faults[0].targets[0].role.as_deref(), Some("leader"));
}

#[test]
fn leader_freeze() {
    let record = passes("leader-freeze");
    assert_eq!(record.faults[0].kind, "freeze");
    assert_eq!(record.faults[0].targets[0].role.as_deref(), Some("leader"));
}

#[test]
fn rolling_restart() {
    let record = passes("rolling-restart");
    let restarted: std::collections::BTreeSet<&str> = record
        .faults
        .iter()
        .filter(|fault| fault.kind == "restart")
        .flat_map(|fault| fault.targets.iter().map(|target| target.name.as_str()))
        .collect();
    assert_eq!(restarted.len(), 3, "{:?}", record.faults);
}
