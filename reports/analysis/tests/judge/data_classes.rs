//! Each class of data loss turns its own check red, and absence is only believed of what was read.

use shakedown_record::event::{Event, ReadBackDone};
use shakedown_record::ledger::{Retry, ServerId};
use shakedown_record::readback::Row;
use shakedown_record::{Outcome, Verdict};
use shakedown_scenarios::plan::{DataClass, DataLayout, Identity, ReadBack};

use crate::build::*;
use crate::plan::{answer, fields, request};

/// A plain new order, acknowledged 37 ms before the fault.
const LATE: u64 = 6_000;
/// Refused while the server was gone.
const REFUSED: u64 = 6_100;
/// Rejected: too large on purpose.
const REJECTED: u64 = 2_011;

fn drop_order(slot: u64) -> impl Fn(&mut Vec<Row>) {
    move |rows| rows.retain(|row| row.id != order_id(slot))
}

fn add_order(run: &Run, slot: u64) -> impl Fn(&mut Vec<Row>) + use<> {
    let row = run.row(slot);
    move |rows| rows.push(row.clone())
}

fn red(analysis: &shakedown_analysis::Analysis, check: &str, headline: &str) {
    assert_eq!(
        ids(analysis, Verdict::Fail)[0],
        check,
        "{:?}",
        analysis.record.reasons
    );
    assert_eq!(
        (analysis.record.verdict, analysis.record.exit_code),
        (Verdict::Fail, 1)
    );
    assert_eq!(analysis.record.reasons[0], headline);
}

#[test]
fn an_acknowledged_order_on_no_copy_is_lost_with_its_age() {
    let analysis = Run::healthy()
        .every_copy(drop_order(LATE))
        .every_copy(drop_order(LATE - 2))
        .judge();
    assert_eq!(ids(&analysis, Verdict::Fail), ["rpo", "lost"]);
    red(&analysis, "rpo", "acknowledged orders were lost");
    let data = &analysis.record.data_loss;
    assert_eq!(
        (data.lost, data.divergent, data.rpo_orders),
        (Some(2), Some(0), Some(2))
    );
    // Due at 11.996 s, acknowledged a millisecond later.
    near(data.rpo_s, STRUCK as f64 / 1e9 - 11.997, 0.1);
    let example = &data.examples[0];
    assert_eq!(
        (example.class.as_str(), example.slot),
        ("lost", Some(LATE - 2))
    );
    assert!(
        example.story.contains("40 ms before leader-dies struck"),
        "{}",
        example.story
    );
    assert!(
        example
            .story
            .contains("missing on engine-1, engine-2, engine-3"),
        "{}",
        example.story
    );
    assert!(
        the(&analysis, "lost")
            .observed
            .text
            .contains("; first abc123-5998")
    );
}

#[test]
fn a_loss_that_no_fault_explains_has_no_age_and_fails_all_the_same() {
    let analysis = Run::healthy().every_copy(drop_order(12_000)).judge();
    assert_eq!(ids(&analysis, Verdict::Fail), ["rpo", "lost"]);
    assert_eq!(analysis.record.data_loss.rpo_s, None);
    assert!(
        the(&analysis, "rpo")
            .observed
            .text
            .contains("belong to no fault")
    );
}

#[test]
fn an_order_on_some_copies_only_is_divergent() {
    let analysis = Run::healthy().copy("engine-2", drop_order(LATE)).judge();
    assert_eq!(ids(&analysis, Verdict::Fail), ["divergent"]);
    red(&analysis, "divergent", "copies do not hold the same orders");
    assert_eq!(
        (
            analysis.record.data_loss.lost,
            analysis.record.data_loss.divergent
        ),
        (Some(0), Some(1))
    );
}

#[test]
fn of_sharded_data_any_copy_will_do() {
    let mut run = Run::healthy().copy("engine-2", drop_order(LATE));
    run.plan.system.data = DataLayout::Sharded {
        by: "symbol".into(),
    };
    run.plan.rules.retain(|rule| rule.id != "divergent");
    let analysis = run.judge();
    assert_eq!(
        analysis.record.verdict,
        Verdict::Pass,
        "{:?}",
        analysis.record.reasons
    );
    assert_eq!(analysis.record.data_loss.divergent, None);
    assert!(
        analysis
            .record
            .data_loss
            .coverage
            .not_checkable
            .contains(&"divergent".to_string())
    );
    let lost = run.every_copy(drop_order(LATE)).judge();
    assert_eq!(lost.record.data_loss.lost, Some(1));
}

