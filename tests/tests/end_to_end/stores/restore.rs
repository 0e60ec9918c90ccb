//! A backup and the way back to a moment: what a restore takes away is what the servers' own dump lacks, and a backup that lacks
//! what it should hold is found out.

use std::collections::BTreeSet;
use std::fs;

use shakedown_record::ledger::{Entry, LedgerReader};
use shakedown_record::run_record::RunRecord;
use shakedown_record::{Outcome, Verdict};
use shakedown_tests::calm::soundly;
use shakedown_tests::drill::has_told;
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, beside, check, library, run_arguments, within_s, workspace,
};

use super::{data, servers, slots};

/// What the restore of a run took, by the servers' own dump after it.
struct Brought {
    record: RunRecord,
    /// Slots that each server has.
    there: Vec<BTreeSet<u64>>,
    entries: Vec<(u64, Entry)>,
}

fn brought(sandbox: &Sandbox) -> (Brought, bool) {
    let dir = sandbox.new_run_dir();
    let path = library("postgresql-restore");
    let mut running = Running::start(sandbox.command(&run_arguments(&path, &dir, &[])));
    let mut ended = false;
    let told = within_s(120.0, || {
        ended = !running.is_running();
        ended || has_told(&dir, "fault-clean", Some("restored"))
    });
    let there: Vec<BTreeSet<u64>> = match told && !ended {
        true => servers(sandbox).iter().map(|at| slots(at)).collect(),
        false => Vec::new(),
    };
    let run = ScenarioRun {
        finished: running.finish(),
        dir,
    };
    assert_eq!(sandbox.left_after_s(2.0), []);
    assert!(!data(sandbox), "data of servers is left");
    let sound = run.sound();
    assert!(!there.is_empty() || !sound, "{}", run.finished.said());
    let ledger = LedgerReader::open(&run.dir.join("ledger")).unwrap();
    let entries = ledger.entries().map(Result::unwrap);
    let brought = Brought {
        record: run.record(),
        there,
        entries: entries.collect(),
    };
    (brought, sound)
}

/// Slots of acknowledged orders, by when they were sent and acknowledged, in seconds.
fn acked(entries: &[(u64, Entry)], is: impl Fn(f64, f64) -> bool) -> BTreeSet<u64> {
    let seconds = |ns: Option<u64>| ns.map_or(f64::MAX, |ns| ns as f64 / 1e9);
    let wanted = entries.iter().filter(|(_, entry)| {
        entry.settled() == Outcome::Acked && is(seconds(entry.sent_ns), seconds(entry.done_ns))
    });
    wanted.map(|(slot, _)| *slot).collect()
}

#[test]
fn a_restore_takes_exactly_what_came_after_its_moment() {
    let _beside = beside();
    let Brought {
        record,
        there,
        entries,
    } = soundly(|| brought(&Sandbox::new()));
    assert_eq!(record.verdict, Verdict::Pass, "{:?}", record.reasons);
    let [restore] = record.data_loss.restores.as_slice() else {
        panic!("{:?}", record.data_loss);
    };
    // 3 s before it began, and however long its beginning took.
    let back_s = restore.began_s - restore.to_s;
    assert!((2.9..=3.0).contains(&back_s), "{restore:?}");
    let certain_s = restore.to_s - restore.clock_error_s;
    let before = acked(&entries, |_, done_s| done_s <= certain_s);
    let after = acked(&entries, |_, done_s| {
        done_s > certain_s && done_s <= restore.done_s
    });
    let undone = acked(&entries, |sent_s, done_s| {
        sent_s > restore.to_s + restore.clock_error_s && done_s < restore.began_s
    });
    // 3 s of 300 orders each.
    assert!(undone.len() > 500, "{}", undone.len());
    assert_eq!(there.len(), 2);
    for there in &there {
        assert_eq!(before.difference(there).count(), 0);
        assert_eq!(undone.intersection(there).count(), 0);
        let gone = after.difference(there).count() as u64;
        assert_eq!(restore.rolled_back, Some(gone), "{restore:?}");
    }
    assert_eq!(restore.before, before.len() as u64);
    assert_eq!(restore.after, after.len() as u64);
    assert_eq!((restore.missing_before, restore.kept_after), (Some(0), 0));
    assert_eq!(record.data_loss.lost, Some(0));
}

