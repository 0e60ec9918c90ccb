//! Orders that end with their connection: what the contract allows is no loss, what it forbids is found, and nobody else's
//! orders are excused.

use shakedown_record::ledger::ConnectionEnd;
use shakedown_scenarios::plan::{DataClass, SessionContract};

use super::*;
use crate::plan::none_of;

const CHECK: &str = "ends";
const WITHIN: u64 = 5 * S;

/// Sessions below this one were connected to the node that died.
const LOST_SESSIONS: u16 = 4;

/// The number that the engine gives at this run time.
fn number_at(at_ns: u64) -> String {
    (at_ns * RATE / S).to_string()
}

fn end(session: u16, at_ns: u64, kept: bool) -> ConnectionEnd {
    ConnectionEnd {
        session,
        at_ns,
        kept,
    }
}

/// Half of the sessions lose their connection when the fault strikes, and all are connected in the end.
fn ends() -> Vec<ConnectionEnd> {
    let lost = (0..LOST_SESSIONS).map(|session| end(session, STRUCK, false));
    let kept = (0..SESSIONS as u16).map(|session| end(session, END + S, true));
    lost.chain(kept).collect()
}

fn is_open_order(run: &Run, slot: u64) -> bool {
    let id = order_id(slot);
    let row = run.rows["engine-1"].iter().find(|row| row.id == id);
    row.is_some_and(|row| row.state.as_deref() == Some("open"))
}

/// Open orders of a healthy run, over connections that end or over those that stay.
fn open_orders(over_lost: bool) -> Vec<u64> {
    let run = Run::healthy();
    let is = |slot: &u64| {
        let entry = &run.entries[*slot as usize];
        let ends = entry.session < LOST_SESSIONS && entry.done_ns.unwrap() <= STRUCK;
        ends == over_lost && is_open_order(&run, *slot)
    };
    let stride = if over_lost { 1 } else { 97 };
    (0..run.entries.len() as u64)
        .step_by(stride)
        .filter(is)
        .collect()
}

/// The engine keeps the contract: a second after the end it has cancelled all orders of the connections that have ended.
fn agreed() -> Run {
    let mut run = Run::healthy();
    run.plan.system.cancel_on_disconnect = Some(SessionContract {
        within_ns: Some(WITHIN),
        unlisted: false,
    });
    run.plan.rules = vec![
        rule(CHECK, RuleKind::CancelOnDisconnect),
        none_of(DataClass::Lost),
    ];
    run.ends = Some(ends());
    let ended: std::collections::BTreeSet<String> =
        open_orders(true).into_iter().map(order_id).collect();
    run.every_copy(|rows| {
        for row in rows.iter_mut().filter(|row| ended.contains(&row.id)) {
            row.state = Some("cancelled".into());
            row.cancelled_sequence = Some(number_at(STRUCK + S));
        }
        rows.retain(|row| row.id != sentinel().id);
        rows.push(sentinel());
    })
}

fn contract(run: &mut Run) -> &mut SessionContract {
    run.plan.system.cancel_on_disconnect.as_mut().unwrap()
}

#[test]
fn orders_that_ended_as_agreed_are_counted_and_not_lost() {
    let run = agreed();
    passes(&run, CHECK);
    passes(&run, "lost");
    let record = run.judge().record;
    let cancelled = open_orders(true).len() as u64;
    assert!(cancelled > 500, "{cancelled}");
    assert_eq!(record.data_loss.contract_cancelled, Some(cancelled));
    let not_checkable = &record.data_loss.coverage.not_checkable;
    assert!(!not_checkable.contains(&"contract-cancelled".to_string()));
    let found = record.cancel_on_disconnect.unwrap();
    assert_eq!((found.connections_ended, found.connections_kept), (4, 8));
    assert_eq!((found.cancelled, found.contradictions), (cancelled, 0));
    assert!(found.orders > cancelled, "some their clients had cancelled");
}

#[test]
fn an_order_that_outlives_its_connection_is_found_unless_it_may() {
    let slot = open_orders(true)[7];
    let mut run = agreed().changed(slot, |row| {
        row.state = Some("open".into());
        row.cancelled_sequence = None;
    });
    fails(&run, CHECK, "is open on engine-1");
    assert_eq!(run.judge().stories[0].order, order_id(slot));
    contract(&mut run).within_ns = None;
    passes(&run, CHECK);
    // What is not due when the copies are read is no contradiction.
    contract(&mut run).within_ns = Some(END - STRUCK + S);
    passes(&run, CHECK);
}

#[test]
fn one_copy_on_which_it_is_open_is_enough() {
    let slot = open_orders(true)[7];
    let run = agreed().copy("engine-3", |rows| {
        let row = rows.iter_mut().find(|row| row.id == order_id(slot));
        row.unwrap().state = Some("open".into());
    });
    fails(&run, CHECK, "is open on engine-3");
}

