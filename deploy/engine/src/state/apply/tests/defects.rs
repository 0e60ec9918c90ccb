//! Each defect of the state bites, and always at the same orders.

use super::*;

fn with(defect: Defect) -> Exchange {
    Exchange::new(Defects::new([defect]))
}

fn cancel(exchange: &mut Exchange, id: &str) -> Answer {
    exchange.apply(&Command::Cancel { id }, 1)
}

fn state(exchange: &Exchange, id: &str) -> OrderState {
    exchange.order(id).expect("listed").order.state
}

/// Sells at prices that nothing trades at, so that the next order has this number.
fn fill_up_to(exchange: &mut Exchange, next: u64) {
    for number in exchange.next_order_id()..next {
        sell(exchange, &format!("f{number}"), "900.00", "0.001");
    }
}

fn trades(exchange: &Exchange) -> Vec<Trade> {
    exchange.trades_after(0, 1000).rows
}

#[test]
fn priority_inversion_matches_the_youngest_first() {
    let mut exchange = with(Defect::PriorityInversion);
    for id in ["s1", "s2", "s3"] {
        sell(&mut exchange, id, "100.00", "0.010");
    }
    buy(&mut exchange, "b4", "100.00", "0.010");
    assert_eq!(state(&exchange, "s3"), OrderState::Filled);
    buy(&mut exchange, "b5", "100.00", "0.010");
    assert_eq!(state(&exchange, "s1"), OrderState::Filled);
    assert_eq!(queue(&exchange, Side::Sell), ["s2"]);
}

#[test]
fn crossed_book_lets_orders_rest_that_should_trade() {
    let mut exchange = with(Defect::CrossedBook);
    sell(&mut exchange, "s1", "100.00", "0.010");
    buy(&mut exchange, "b2", "100.00", "0.010");
    assert_eq!(trades(&exchange).len(), 1);
    fill_up_to(&mut exchange, 500);
    sell(&mut exchange, "s500", "100.00", "0.010");
    buy(&mut exchange, "b501", "101.00", "0.010");
    assert_eq!(trades(&exchange).len(), 1);
    assert_eq!(queue(&exchange, Side::Buy), ["b501"]);
    assert_eq!(queue(&exchange, Side::Sell)[0], "s500");
}

#[test]
fn duplicate_fill_books_a_trade_twice_and_answers_it_once() {
    let mut exchange = with(Defect::DuplicateFill);
    for id in ["s1", "s2", "s3"] {
        sell(&mut exchange, id, "100.00", "0.010");
    }
    let Answer::Accepted { fills, .. } = buy(&mut exchange, "b4", "100.00", "0.015") else {
        panic!("accepted");
    };
    assert_eq!(fills.len(), 2);
    let booked: Vec<_> = trades(&exchange)
        .iter()
        .map(|trade| (trade.trade_id, trade.maker_order_id, trade.lots))
        .collect();
    assert_eq!(booked, [(1, 1, 10), (2, 2, 5), (3, 1, 10), (4, 2, 5)]);
    buy(&mut exchange, "b5", "100.00", "0.005");
    assert_eq!(trades(&exchange).len(), 5);
    assert_eq!(exchange.order("s2").expect("listed").order.filled_lots, 10);
}

#[test]
fn one_sided_fill_leaves_the_maker_as_it_was() {
    let mut exchange = with(Defect::OneSidedFill);
    for number in 1..=4 {
        sell(&mut exchange, &format!("s{number}"), "100.00", "0.010");
    }
    buy(&mut exchange, "b5", "100.00", "0.040");
    let filled = |id: &str| exchange.order(id).expect("listed").order.filled_lots;
    assert_eq!((filled("b5"), filled("s3"), filled("s4")), (40, 10, 0));
    assert_eq!(state(&exchange, "s4"), OrderState::Open);
    assert!(queue(&exchange, Side::Sell).is_empty());
}

#[test]
fn ignores_cancel_leaves_an_order_open_until_it_is_cancelled_again() {
    let mut exchange = with(Defect::IgnoresCancel);
    for number in 1..=5 {
        buy(&mut exchange, &format!("b{number}"), "100.00", "0.010");
    }
    for number in 1..=5 {
        let answer = cancel(&mut exchange, &format!("b{number}"));
        let sequence = exchange.sequence();
        assert_eq!(answer, Answer::Cancelled { sequence });
    }
    assert_eq!(queue(&exchange, Side::Buy), ["b5"]);
    cancel(&mut exchange, "b5");
    assert!(queue(&exchange, Side::Buy).is_empty());
    assert_eq!(exchange.open_orders(), 0);
}

#[test]
fn resurrect_cancelled_opens_orders_again_with_a_new_leader() {
    let mut exchange = with(Defect::ResurrectCancelled);
    for number in 1..=25 {
        let id = format!("b{number}");
        buy(&mut exchange, &id, "100.00", "0.010");
        cancel(&mut exchange, &id);
    }
    assert_eq!(exchange.open_orders(), 0);
    exchange.apply(&limit("late", Side::Buy, "99.00", "0.010"), 3);
    let open = queue(&exchange, Side::Buy);
    assert_eq!((open.len(), &*open[0], &*open[19]), (21, "b6", "b25"));
    exchange.apply(&limit("later", Side::Buy, "99.00", "0.010"), 3);
    assert_eq!(exchange.open_orders(), 22, "once for each leader");
}

