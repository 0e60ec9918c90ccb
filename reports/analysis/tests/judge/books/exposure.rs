//! What sessions and accounts have open and filled: red above the limit, and silent where something unknown may explain it.

use shakedown_scenarios::plan::{Exposure, ExposurePer};

use super::*;

const CHECK: &str = "limits";

/// A run with a limit for each session; nothing was filled.
fn run_of(entries: Vec<Entry>, limit: &str) -> Run {
    let mut run = Run::of(entries);
    run.plan.rules = vec![rule(CHECK, RuleKind::Exposure)];
    run.plan.system.exposure = Some(Exposure {
        per: ExposurePer::Session,
        at_most: limit.parse().unwrap(),
    });
    if let Some(ReadBack::List { fields, .. }) = &mut run.plan.system.read_back {
        fields.filled_states = vec!["filled".into()];
        fields.filled = Some(JsonPointer("/filled".into()));
    }
    run.every_copy(|rows| {
        rows.iter_mut()
            .for_each(|row| row.filled = Some("0".into()));
        rows.retain(|row| row.id != sentinel().id);
        rows.push(sentinel());
    })
}

/// A run in which session 3 is acknowledged orders of 10 lots each at the slots given, and nobody else any.
fn orders_at(slots: &[u64]) -> Vec<Entry> {
    let mut entries = Run::healthy().entries;
    for (slot, entry) in (0u64..).zip(&mut entries) {
        entry.kind = OrderKind::New;
        entry.target = None;
        entry.quantity_lots = 10;
        let takes = slots.contains(&slot);
        entry.session = if takes { 3 } else { 1 };
        entry.outcome = Some(if takes {
            Outcome::Acked
        } else {
            Outcome::Rejected
        });
        entry.sequence = takes.then_some(slot);
    }
    entries
}

/// At this slot the session asks for something to be done to an order.
fn asks(entries: &mut [Entry], slot: u64, kind: OrderKind, target: u64, outcome: Outcome) {
    let entry = &mut entries[slot as usize];
    (entry.kind, entry.target, entry.session) = (kind, Some(target), 3);
    entry.outcome = Some(outcome);
    entry.sequence = (outcome == Outcome::Acked).then_some(slot);
}

fn ended(run: Run, slot: u64, filled: &str) -> Run {
    run.changed(slot, |row| {
        row.state = Some("cancelled".into());
        row.filled = Some(filled.into());
    })
}

#[test]
fn what_is_acknowledged_beyond_the_limit_is_found_at_its_place() {
    let three = || orders_at(&[1000, 1010, 1020]);
    passes(&run_of(three(), "0.030"), CHECK);
    let run = run_of(three(), "0.029");
    fails(
        &run,
        CHECK,
        "session 3 had 0.03 of BTCUSD open and filled at 1020",
    );
    let found = run.judge().record.exposure.unwrap();
    assert_eq!((found.orders, found.holders, found.above), (3, 1, 1));
    assert_eq!(run.judge().stories[0].order, order_id(1020));
    // Sessions by themselves, or all of an account together.
    let mut split = three();
    split[1020].session = 4;
    let mut run = run_of(split, "0.020");
    passes(&run, CHECK);
    run.plan.system.exposure.as_mut().unwrap().per = ExposurePer::Account;
    fails(&run, CHECK, "account A had 0.03 of");
}

#[test]
fn what_was_cancelled_before_does_not_count_and_what_was_filled_does() {
    let cancelled_at = |slot| {
        let mut entries = orders_at(&[1000, 1010, 1020]);
        asks(&mut entries, slot, OrderKind::Cancel, 1000, Outcome::Acked);
        ended(run_of(entries, "0.020"), 1000, "0")
    };
    passes(&cancelled_at(1015), CHECK);
    fails(&cancelled_at(1025), CHECK, "at 1020");
    let filled = |lots| ended(cancelled_at(1015), 1000, lots);
    fails(&filled("0.001"), CHECK, "session 3 had 0.021");
}

#[test]
fn what_may_explain_it_does() {
    let three = || orders_at(&[1000, 1010, 1020]);
    let with = |kind, outcome| {
        let mut entries = three();
        asks(&mut entries, 1030, kind, 1000, outcome);
        if kind == OrderKind::Replace {
            entries[1030].quantity_lots = 1;
        }
        run_of(entries, "0.021")
    };
    // A cancel without an answer may have been done before the last order; so may a replace that made it smaller.
    passes(&with(OrderKind::Cancel, Outcome::Timeout), CHECK);
    passes(&with(OrderKind::Replace, Outcome::Timeout), CHECK);
    passes(&with(OrderKind::Replace, Outcome::Acked), CHECK);
    fails(
        &with(OrderKind::Cancel, Outcome::Rejected),
        CHECK,
        "at 1020",
    );
    // The engine has ended the order by itself, nobody knows when.
    let run = ended(run_of(three(), "0.021"), 1000, "0");
    passes(&run, CHECK);
}

#[test]
fn a_limit_that_nobody_came_near_shows_nothing() {
    let run = run_of(orders_at(&[1000, 1010]), "0.030");
    is_open(&run, CHECK, "nobody came near the limit: 67% of it at most");
    let unread = run_of(orders_at(&[1000, 1010]), "0.020").with(|event| {
        if let Event::ReadBack(done) = event
            && done.replica == "engine-2"
        {
            done.complete = false;
            done.reason = Some("connection refused".into());
        }
    });
    is_open(&unread, CHECK, "connection refused");
}
