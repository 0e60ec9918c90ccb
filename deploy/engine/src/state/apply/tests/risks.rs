//! Sessions with a limit on what they have open and filled.

use super::*;
use crate::command::Risk;

fn risky(exchange: &mut Exchange, id: &str, side: Side, quantity: &str, term: u64) -> Answer {
    let order = NewOrder {
        id,
        account: "acct",
        symbol: "BTCUSD",
        side,
        order_type: OrderType::Limit,
        price: Some(decimal("100.00")),
        quantity: decimal(quantity),
        line: None,
        risk: Some(Risk {
            session: "s",
            limit: decimal("0.030"),
        }),
        timed: Timed::default(),
    };
    exchange.apply(&Command::New(order), term)
}

fn is_accepted(answer: &Answer) -> bool {
    matches!(answer, Answer::Accepted { .. })
}

fn bought(exchange: &mut Exchange, id: &str, quantity: &str) -> bool {
    is_accepted(&risky(exchange, id, Side::Buy, quantity, 1))
}

#[test]
fn what_is_open_and_filled_stays_within_the_limit() {
    let mut exchange = exchange();
    assert!(bought(&mut exchange, "a", "0.020"));
    assert!(bought(&mut exchange, "b", "0.010"));
    let answer = risky(&mut exchange, "c", Side::Buy, "0.001", 1);
    assert_eq!(reason(answer), RejectReason::ExposureLimit);
    // What was filled stays, what is cancelled goes.
    sell(&mut exchange, "s", "100.00", "0.005");
    exchange.apply(&Command::Cancel { id: "a" }, 1);
    assert!(!bought(&mut exchange, "d", "0.016"));
    assert!(bought(&mut exchange, "e", "0.015"));
    // A replace may make room, and may not take more than there is.
    let more = exchange.apply(&replace("e", "100.00", "0.016"), 1);
    assert_eq!(reason(more), RejectReason::ExposureLimit);
    exchange.apply(&replace("e", "100.00", "0.005"), 1);
    assert!(!bought(&mut exchange, "f", "0.011"));
    assert!(bought(&mut exchange, "g", "0.010"));
    // Others have no limit.
    buy(&mut exchange, "free", "100.00", "9");
    assert!(exchange.knows("free"));
}

#[test]
fn limits_and_what_counts_outlive_a_snapshot() {
    let mut exchange = exchange();
    bought(&mut exchange, "a", "0.020");
    sell(&mut exchange, "s", "100.00", "0.005");
    exchange.apply(&Command::Cancel { id: "a" }, 1);
    bought(&mut exchange, "b", "0.010");
    let mut bytes = Vec::new();
    Image::of(&exchange).write(&mut bytes).unwrap();
    let image = Image::read(&mut bytes.as_slice()).unwrap();
    let mut restored = image.restore(Defects::default());
    assert!(!bought(&mut restored, "c", "0.016"));
    assert!(bought(&mut restored, "d", "0.015"));
}

#[test]
fn the_defect_forgets_the_limits_with_a_new_leader() {
    let mut exchange = Exchange::new(Defects::new([Defect::ResetsLimits]));
    assert!(bought(&mut exchange, "a", "0.030"));
    assert!(!bought(&mut exchange, "b", "0.001"));
    let answer = risky(&mut exchange, "c", Side::Buy, "0.500", 2);
    assert!(is_accepted(&answer), "{answer:?}");
}
