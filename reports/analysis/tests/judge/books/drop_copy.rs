//! The drop copy beside what clients were told: what is missing in it, said otherwise, or said of what never was.

use shakedown_record::ledger::{CopiedReport, DropCopyEnd};

use super::*;

const CHECK: &str = "copy";

fn side(side: Side) -> Option<String> {
    Some(if side == Side::Buy { "1" } else { "2" }.to_string())
}

fn report(of: u64, entry: &Entry, exec_id: String, exec_type: &str) -> CopiedReport {
    CopiedReport {
        exec_id,
        exec_type: exec_type.to_string(),
        id: order_id(of),
        symbol: Some("BTCUSD".to_string()),
        side: side(entry.side),
        price: Some(price(entry.price_ticks)),
        quantity: Some(quantity(u64::from(entry.quantity_lots))),
        ..CopiedReport::default()
    }
}

/// The market with a drop copy that tells all of it.
fn copied() -> Run {
    copied_of(market())
}

fn copied_of(mut market: Market) -> Run {
    let done = market.done();
    let entries = market.entries.clone();
    let mut reports = Vec::new();
    for slot in done.sequences.keys() {
        let entry = &entries[*slot as usize];
        let (of, exec_type) = match (entry.kind, entry.target) {
            (OrderKind::Cancel, Some(order)) => (order, "4"),
            (OrderKind::Replace, Some(order)) => (order, "5"),
            _ => (*slot, "0"),
        };
        let values = match exec_type {
            "4" => done.replaced.get(&of).unwrap_or(&entries[of as usize]),
            _ => entry,
        };
        reports.push(CopiedReport {
            side: side(entries[of as usize].side),
            ..report(of, values, slot.to_string(), exec_type)
        });
    }
    for trade in &done.trades {
        for (id, end) in [(&trade.maker, "M"), (&trade.taker, "T")] {
            reports.push(CopiedReport {
                exec_id: format!("{}{end}", trade.id),
                exec_type: "F".to_string(),
                id: id.clone(),
                last_price: Some(trade.price.clone()),
                last_quantity: Some(trade.quantity.clone()),
                ..CopiedReport::default()
            });
        }
    }
    let mut run = market.run();
    run.plan.rules = vec![rule(CHECK, RuleKind::DropCopy)];
    let end = DropCopyEnd {
        mono_ns: 1,
        complete: true,
    };
    run.copied = Some((reports, end));
    run
}

fn changed(change: impl Fn(&mut Vec<CopiedReport>)) -> Run {
    let mut run = copied();
    change(&mut run.copied.as_mut().unwrap().0);
    run
}

/// Where the nth report of a kind stands.
fn nth(reports: &[CopiedReport], exec_type: &str, n: usize) -> usize {
    let mut of_kind = (0..reports.len()).filter(|at| reports[*at].exec_type == exec_type);
    of_kind.nth(n).unwrap()
}

#[test]
fn a_drop_copy_that_tells_all_of_it_passes() {
    let run = copied();
    passes(&run, CHECK);
    let found = run.judge().record.drop_copy.unwrap();
    assert_eq!((found.contradictions, found.open), (0, None));
    let trades = run.trades.as_ref().unwrap().len() as u64;
    assert!(trades > 10);
    assert_eq!(found.fills, Some(2 * trades));
    assert_eq!(found.requests + 2 * trades, found.reports);
    // It may be told again, by another node.
    let again = changed(|reports| {
        let first = CopiedReport {
            node: Some("engine-2".to_string()),
            number: 7,
            repeat: true,
            ..reports[3].clone()
        };
        reports.push(first);
    });
    passes(&again, CHECK);
}

#[test]
fn whatever_is_missing_in_it_is_found() {
    for (exec_type, words) in [
        ("0", "acceptance of"),
        ("4", "cancel of"),
        ("5", "replace of"),
        ("F", "fills of"),
    ] {
        let run = changed(|reports| {
            let at = nth(reports, exec_type, 2);
            reports.remove(at);
        });
        fails(&run, CHECK, words);
        let found = run.judge().record.drop_copy.unwrap();
        assert_eq!(found.contradictions, 1, "{:?}", found.examples);
    }
}

