//! Orders that end with a connection, and only those.

use super::*;
use crate::command::Line;

fn line(node: u64, epoch: u64, number: u64) -> Line {
    Line {
        node,
        epoch,
        number,
    }
}

fn bound(exchange: &mut Exchange, id: &str, line: Line) -> Answer {
    let order = NewOrder {
        id,
        account: "acct",
        symbol: "BTCUSD",
        side: Side::Buy,
        order_type: OrderType::Limit,
        price: Some(decimal("100.00")),
        quantity: decimal("0.010"),
        line: Some(line),
        risk: None,
        timed: Timed::default(),
    };
    exchange.apply(&Command::New(order), 1)
}

fn ended(answer: &Answer) -> &[u64] {
    match answer {
        Answer::Ended { orders, .. } => orders,
        other => panic!("expected ends, got {other:?}"),
    }
}

/// Three orders, two on one connection, and one that is bound to nothing.
fn connected(exchange: &mut Exchange) {
    bound(exchange, "a", line(1, 0, 1));
    bound(exchange, "b", line(1, 0, 1));
    bound(exchange, "c", line(2, 0, 1));
    buy(exchange, "free", "100.00", "0.010");
}

#[test]
fn what_is_bound_to_a_connection_ends_with_it_and_nothing_else_does() {
    let mut exchange = exchange();
    connected(&mut exchange);
    sell(&mut exchange, "s", "100.00", "0.012");
    let line = line(1, 0, 1);
    let answer = exchange.apply(&Command::Hangup { line }, 1);
    assert_eq!(ended(&answer), [2]);
    assert_eq!(queue(&exchange, Side::Buy), ["c", "free"]);
    let b = exchange.order("b").unwrap().order;
    assert_eq!((b.state, b.filled_lots), (OrderState::Cancelled, 2));
    assert_eq!(b.cancelled_at(), Some(exchange.sequence()));
    // The client's own cancel comes too late, and the end does nothing twice.
    let late = exchange.apply(&Command::Cancel { id: "b" }, 1);
    assert!(matches!(late, Answer::TooLate { .. }));
    let before = exchange.sequence();
    let again = exchange.apply(&Command::Hangup { line }, 1);
    assert_eq!((ended(&again).len(), exchange.sequence()), (0, before));
    assert_eq!(exchange.open_orders(), 2);
}

#[test]
fn a_lost_node_ends_its_connections_and_what_still_comes_from_them_is_refused() {
    let mut exchange = exchange();
    connected(&mut exchange);
    let lost = Command::Lost {
        node: 1,
        epoch: Some(0),
    };
    assert_eq!(ended(&exchange.apply(&lost, 1)), [1, 2]);
    assert_eq!(exchange.lines().epoch(1), 1);
    let late = bound(&mut exchange, "late", line(1, 0, 9));
    assert_eq!(reason(late), RejectReason::ConnectionEnded);
    // Told twice, it does nothing to the connections of the next life.
    bound(&mut exchange, "new", line(1, 1, 1));
    assert_eq!(ended(&exchange.apply(&lost, 1)).len(), 0);
    assert_eq!(queue(&exchange, Side::Buy), ["c", "free", "new"]);
    // A node that comes back knows of no epoch.
    let back = exchange.apply(
        &Command::Lost {
            node: 1,
            epoch: None,
        },
        1,
    );
    assert_eq!(
        back,
        Answer::Ended {
            orders: vec![5],
            epoch: 2
        }
    );
}

#[test]
fn what_is_bound_is_bound_after_a_snapshot_too() {
    let mut exchange = exchange();
    connected(&mut exchange);
    exchange.apply(
        &Command::Lost {
            node: 2,
            epoch: Some(0),
        },
        1,
    );
    let mut bytes = Vec::new();
    Image::of(&exchange).write(&mut bytes).unwrap();
    let image = Image::read(&mut bytes.as_slice()).unwrap();
    let mut restored = image.restore(Defects::default());
    assert_eq!(restored.lines().epoch(2), 1);
    let line = line(1, 0, 1);
    let answer = restored.apply(&Command::Hangup { line }, 1);
    assert_eq!(ended(&answer), [1, 2]);
    assert_eq!(queue(&restored, Side::Buy), ["free"]);
}

#[test]
fn the_defects_forget_a_lost_node_and_end_bystanders() {
    let lost = Command::Lost {
        node: 1,
        epoch: Some(0),
    };
    let mut forgetful = Exchange::new(Defects::new([Defect::ForgetsLostNode]));
    connected(&mut forgetful);
    forgetful.apply(&lost, 1);
    assert_eq!(forgetful.open_orders(), 4);
    let mut rash = Exchange::new(Defects::new([Defect::EndsBystanders]));
    connected(&mut rash);
    rash.apply(&lost, 1);
    assert_eq!(queue(&rash, Side::Buy), ["free"]);
}
