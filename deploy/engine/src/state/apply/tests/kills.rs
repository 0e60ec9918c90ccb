//! The kill switch of an account: it ends what is open, lets nothing in, and is not forgotten.

use super::*;

fn of(exchange: &mut Exchange, account: &str, id: &str, side: Side, term: u64) -> Answer {
    let order = NewOrder {
        id,
        account,
        symbol: "BTCUSD",
        side,
        order_type: OrderType::Limit,
        price: Some(decimal("100.00")),
        quantity: decimal("0.010"),
        line: None,
        risk: None,
        timed: Timed::default(),
    };
    exchange.apply(&Command::New(order), term)
}

fn kill(exchange: &mut Exchange, account: &str) -> (u64, Vec<u64>) {
    match exchange.apply(&Command::Kill { account }, 1) {
        Answer::Killed { sequence, orders } => (sequence, orders),
        other => panic!("expected a kill, got {other:?}"),
    }
}

fn is_refused(answer: Answer) -> bool {
    reason(answer) == RejectReason::KillSwitch
}

/// Two orders of the one, one of the other, and the one is killed.
fn killed(defects: Defects) -> Exchange {
    let mut exchange = Exchange::new(defects);
    of(&mut exchange, "one", "a", Side::Buy, 1);
    of(&mut exchange, "two", "b", Side::Buy, 1);
    of(&mut exchange, "one", "c", Side::Buy, 1);
    assert_eq!(kill(&mut exchange, "one"), (4, vec![1, 3]));
    exchange
}

#[test]
fn what_is_open_of_the_account_ends_and_nothing_of_it_is_let_in() {
    let mut exchange = killed(Defects::default());
    assert_eq!(queue(&exchange, Side::Buy), ["b"]);
    let ended = |id: &str| exchange.order(id).unwrap().order.cancelled_at();
    assert_eq!(
        (ended("a"), ended("b"), ended("c")),
        (Some(5), None, Some(6))
    );
    assert!(is_refused(of(&mut exchange, "one", "d", Side::Sell, 1)));
    assert!(is_refused(
        exchange.apply(&replace("a", "101.00", "0.010"), 1)
    ));
    let late = exchange.apply(&Command::Cancel { id: "a" }, 1);
    assert!(matches!(late, Answer::TooLate { .. }));
    // Others go on, and a retry of what was accepted is answered with what was.
    of(&mut exchange, "two", "e", Side::Sell, 1);
    assert_eq!(exchange.trade_count(), 1);
    let again = of(&mut exchange, "one", "a", Side::Buy, 1);
    assert!(matches!(again, Answer::Accepted { sequence: 1, .. }));
    // Pulled twice, it says what it said.
    let before = exchange.sequence();
    assert_eq!(kill(&mut exchange, "one"), (4, vec![]));
    assert_eq!(exchange.sequence(), before);
    // Also of an account that nobody has seen yet.
    kill(&mut exchange, "three");
    assert!(is_refused(of(&mut exchange, "three", "f", Side::Buy, 1)));
}

#[test]
fn it_outlives_a_new_leader_and_a_snapshot() {
    let mut exchange = killed(Defects::default());
    assert!(is_refused(of(&mut exchange, "one", "d", Side::Buy, 2)));
    let mut bytes = Vec::new();
    Image::of(&exchange).write(&mut bytes).unwrap();
    let image = Image::read(&mut bytes.as_slice()).unwrap();
    let mut restored = image.restore(Defects::default());
    assert!(is_refused(of(&mut restored, "one", "e", Side::Buy, 2)));
    assert_eq!(kill(&mut restored, "one"), (4, vec![]));
    assert_eq!(restored.order("c").unwrap().order.cancelled_at(), Some(6));
}

#[test]
fn the_defect_forgets_it_with_a_new_leader() {
    let mut exchange = killed(Defects::new([Defect::ForgetsKillSwitch]));
    assert!(is_refused(of(&mut exchange, "one", "d", Side::Buy, 1)));
    let answer = of(&mut exchange, "one", "e", Side::Buy, 2);
    assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}");
}
