//! Restores to a moment: what was acknowledged after it is rolled back and counted, what was acknowledged before it must be there,
//! and what was not read is not known.

use shakedown_record::event::Event;
use shakedown_record::fault::{Effect, EffectFigure};
use shakedown_record::ledger::{Entry, OrderKind};
use shakedown_record::readback::Row;
use shakedown_record::restore::RestoreRecord;
use shakedown_record::{Outcome, Verdict};
use shakedown_scenarios::plan::gates::{Operation, OperationBy, RestorePoint};
use shakedown_scenarios::plan::{FaultKind, RuleKind, Selector};

use crate::build::*;
use crate::plan::rule;

const CHECK: &str = "kept";

/// The moment, a second before the restore begins, and when the data was in use again.
const TO: u64 = STRUCK - S;
const DONE: u64 = STRUCK + S / 2;
const ERROR: u64 = MS / 2;

fn acked_at(entry: &Entry) -> Option<u64> {
    entry
        .done_ns
        .filter(|_| entry.outcome == Some(Outcome::Acked))
}

fn is_rolled_back(entry: &Entry) -> bool {
    acked_at(entry).is_some_and(|at| at > TO && at <= DONE)
}

/// The engine is brought back: it numbers from there on what comes after.
fn entries() -> Vec<Entry> {
    let mut entries = Run::healthy().entries;
    let taken = entries.iter().filter(|it| is_rolled_back(it)).count() as u64;
    for entry in &mut entries {
        let comes_after = acked_at(entry).is_some_and(|at| at > DONE);
        if comes_after {
            entry.sequence = entry.sequence.map(|number| number - taken);
        }
    }
    entries
}

fn rolled_back() -> u64 {
    let entries = entries();
    let taken = entries
        .iter()
        .filter(|it| is_rolled_back(it) && it.kind.makes_order());
    taken.count() as u64
}

/// What a copy holds as though nothing that was rolled back had ever been done.
fn rows() -> Vec<Row> {
    let mut entries = entries();
    for entry in entries.iter_mut().filter(|it| is_rolled_back(it)) {
        entry.outcome = Some(Outcome::Rejected);
    }
    Run::of(entries).rows.remove("engine-1").unwrap()
}

fn effect() -> Effect {
    Effect {
        figures: vec![EffectFigure {
            name: EffectFigure::RESTORED_TO.into(),
            measured: Some((ZERO + TO) as f64),
            unit: EffectFigure::MOMENT.into(),
            error: Some(ERROR as f64),
            ..EffectFigure::default()
        }],
        ..Effect::seen("engine-1 is on timeline 2")
    }
}

/// A run whose only fault is a restore, after which every copy holds what `rows` say.
fn restored(at_most_ns: u64, rows: &[Row]) -> Run {
    restored_with(at_most_ns, rows, effect())
}

fn restored_with(at_most_ns: u64, rows: &[Row], effect: Effect) -> Run {
    let mut run = Run::of(entries());
    let fault = &mut run.plan.faults[0];
    fault.kind = FaultKind::Operation(Operation::Restore {
        to: RestorePoint::Before { by_ns: S },
        by: OperationBy::Servers,
        clock_error_ns: 0,
    });
    fault.to = Selector::System;
    run.plan
        .rules
        .push(rule(CHECK, RuleKind::RestoreRpo { at_most_ns }));
    let rows = rows.to_vec();
    let seen = Event::FaultEffect {
        firing: leader_dies(),
        effect,
    };
    run.without(|event| matches!(event, Event::FaultEffect { .. }))
        .with(|event| {
            if let Event::FaultPrepared { kind, .. } = event {
                *kind = "restore".into();
            }
        })
        .every_copy(|own| own.clone_from(&rows))
        .and(DONE, seen)
}

fn the_restore(run: &Run) -> RestoreRecord {
    let mut restores = run.judge().record.data_loss.restores;
    assert_eq!(restores.len(), 1);
    restores.remove(0)
}

fn verdict(run: &Run, id: &str) -> Verdict {
    the(&run.judge(), id).verdict
}

#[test]
fn exactly_what_was_acknowledged_after_the_moment_is_rolled_back_and_not_lost() {
    let run = restored(2 * S, &rows());
    let analysis = run.judge();
    let data = &analysis.record.data_loss;
    assert!(rolled_back() > 300, "{}", rolled_back());
    assert_eq!(data.rolled_back, Some(rolled_back()));
    assert_eq!((data.lost, data.divergent), (Some(0), Some(0)));
    assert_eq!(data.acknowledged, rows().len() as u64 - 1 + rolled_back());
    let restore = the_restore(&run);
    assert_eq!(restore.fault, "leader-dies");
    assert_eq!((restore.missing_before, restore.kept_after), (Some(0), 0));
    near(Some(restore.to_s), TO as f64 / 1e9, 0.001);
    // Until it was away, a second later.
    near(restore.rpo_s, 1.0, 3.0);
    assert_eq!(
        analysis.record.verdict,
        Verdict::Pass,
        "{:?}",
        analysis.record.reasons
    );
}