#[test]
fn what_was_rejected_refused_or_never_sent_is_a_phantom_when_found() {
    let run = Run::healthy();
    for slot in [REJECTED, REFUSED] {
        let analysis = run.clone().copy("engine-3", add_order(&run, slot)).judge();
        assert_eq!(ids(&analysis, Verdict::Fail), ["phantom"]);
        red(
            &analysis,
            "phantom",
            "orders appeared that were rejected or never sent",
        );
        assert_eq!(analysis.record.data_loss.phantom, Some(1));
    }
    for id in [
        "abc123-99999999",
        "abc123-18446744073709551615",
        "abc123-",
        "abc123-x7",
        "abc123-sx",
    ] {
        let stranger = Row {
            id: id.into(),
            found: true,
            ..Row::default()
        };
        let analysis = run
            .clone()
            .copy("engine-1", |rows| rows.push(stranger.clone()))
            .judge();
        assert_eq!(ids(&analysis, Verdict::Fail), ["phantom"], "{id}");
        assert_eq!(analysis.record.data_loss.examples[0].order, id);
    }
}

#[test]
fn other_peoples_orders_and_our_sentinels_are_no_phantoms() {
    let others = ["zzz999-5", "MANUAL-1", "abc1234-7", ""].map(|id| Row {
        id: id.into(),
        found: true,
        ..Row::default()
    });
    let analysis = Run::healthy()
        .every_copy(|rows| rows.extend(others.clone()))
        .judge();
    assert_eq!(
        analysis.record.verdict,
        Verdict::Pass,
        "{:?}",
        analysis.record.reasons
    );
}

#[test]
fn the_same_id_twice_on_one_copy_is_a_duplicate() {
    let run = Run::healthy();
    let analysis = run.clone().copy("engine-1", add_order(&run, LATE)).judge();
    assert_eq!(ids(&analysis, Verdict::Fail), ["duplicate"]);
    red(&analysis, "duplicate", "orders were executed twice");
}

#[test]
fn other_values_than_were_sent_are_corrupt_and_other_spellings_are_not() {
    let change = |of: fn(&mut Row)| {
        Run::healthy()
            .copy("engine-2", |rows| {
                of(rows
                    .iter_mut()
                    .find(|row| row.id == order_id(LATE))
                    .unwrap())
            })
            .judge()
    };
    let spellings: [fn(&mut Row); 3] = [
        |row| row.price = Some("5.000000e4".into()),
        |row| row.quantity = Some("0.0010".into()),
        |row| (row.price, row.side) = (None, None),
    ];
    for spelling in spellings {
        let analysis = change(spelling);
        assert_eq!(
            analysis.record.verdict,
            Verdict::Pass,
            "{:?}",
            analysis.record.data_loss.examples
        );
    }
    let damages: [fn(&mut Row); 5] = [
        |row| row.price = Some("50000.01".into()),
        |row| row.quantity = Some("0.002".into()),
        |row| row.quantity = Some("much".into()),
        |row| row.symbol = Some("ETHUSD".into()),
        |row| row.side = Some("sell".into()),
    ];
    for damage in damages {
        let analysis = change(damage);
        assert_eq!(ids(&analysis, Verdict::Fail), ["corrupt"]);
        red(&analysis, "corrupt", "orders were changed");
        assert!(
            analysis.record.data_loss.examples[0]
                .story
                .contains("engine-2 has ")
        );
    }
}

/// A replace of the order eight slots before it.
const REPLACE: u64 = 2_009;

fn with_first_values(run: &Run) -> Row {
    let mut without = run.clone();
    without.entries[REPLACE as usize].outcome = Some(Outcome::Rejected);
    without.row(REPLACE - 8)
}

fn put_back(row: Row) -> impl Fn(&mut Vec<Row>) {
    move |rows| *rows.iter_mut().find(|known| known.id == row.id).unwrap() = row.clone()
}

#[test]
fn an_acknowledged_replace_must_show_and_an_unanswered_one_may() {
    let run = Run::healthy();
    let old = with_first_values(&run);
    assert_ne!(old, run.row(REPLACE - 8));
    let forgotten = run.clone().every_copy(put_back(old.clone())).judge();
    assert_eq!(
        forgotten.record.data_loss.corrupt,
        Some(1),
        "the acknowledged replace is gone"
    );
    let mut unanswered = run;
    unanswered.entries[REPLACE as usize].outcome = Some(Outcome::Timeout);
    let new = unanswered.entries[REPLACE as usize];
    let unanswered = unanswered.refill();
    assert_eq!(
        unanswered.judge().record.data_loss.corrupt,
        Some(0),
        "not executed is right"
    );
    let mut executed = unanswered.row(REPLACE - 8);
    executed.price = Some(format!(
        "{}.{:02}",
        new.price_ticks / 100,
        new.price_ticks % 100
    ));
    executed.quantity = Some(format!("0.{:03}", new.quantity_lots));
    let analysis = unanswered.every_copy(put_back(executed)).judge();
    assert_eq!(
        analysis.record.data_loss.corrupt,
        Some(0),
        "executed is right too"
    );
}

