//! Orders that came to life again, and orders that were numbered against time.

use shakedown_record::OutcomeCounts;
use shakedown_record::ledger::OrderKind;
use shakedown_record::readback::ReadKind;
use shakedown_record::worker::WorkerReport;

use super::*;

/// A new order whose cancel, five slots later, was acknowledged.
const CANCELLED: u64 = 3_002;

fn open_again(rows: &mut [Row]) {
    let row = rows.iter_mut().find(|row| row.id == order_id(CANCELLED));
    row.unwrap().state = Some("open".into());
}

#[test]
fn an_order_that_is_open_after_its_cancel_is_resurrected() {
    let headline = "cancelled orders are open again";
    let analysis = Run::healthy().every_copy(|rows| open_again(rows)).judge();
    red(&analysis, "resurrected", headline);
    assert_eq!(analysis.record.data_loss.resurrected, Some(1));
    assert_eq!(analysis.stories[0].order, order_id(CANCELLED));
    let one = Run::healthy()
        .copy("engine-3", |rows| open_again(rows))
        .judge();
    red(&one, "resurrected", headline);
}

#[test]
fn an_order_whose_cancel_got_no_answer_may_be_open() {
    let mut run = Run::healthy();
    let cancel = &mut run.entries[CANCELLED as usize + 5];
    assert_eq!(cancel.kind, OrderKind::Cancel);
    (cancel.outcome, cancel.sequence) = (Some(Outcome::Timeout), None);
    let analysis = run.refill().judge();
    assert_eq!(the(&analysis, "resurrected").verdict, Verdict::Pass);
    assert_eq!(analysis.record.data_loss.resurrected, Some(0));
}

#[test]
fn a_copy_that_has_not_caught_up_proves_nothing_alive() {
    let run = Run::healthy()
        .copy("engine-3", |rows| open_again(rows))
        .with(|event| {
            if let Event::ReadBack(done) = event
                && done.replica == "engine-3"
            {
                done.complete = false;
                done.reason = Some("it does not have the sentinel".into());
            }
        });
    let analysis = run.judge();
    let check = the(&analysis, "resurrected");
    assert_eq!(check.verdict, Verdict::Inconclusive, "{}", check.why);
    assert_eq!(analysis.record.data_loss.resurrected, None);
}

#[test]
fn where_nothing_was_cancelled_nothing_was_looked_for() {
    let mut run = Run::healthy();
    let cancels = run.entries.iter_mut();
    for cancel in cancels.filter(|entry| entry.kind == OrderKind::Cancel) {
        (cancel.outcome, cancel.sequence) = (Some(Outcome::Rejected), None);
    }
    let analysis = run.refill().judge();
    assert_eq!(analysis.record.data_loss.resurrected, None);
    let check = the(&analysis, "resurrected");
    assert!(
        check.why.contains("no cancel was acknowledged"),
        "{}",
        check.why
    );
    let mut plan = Run::healthy();
    if let Some(ReadBack::List { fields, .. }) = &mut plan.plan.system.read_back {
        fields.open_states.clear();
    }
    let silent = plan.judge().record.data_loss;
    let not_checkable = &silent.coverage.not_checkable;
    assert!(not_checkable.contains(&"resurrected".to_string()));
    assert_eq!(
        (silent.resurrected, silent.coverage.reads),
        (None, vec![ReadKind::Converged])
    );
}

#[test]
fn an_order_with_a_lower_number_than_one_acknowledged_before_it_is_reordered() {
    let mut run = Run::healthy();
    run.entries[3_000].sequence = Some(2_990);
    let analysis = run.judge();
    let headline = "the engine numbered orders against the time of their acknowledgements";
    red(&analysis, "reordered", headline);
    assert_eq!(analysis.record.data_loss.reordered, Some(1));
    assert_eq!(analysis.stories[0].order, order_id(3_000));
}

#[test]
fn orders_that_were_under_way_together_may_have_any_numbers() {
    let mut run = Run::healthy();
    run.entries[3_000].done_ns = Some(run.entries[3_000].intended_ns + 3 * MS);
    run.entries[3_000].sequence = Some(3_001);
    run.entries[3_001].sequence = Some(3_000);
    let analysis = run.judge();
    assert_eq!(the(&analysis, "reordered").verdict, Verdict::Pass);
}

#[test]
fn a_number_that_overtook_within_the_error_of_the_clocks_proves_nothing() {
    let workers = |clock_error_ns: u64| {
        let mut run = Run::healthy().with(|event| {
            if let Event::Generator { report } = event {
                report.workers = vec![WorkerReport {
                    worker: 1,
                    place: "here".into(),
                    scheduled: 0,
                    outcomes: OutcomeCounts::default(),
                    unknown: 0,
                    clock_offset_ns: 0,
                    clock_error_ns,
                    lost: None,
                }];
            }
        });
        run.entries[3_000].sequence = Some(3_001);
        run.entries[3_001].sequence = Some(3_000);
        run.judge().record.data_loss.reordered
    };
    assert_eq!(workers(10_000), Some(1));
    assert_eq!(workers(MS), Some(0));
}

#[test]
fn without_numbers_nothing_is_said_of_their_order() {
    let mut run = Run::healthy();
    let entries = run.entries.iter_mut();
    entries.for_each(|entry| entry.sequence = None);
    let analysis = run.judge();
    assert_eq!(analysis.record.data_loss.reordered, None);
    let check = the(&analysis, "reordered");
    assert_eq!(check.verdict, Verdict::Inconclusive, "{}", check.why);
}