#[test]
fn a_backup_that_silently_lacks_rows_is_found_out() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let text =
        fs::read_to_string(workspace().join("scenarios/library/systems/postgres-async.yaml"))
            .unwrap();
    // Of an unlogged table a base backup holds nothing, and says nothing of that; no standby has it either.
    let promotes = text
        .lines()
        .find(|line| line.contains("promote-after"))
        .unwrap();
    let profile = text
        .replace(promotes, "")
        .replace("create table", "create unlogged table")
        .replace("replicas: 2", "replicas: 1");
    let profile = sandbox.write("unlogged.yaml", profile);
    let scenario = fs::read_to_string(library("postgresql-restore")).unwrap();
    let scenario = scenario
        .replace(
            "system: postgres-async",
            &format!("system: {}", profile.display()),
        )
        .replace("  divergent: { divergent-orders: { at-most: 0 } }\n", "");
    let scenario = sandbox.write("restore.yaml", scenario);
    let record = sandbox.run_soundly(&scenario, &[]).expect_code(1);
    assert_eq!(check(&record, "lost").verdict, Verdict::Fail);
    assert_eq!(check(&record, "kept-all").verdict, Verdict::Fail);
    let [restore] = record.data_loss.restores.as_slice() else {
        panic!("{:?}", record.data_loss);
    };
    assert!(restore.before > 1_000, "{restore:?}");
    assert_eq!(restore.missing_before, Some(restore.before));
    assert_eq!(record.data_loss.lost, Some(restore.before));
    let kept = record.faults.iter().find(|it| it.name == "kept").unwrap();
    assert!(kept.effect.confirmed, "{kept:?}");
}

#[test]
fn a_migration_that_changes_what_it_takes_back_is_found_out() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let psql = super::program("SHAKEDOWN_POSTGRESQL", "psql");
    let asks = |sql: &str| {
        let psql = psql.display();
        format!("[sh, -c, '{psql} \"$SHAKEDOWN_ENTRY/trading?user=postgres\" -qc \"{sql}\"']")
    };
    let (up, confirm, down) = (
        asks("alter table orders add column note text"),
        asks("select note from orders limit 1"),
        // It takes the column away, and cents from what was there before it.
        asks(
            "update orders set price = round(price); alter table orders drop column if exists note",
        ),
    );
    let text =
        fs::read_to_string(workspace().join("scenarios/library/systems/postgres-commit-off.yaml"))
            .unwrap();
    let profile = sandbox.write(
        "migrated.yaml",
        format!(
            "{text}operations: {{ migrate: {{ up: {up}, confirm: {confirm}, down: {down} }} }}\n"
        ),
    );
    let scenario = fs::read_to_string(library("postgresql-commit-off")).unwrap();
    let scenario = scenario
        .replace(
            "system: postgres-commit-off",
            &format!("system: {}", profile.display()),
        )
        .replace("{ kill: { signal: KILL } }", "{ migrate: {} }")
        .replace("    to: { role: leader }\n", "")
        .replace("for: 1s", "for: 3s");
    let scenario = sandbox.write("migration.yaml", scenario);
    let record = sandbox.run_soundly(&scenario, &[]).expect_code(1);
    let fault = &record.faults[0];
    assert!(
        fault.effect.confirmed && fault.clean_at_s.is_some(),
        "{fault:?}"
    );
    assert_eq!(record.data_loss.lost, Some(0));
    assert!(record.data_loss.corrupt.is_some_and(|count| count > 500));
    assert_eq!(check(&record, "corrupt").verdict, Verdict::Fail);
}
