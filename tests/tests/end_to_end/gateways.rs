//! The main command through every gateway: the leader is killed under load, and what was acknowledged is on every copy.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::collections::BTreeSet;

use shakedown_record::ledger::{LedgerReader, read_drop_copy};
use shakedown_record::{Outcome, Verdict};
use shakedown_tests::shakedown::{Sandbox, alone, library, workspace};

/// Runs the quickstart with these lines in place of the reference profile's session.
fn quickstart_through(gateway: &str) {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let profile = workspace().join("scenarios/library/systems/reference.yaml");
    let profile = std::fs::read_to_string(profile).unwrap();
    let session = "session: { protocol: http, in-flight: 1,";
    assert!(profile.contains(session));
    sandbox.write("gateway.yaml", profile.replace(session, gateway));
    let scenario = std::fs::read_to_string(library("quickstart")).unwrap();
    assert!(scenario.contains("\nsystem: reference"));
    let scenario = scenario.replace("\nsystem: reference", "\nsystem: gateway.yaml");
    let scenario = sandbox.write("quickstart.yaml", scenario);
    let run = sandbox.run_soundly(&scenario, &["--seed", "7"]);
    let record = run.expect_code(0);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn the_leader_is_killed_under_orders_over_fix_and_the_drop_copy_has_all_of_them() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let short = ["--seed", "7", "--set", "phases.steady=5s"];
    let run = sandbox.run_soundly(&library("fix-leader-kill"), &short);
    let record = run.expect_code(0);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.faults[0].targets[0].role.as_deref(), Some("leader"));
    let ledger = run.dir.join("ledger");
    let copies = read_drop_copy(&ledger).unwrap();
    let copied: BTreeSet<(&str, &str)> = copies
        .iter()
        .map(|copy| (&*copy.exec_id, &*copy.id))
        .collect();
    let mut acked = 0;
    for entry in LedgerReader::open(&ledger).unwrap().entries() {
        let (slot, entry) = entry.unwrap();
        if entry.outcome != Some(Outcome::Acked) {
            continue;
        }
        acked += 1;
        let order = entry.target.unwrap_or(slot);
        let sequence = entry.sequence.unwrap().to_string();
        let is_copied = copied
            .range((&*sequence, "")..)
            .take_while(|(exec_id, _)| *exec_id == sequence)
            .any(|(_, id)| id.ends_with(&format!("-{order}")));
        assert!(is_copied, "slot {slot}, sequence {sequence}: no copy of it");
    }
    assert!(acked > 3_000, "{acked}");
    let nodes: BTreeSet<&str> = copies
        .iter()
        .filter_map(|copy| copy.node.as_deref())
        .collect();
    assert!(
        nodes.iter().all(|node| node.starts_with("engine-")),
        "{nodes:?}"
    );
    assert_eq!(sandbox.left_after_s(2.0), []);
}

/// Orders that were taken when the leader died, and were never reported, may have executed: none of them is a phantom.
#[test]
fn the_leader_is_killed_under_orders_that_are_acknowledged_on_another_connection() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let short = ["--seed", "7", "--set", "phases.steady=5s"];
    let run = sandbox.run_soundly(&library("reported-leader-kill"), &short);
    let record = run.expect_code(0);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.faults[0].targets[0].role.as_deref(), Some("leader"));
    let outcomes = record.generator.outcomes;
    assert!(outcomes.acked > 3_000, "{outcomes:?}");
    assert!(outcomes.rejected > 0, "reports say that too: {outcomes:?}");
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn the_quickstart_passes_in_frames() {
    quickstart_through(
        "gateway: { binary: { port: 7410, batch: 4 } }\nsession: { protocol: binary, in-flight: 4,",
    );
}

#[test]
fn the_quickstart_passes_over_websocket() {
    let message = |op: &str, fields: &str, done: &str| {
        format!(
            "{{ send: '{{\"op\":\"{op}\",\"id\":\"{{{{id}}}}\"{fields}}}', acked: {{ /state: {done} }}, \
             rejected: {{ /state: [rejected, too-late, unknown-order] }} }}"
        )
    };
    let terms = r#","price":"{{price}}","quantity":"{{quantity}}""#;
    let order = r#","account":"{{account}}","symbol":"{{symbol}}","side":"{{side}}""#;
    let new = message("new", &format!("{order}{terms}"), "accepted");
    let cancel = message("cancel", "", "cancelled");
    let replace = message("replace", terms, "replaced");
    quickstart_through(&format!(
        "gateway:\n  websocket:\n    path: /ws\n    id: /id\n    new: {new}\n    cancel: {cancel}\n    replace: {replace}\n    \
         take: {{ sequence: /sequence, served-by: /node }}\nsession: {{ protocol: websocket, in-flight: 4,"
    ));
}

#[test]
fn the_quickstart_passes_over_http2() {
    quickstart_through("gateway: http2\nsession: { in-flight: 8,");
}