#[test]
fn a_run_without_a_restore_says_nothing_of_one() {
    let data = Run::healthy().judge().record.data_loss;
    assert_eq!((data.rolled_back, data.restores), (None, Vec::new()));
}

#[test]
fn more_than_is_allowed_is_proof() {
    let run = restored(S / 2, &rows());
    let analysis = run.judge();
    let check = the(&analysis, CHECK);
    assert_eq!(check.verdict, Verdict::Fail, "{check:?}");
    near(check.observed.value, 1.0, 3.0);
    assert!(check.observed.text.contains("rolled back"), "{check:?}");
    // What is gone is gone by what a restore is.
    assert_eq!(verdict(&run, "lost"), Verdict::Pass);
}

#[test]
fn what_was_acknowledged_before_the_moment_must_be_there() {
    let mut rows = rows();
    let slot_of = |row: &Row| row.id.rsplit('-').next().and_then(|it| it.parse().ok());
    let entries = entries();
    let is_last = |row: &Row| {
        let slot: Option<usize> = slot_of(row);
        let at = slot.and_then(|slot| acked_at(&entries[slot]));
        at.is_some_and(|at| at + ERROR <= TO)
    };
    let place = rows.iter().rposition(is_last).unwrap();
    rows.remove(place);
    let run = restored(2 * S, &rows);
    assert_eq!(run.judge().record.data_loss.lost, Some(1));
    assert_eq!(verdict(&run, "lost"), Verdict::Fail);
    assert_eq!(verdict(&run, CHECK), Verdict::Fail);
    let restore = the_restore(&run);
    assert_eq!(restore.missing_before, Some(1));
    assert_eq!(restore.rolled_back, Some(rolled_back()));
}

#[test]
fn what_clocks_leave_open_is_no_loss() {
    let wide = Effect {
        figures: vec![EffectFigure {
            error: Some((10 * MS) as f64),
            ..effect().figures.remove(0)
        }],
        ..effect()
    };
    let mut rows = rows();
    let entries = entries();
    let is_near = |entry: &Entry| acked_at(entry).is_some_and(|at| at <= TO && at + 5 * MS > TO);
    let near: Vec<String> = (0u64..)
        .zip(&entries)
        .filter(|(_, entry)| is_near(entry) && entry.kind == OrderKind::New)
        .map(|(slot, _)| order_id(slot))
        .collect();
    assert!(!near.is_empty());
    rows.retain(|row| !near.contains(&row.id));
    let run = restored_with(2 * S, &rows, wide);
    assert_eq!(run.judge().record.data_loss.lost, Some(0));
    assert_eq!(verdict(&run, CHECK), Verdict::Pass);
    // With clocks that agree, all but the one that was acknowledged at the very moment.
    let lost = restored(2 * S, &rows).judge().record.data_loss.lost;
    assert_eq!(lost, Some(near.len() as u64 - 1));
}

#[test]
fn a_restore_that_did_not_go_back_so_far_is_seen() {
    let run = restored(2 * S, &Run::of(entries()).rows["engine-1"]);
    let restore = the_restore(&run);
    assert_eq!(restore.rolled_back, Some(0));
    assert!(restore.kept_after > 300, "{restore:?}");
    let analysis = run.judge();
    let check = the(&analysis, CHECK);
    assert_eq!(check.verdict, Verdict::Fail);
    assert!(check.observed.text.contains("did not go back"), "{check:?}");
}

#[test]
fn a_copy_that_was_brought_back_beside_one_that_was_not_is_another_one() {
    let whole = Run::of(entries()).rows["engine-1"].clone();
    let run = restored(2 * S, &rows()).copy("engine-3", |rows| rows.clone_from(&whole));
    let found = run.judge().record.data_loss.divergent;
    assert_eq!(found, Some(rolled_back()));
    assert_eq!(verdict(&run, "divergent"), Verdict::Fail);
}

#[test]
fn without_all_copies_it_is_null_and_inconclusive() {
    let run = restored(2 * S, &rows()).with(|event| {
        if let Event::ReadBack(done) = event
            && done.replica == "engine-2"
        {
            done.complete = false;
            done.reason = Some("it did not answer".into());
        }
    });
    let restore = the_restore(&run);
    assert_eq!(
        (restore.rolled_back, restore.missing_before, restore.rpo_s),
        (None, None, None)
    );
    assert_eq!(run.judge().record.data_loss.rolled_back, None);
    assert_eq!(verdict(&run, CHECK), Verdict::Inconclusive);
}

#[test]
fn a_restore_that_nobody_saw_excuses_nothing() {
    let run = restored_with(2 * S, &rows(), Effect::not_seen("it failed"));
    let data = run.judge().record.data_loss;
    assert_eq!(data.lost, Some(rolled_back()));
    assert_eq!((data.rolled_back, data.restores), (None, Vec::new()));
    assert_eq!(verdict(&run, CHECK), Verdict::Inconclusive);
    assert_eq!(verdict(&run, "lost"), Verdict::Fail);
}