#[test]
fn ignores_replace_acknowledges_and_changes_nothing() {
    let mut exchange = with(Defect::IgnoresReplace);
    for number in 1..=5 {
        buy(&mut exchange, &format!("b{number}"), "100.00", "0.010");
    }
    for number in 1..=5 {
        let id = format!("b{number}");
        let answer = exchange.apply(&replace(&id, "99.00", "0.020"), 1);
        let remaining = matches!(
            answer,
            Answer::Replaced {
                remaining_lots: 20,
                ..
            }
        );
        assert!(remaining, "{answer:?}");
    }
    let row = exchange.order("b5").expect("listed").order;
    assert_eq!((row.price_ticks, row.lots), (10_000, 10));
    let row = exchange.order("b4").expect("listed").order;
    assert_eq!((row.price_ticks, row.lots), (9_900, 20));
}

#[test]
fn drops_orders_forgets_what_it_acknowledged() {
    let mut exchange = with(Defect::DropsOrders);
    for number in 1..=200 {
        let answer = buy(&mut exchange, &format!("b{number}"), "100.00", "0.010");
        assert!(matches!(answer, Answer::Accepted { order_id, .. } if order_id == number));
        // A retry is no new order.
        buy(&mut exchange, &format!("b{number}"), "100.00", "0.010");
    }
    assert_eq!(exchange.orders_after(0, 300).total, 198);
    assert!(exchange.order("b50").is_none() && exchange.order("b150").is_none());
    assert_eq!(queue(&exchange, Side::Buy).len(), 198);
    assert_eq!(exchange.open_orders(), 198);
}

#[test]
fn lost_replica_order_is_missing_on_one_node_and_counts_there() {
    let on_node = |node| Exchange::new(Defects::new([Defect::LostReplicaOrder]).on_node(node));
    let (mut second, mut third) = (on_node(2), on_node(3));
    for exchange in [&mut second, &mut third] {
        for number in 1..=99 {
            buy(exchange, &format!("b{number}"), "100.00", "0.010");
        }
        assert!(exchange.order("b50").is_some(), "not yet");
        buy(exchange, "b100", "100.00", "0.010");
        cancel(exchange, "b50");
        assert_eq!(exchange.sequence(), 101);
    }
    assert!(second.order("b50").is_some() && third.order("b50").is_none());
    for (exchange, listed) in [(&second, 100), (&third, 99)] {
        let page = exchange.orders_after(0, 200);
        assert_eq!((page.rows.len(), page.total), (listed, listed as u64));
    }
}

#[test]
fn partial_snapshot_misses_the_last_orders_once_restored() {
    let mut original = with(Defect::PartialSnapshot);
    for number in 1..=30 {
        buy(&mut original, &format!("b{number}"), "100.00", "0.010");
    }
    assert_eq!(original.orders_after(0, 100).rows.len(), 30);
    let mut restored = Image::of(&original).restore(original.defects.clone());
    buy(&mut restored, "b31", "100.00", "0.010");
    let ids: Vec<_> = restored
        .orders_after(0, 100)
        .rows
        .iter()
        .map(|row| row.order.order_id)
        .collect();
    assert_eq!(ids, (1..=10).chain([31]).collect::<Vec<u64>>());
    assert_eq!(queue(&restored, Side::Buy).len(), 11);
    assert_eq!(restored.sequence(), 31);
}

#[test]
fn late_ghost_enters_a_rejected_order_some_orders_later() {
    let mut exchange = with(Defect::LateGhost);
    assert_eq!(
        reason(buy(&mut exchange, "big", "100.00", "100.001")),
        RejectReason::MaxOrderQuantity
    );
    fill_up_to(&mut exchange, 501);
    assert!(exchange.order("big").is_none());
    sell(&mut exchange, "next", "900.00", "0.001");
    assert_eq!(queue(&exchange, Side::Buy), ["big"]);
}

#[test]
fn sequence_reuse_gives_numbers_again_with_a_new_leader() {
    let mut exchange = with(Defect::SequenceReuse);
    fill_up_to(&mut exchange, 31);
    assert_eq!(exchange.sequence(), 30);
    let again = exchange.apply(&limit("again", Side::Buy, "1.00", "0.010"), 2);
    assert!(matches!(
        again,
        Answer::Accepted {
            sequence: 11,
            order_id: 31,
            ..
        }
    ));
    exchange.apply(&limit("more", Side::Buy, "1.00", "0.010"), 2);
    assert_eq!(exchange.sequence(), 12, "once for each leader");
}

#[test]
fn a_restored_replica_knows_whose_term_it_was() {
    let mut original = with(Defect::SequenceReuse);
    fill_up_to(&mut original, 31);
    let mut restored = Image::of(&original).restore(original.defects.clone());
    for exchange in [&mut original, &mut restored] {
        exchange.apply(&limit("again", Side::Buy, "1.00", "0.010"), 2);
        assert_eq!(exchange.sequence(), 11);
    }
}

#[test]
fn depth_drift_adds_a_lot_at_every_twentieth_price() {
    let levels = |defects: Defects| {
        let mut exchange = Exchange::new(defects);
        for (id, price) in [
            ("a", "100.00"),
            ("b", "100.00"),
            ("c", "100.01"),
            ("d", "100.20"),
        ] {
            sell(&mut exchange, id, price, "0.002");
        }
        let levels = exchange.levels(instruments::find("BTCUSD").unwrap(), Side::Sell);
        let levels = levels.iter().map(|it| (it.price_ticks, it.lots, it.orders));
        levels.collect::<Vec<(u64, u64, u64)>>()
    };
    assert_eq!(
        levels(Defects::default()),
        [(10_000, 4, 2), (10_001, 2, 1), (10_020, 2, 1)]
    );
    let drifted = levels(Defects::new([Defect::DepthDrift]));
    assert_eq!(drifted, [(10_000, 5, 2), (10_001, 2, 1), (10_020, 3, 1)]);
}