/// Makes an order unanswered; it is on no copy then.
fn unanswered(slot: u64) -> Run {
    let mut run = Run::healthy();
    run.entries[slot as usize].outcome = Some(Outcome::Timeout);
    run.entries[slot as usize].sequence = None;
    run.refill()
}

fn retry(slot: u64, outcome: Outcome) -> Retry {
    Retry {
        slot,
        sent_ns: 20 * S,
        done_ns: 20 * S + MS,
        outcome,
        sequence: None,
    }
}

#[test]
fn an_unanswered_order_may_be_there_or_not_but_once() {
    let run = unanswered(LATE);
    assert_eq!(run.judge().record.data_loss.unresolved, Some(0));
    let there = run.clone().every_copy(add_order(&run, LATE)).judge();
    assert_eq!(
        there.record.verdict,
        Verdict::Pass,
        "{:?}",
        there.record.reasons
    );
    assert_eq!(
        there.record.data_loss.indeterminate,
        there.record.data_loss.indeterminate.max(1)
    );
    let twice = run
        .clone()
        .every_copy(add_order(&run, LATE))
        .every_copy(add_order(&run, LATE))
        .judge();
    assert_eq!(twice.record.data_loss.duplicate, Some(1));
}

#[test]
fn a_retry_that_was_acknowledged_must_be_there_and_is_no_phantom() {
    let mut run = unanswered(LATE);
    run.retries = vec![retry(LATE, Outcome::Acked)];
    assert_eq!(run.judge().record.data_loss.lost, Some(1));
    let there = run.clone().every_copy(add_order(&run, LATE)).judge();
    assert_eq!(
        there.record.verdict,
        Verdict::Pass,
        "{:?}",
        there.record.reasons
    );
    let mut refused = Run::healthy();
    refused.retries = vec![retry(REFUSED, Outcome::Acked)];
    let there = refused
        .clone()
        .every_copy(add_order(&refused, REFUSED))
        .judge();
    assert_eq!(
        (there.record.data_loss.phantom, there.record.data_loss.lost),
        (Some(0), Some(0))
    );
}

fn incomplete(run: Run, replica: &'static str) -> Run {
    run.with(|event| {
        if let Event::ReadBack(done) = event
            && done.replica == replica
        {
            (done.complete, done.reason) = (false, Some("connection refused".into()));
        }
    })
}

#[test]
fn an_unread_copy_makes_loss_unknown_and_never_zero() {
    let read = |event: &Event| matches!(event, Event::ReadBack(done) if done.replica == "engine-2");
    for run in [
        incomplete(Run::healthy(), "engine-2"),
        Run::healthy().without(read),
    ] {
        let analysis = run.every_copy(drop_order(LATE)).judge();
        let data = &analysis.record.data_loss;
        assert_eq!((data.lost, data.rpo_orders, data.rpo_s), (None, None, None));
        assert_eq!(
            (data.phantom, data.duplicate, data.corrupt, data.divergent),
            (None, None, None, None)
        );
        assert_eq!(
            (analysis.record.verdict, analysis.record.exit_code),
            (Verdict::Inconclusive, 2)
        );
        assert!(
            analysis
                .record
                .reasons
                .iter()
                .any(|why| why.contains("engine-2")),
            "{:?}",
            analysis.record.reasons
        );
        assert_eq!(
            (data.coverage.replicas_expected, data.coverage.replicas_read),
            (3, 2)
        );
    }
}

#[test]
fn what_was_found_is_proof_although_another_copy_was_not_read() {
    let run = incomplete(Run::healthy(), "engine-2");
    let divergent = run.clone().copy("engine-3", drop_order(LATE)).judge();
    assert_eq!(divergent.record.data_loss.divergent, Some(1));
    assert_eq!(divergent.record.verdict, Verdict::Fail);
    let phantom = run
        .clone()
        .copy("engine-2", add_order(&run, REJECTED))
        .judge();
    assert_eq!(
        (phantom.record.data_loss.phantom, phantom.record.verdict),
        (Some(1), Verdict::Fail)
    );
}