#[test]
fn an_order_whose_session_was_connected_all_the_time_is_never_excused() {
    let slot = open_orders(false)[3];
    let run = agreed().changed(slot, |row| {
        row.state = Some("cancelled".into());
        row.cancelled_sequence = Some(number_at(STRUCK + S));
    });
    fails(&run, CHECK, "its session was never disconnected");
    let found = run.judge().record.cancel_on_disconnect.unwrap();
    assert_eq!(found.cancelled, open_orders(true).len() as u64);
}

#[test]
fn an_order_that_ended_before_its_connection_did_is_found() {
    let slot = open_orders(true)[0];
    let run = agreed().changed(slot, |row| {
        row.cancelled_sequence = Some((slot + 3).to_string())
    });
    fails(&run, CHECK, "its connection took another order at");
}

#[test]
fn what_ends_or_trades_too_late_is_found_by_the_engines_own_numbers() {
    let slot = open_orders(true)[5];
    for (late, is_late) in [(4, false), (6, true)] {
        let number = number_at(STRUCK + late * S);
        let run = agreed().changed(slot, |row| row.cancelled_sequence = Some(number.clone()));
        match is_late {
            true => fails(&run, CHECK, "was cancelled more than"),
            false => passes(&run, CHECK),
        }
        let run = agreed().trades(vec![Trade {
            id: "1".into(),
            maker: order_id(slot),
            taker: order_id(open_orders(false)[0]),
            price: price(5_000_000),
            quantity: quantity(1),
            sequence: Some(number),
        }]);
        match is_late {
            true => fails(&run, CHECK, "traded more than"),
            false => passes(&run, CHECK),
        }
    }
}

#[test]
fn an_order_that_is_gone_is_lost_unless_the_engine_lists_none_that_it_cancels_so() {
    let (ended, other) = (open_orders(true)[9], open_orders(false)[9]);
    let without =
        |run: Run, slot| run.every_copy(|rows| rows.retain(|row| row.id != order_id(slot)));
    let mut run = without(agreed(), ended);
    fails(&run, "lost", &order_id(ended));
    contract(&mut run).unlisted = true;
    passes(&run, "lost");
    passes(&run, CHECK);
    let cancelled = run.judge().record.data_loss.contract_cancelled;
    assert_eq!(cancelled, Some(open_orders(true).len() as u64));
    fails(&without(run, other), "lost", &order_id(other));
}

#[test]
fn what_its_client_cancelled_or_may_have_is_no_matter_of_the_contract() {
    let run = agreed();
    let is_cancel = |entry: &&Entry| entry.kind == OrderKind::Cancel && entry.intended_ns > 20 * S;
    let slot = run
        .entries
        .iter()
        .position(|entry| is_cancel(&entry))
        .unwrap();
    let mut run = run;
    run.entries[slot].outcome = Some(Outcome::Timeout);
    run.entries[slot].sequence = None;
    passes(&run, CHECK);
    // Had it been refused, nobody would have cancelled the order.
    run.entries[slot].outcome = Some(Outcome::Rejected);
    fails(&run, CHECK, "its session was never disconnected");
}

#[test]
fn without_ends_or_copies_nothing_is_shown() {
    let mut run = agreed();
    run.ends = None;
    is_open(&run, CHECK, "nobody wrote down when connections ended");
    assert_eq!(run.judge().record.data_loss.contract_cancelled, None);

    let mut run = agreed();
    run.ends.as_mut().unwrap().retain(|end| end.kept);
    for session in 0..LOST_SESSIONS {
        run.ends.as_mut().unwrap().push(end(session, 0, false));
    }
    fails(&run, CHECK, "its session was never disconnected");

    let mut run = agreed();
    run.ends.as_mut().unwrap().retain(|end| !end.kept);
    is_open(&run, CHECK, "nobody knows when their connection ended");

    let run = agreed().with(|event| {
        if let Event::ReadBack(done) = event
            && done.replica == "engine-2"
        {
            done.complete = false;
            done.reason = Some("connection refused".into());
        }
    });
    is_open(&run, CHECK, "connection refused");
    assert_eq!(run.judge().record.data_loss.contract_cancelled, None);
}

#[test]
fn a_run_in_which_no_session_lost_its_connection_shows_nothing() {
    let mut run = Run::healthy().every_copy(|rows| {
        rows.retain(|row| row.id != sentinel().id);
        rows.push(sentinel());
    });
    run.plan.rules = vec![rule(CHECK, RuleKind::CancelOnDisconnect)];
    run.plan.system.cancel_on_disconnect = Some(SessionContract {
        within_ns: None,
        unlisted: false,
    });
    let kept = (0..SESSIONS as u16).map(|session| end(session, END + S, true));
    run.ends = Some(kept.collect());
    is_open(&run, CHECK, "no session lost its connection");
    assert_eq!(run.judge().record.data_loss.contract_cancelled, Some(0));
}