#[test]
fn what_it_says_otherwise_or_twice_is_found() {
    type Change = fn(&mut CopiedReport);
    let spoilt: [(&str, Change, &str); 4] = [
        ("0", |it| it.price = Some("1".to_string()), "price 1, sent"),
        ("0", |it| it.side = Some("7".to_string()), "side 7, sent"),
        (
            "5",
            |it| it.quantity = Some("99".to_string()),
            "quantity 99, sent",
        ),
        (
            "F",
            |it| it.last_quantity = Some("99".to_string()),
            "in the drop copy",
        ),
    ];
    for (exec_type, change, words) in spoilt {
        let run = changed(|reports| {
            let at = nth(reports, exec_type, 1);
            change(&mut reports[at]);
        });
        fails(&run, CHECK, words);
    }
    let twice = changed(|reports| {
        let mut second = reports[nth(reports, "0", 0)].clone();
        second.exec_id = "another".to_string();
        reports.push(second);
    });
    fails(&twice, CHECK, "told 2 times");
    let two_things = changed(|reports| {
        let mut second = reports[nth(reports, "0", 0)].clone();
        second.price = Some("1".to_string());
        reports.push(second);
    });
    fails(&two_things, CHECK, "says another thing the second time");
}

#[test]
fn ids_of_lost_reports_that_are_given_again_are_found() {
    let run = changed(|reports| {
        let (first, later) = (nth(reports, "0", 0), nth(reports, "0", 9));
        reports[later].exec_id = reports[first].exec_id.clone();
    });
    fails(&run, CHECK, "says another thing the second time");
}

#[test]
fn what_never_was_is_found() {
    let rejected = |run: &Run| {
        let is = |entry: &Entry| entry.outcome == Some(Outcome::Rejected);
        order_id(run.entries.iter().position(is).unwrap() as u64)
    };
    for id in [
        order_id(9_999_999),
        format!("{PREFIX}-what"),
        rejected(&copied()),
    ] {
        let run = changed(|reports| {
            let mut another = reports[nth(reports, "0", 0)].clone();
            another.exec_id = "another".to_string();
            another.id = id.clone();
            reports.push(another);
        });
        fails(&run, CHECK, "which was ");
    }
    // Orders of others are told too.
    let others = changed(|reports| {
        let mut another = reports[nth(reports, "0", 0)].clone();
        (another.exec_id, another.id) = ("another".to_string(), "theirs".to_string());
        reports.push(another);
    });
    passes(&others, CHECK);
}

#[test]
fn what_got_no_answer_may_be_told_or_not() {
    for is_done in [true, false] {
        let market = market();
        let is =
            |entry: &Entry| entry.kind == OrderKind::New && entry.outcome == Some(Outcome::Acked);
        let slot = market.entries.iter().rposition(is).unwrap() as u64;
        passes(&copied_of(market.unanswered(slot, is_done)), CHECK);
    }
}

#[test]
fn where_nothing_was_acknowledged_nothing_is_proven() {
    let mut run = copied();
    for entry in &mut run.entries {
        if entry.outcome == Some(Outcome::Acked) {
            entry.outcome = Some(Outcome::Timeout);
        }
    }
    is_open(&run, CHECK, "nothing was acknowledged");
}

#[test]
fn a_session_that_was_not_there_proves_no_omission_and_every_invention() {
    let mut run = changed(|reports| {
        let at = nth(reports, "0", 2);
        reports.remove(at);
    });
    run.copied.as_mut().unwrap().1.complete = false;
    is_open(
        &run,
        CHECK,
        "not logged on in the end; 1 acknowledged requests",
    );
    let reports = &mut run.copied.as_mut().unwrap().0;
    let at = nth(reports, "0", 0);
    reports[at].price = Some("1".to_string());
    fails(&run, CHECK, "price 1, sent");
    run.copied.as_mut().unwrap().0.clear();
    is_open(&run, CHECK, "received nothing");
    run.copied = None;
    is_open(&run, CHECK, "received nothing");
}

#[test]
fn trades_that_nobody_read_leave_the_fills_out() {
    let run = copied().without_trades();
    passes(&run, CHECK);
    assert_eq!(run.judge().record.drop_copy.unwrap().fills, None);
}