#[test]
fn a_list_without_its_sentinel_or_with_a_torn_file_was_not_read() {
    let is_sentinel = |row: &Row| row.id == format!("{PREFIX}-s0");
    let short = Run::healthy()
        .copy("engine-1", |rows| rows.retain(|row| !is_sentinel(row)))
        .judge();
    let empty = Run::healthy().copy("engine-1", Vec::clear).judge();
    let mut torn = Run::healthy();
    torn.rows.get_mut("engine-1").unwrap().pop();
    let unacked = Run::healthy().with(|event| {
        if let Event::Sentinel { acked, .. } = event {
            *acked = false;
        }
    });
    let unsent = Run::healthy().without(|event| matches!(event, Event::Sentinel { .. }));
    for analysis in [short, empty, torn.judge(), unacked.judge(), unsent.judge()] {
        assert_eq!(analysis.record.data_loss.lost, None);
        assert_eq!(
            analysis.record.exit_code, 2,
            "{:?}",
            analysis.record.reasons
        );
    }
}

#[test]
fn without_a_read_back_nothing_is_known() {
    let mut run = Run::healthy();
    run.plan.system.read_back = None;
    run.plan.reads.clear();
    let analysis = run.judge();
    let data = &analysis.record.data_loss;
    assert_eq!(
        (
            data.lost,
            data.phantom,
            data.unresolved,
            data.coverage.orders
        ),
        (None, None, None, 0)
    );
    assert_eq!(analysis.record.verdict, Verdict::Inconclusive);
    assert!(data.coverage.not_checkable.contains(&"lost".to_string()));
}

/// The same run on an engine that makes the ids and is asked order by order.
fn by_id(asked: impl Fn(u64) -> bool) -> Run {
    let mut run = Run::healthy();
    run.plan.system.orders.identity = Identity::Server;
    run.plan.system.read_back = Some(ReadBack::ById {
        get: request(),
        found: answer(200),
        absent: answer(404),
        at_each_replica: true,
        fields: fields(),
    });
    run.plan
        .rules
        .retain(|rule| !["phantom", "duplicate", "unresolved"].contains(&rule.id.as_str()));
    let acked: Vec<u64> = (0..run.entries.len() as u64)
        .filter(|slot| run.entries[*slot as usize].kind.makes_order())
        .filter(|slot| run.entries[*slot as usize].outcome == Some(Outcome::Acked))
        .collect();
    run.server_ids = acked
        .iter()
        .map(|slot| ServerId {
            slot: *slot,
            id: format!("98765432109876{slot}"),
        })
        .collect();
    for rows in run.rows.values_mut() {
        rows.clear();
    }
    for slot in acked.into_iter().filter(|slot| asked(*slot)) {
        let row = Row {
            id: format!("98765432109876{slot}"),
            ..run.row(slot)
        };
        run.rows
            .values_mut()
            .for_each(|rows| rows.push(row.clone()));
    }
    let n = run.rows["engine-1"].len() as u64;
    run.with(|event| {
        if let Event::ReadBack(done) = event {
            *done = ReadBackDone {
                by_id: true,
                ..read_done(&done.replica, n)
            };
        }
    })
}

#[test]
fn orders_are_found_by_the_ids_that_the_engine_made() {
    let analysis = by_id(|_| true).judge();
    assert_eq!(
        analysis.record.verdict,
        Verdict::Pass,
        "{:?}",
        analysis.record.reasons
    );
    let data = &analysis.record.data_loss;
    assert_eq!(
        (data.lost, data.divergent, data.corrupt),
        (Some(0), Some(0), Some(0))
    );
    assert_eq!(
        (data.phantom, data.duplicate, data.unresolved),
        (None, None, None)
    );
    let absent = |rows: &mut Vec<Row>| {
        rows[5] = Row {
            id: rows[5].id.clone(),
            ..Row::default()
        }
    };
    let lost = by_id(|_| true).every_copy(absent).judge();
    assert_eq!(lost.record.data_loss.lost, Some(1));
    assert!(
        lost.record.data_loss.examples[0]
            .order
            .starts_with("98765432109876")
    );
}

#[test]
fn a_second_id_for_one_order_that_is_found_too_is_a_duplicate() {
    let mut run = by_id(|_| true);
    run.server_ids.push(ServerId {
        slot: LATE,
        id: "second".into(),
    });
    let again = Row {
        id: order_id(LATE),
        ..run.row(LATE)
    };
    let analysis = run
        .copy("engine-1", |rows| rows.push(again.clone()))
        .judge();
    assert_eq!(analysis.record.data_loss.duplicate, Some(1));
}

#[test]
fn an_order_that_was_not_asked_for_is_not_known_to_be_there() {
    let analysis = by_id(|slot| slot != LATE).judge();
    assert_eq!(analysis.record.data_loss.lost, None);
    assert_eq!(
        the(&analysis, DataClass::Lost.name()).verdict,
        Verdict::Inconclusive
    );
}
