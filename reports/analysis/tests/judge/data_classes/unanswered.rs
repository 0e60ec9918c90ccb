//! Orders that nobody answered, and those that have only the engine's id.

use super::*;

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
