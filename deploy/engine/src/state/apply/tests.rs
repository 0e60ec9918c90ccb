mod defects;
mod ends;
mod kills;
mod risks;
mod timed;

use super::*;
use crate::command::Timed;
use crate::defects::{Defect, Defects};
use crate::instruments;
use crate::state::Image;

fn exchange() -> Exchange {
    Exchange::new(Defects::default())
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).expect("a number")
}

fn limit<'a>(id: &'a str, side: Side, price: &str, quantity: &str) -> Command<'a> {
    Command::New(NewOrder {
        id,
        account: "acct",
        symbol: "BTCUSD",
        side,
        order_type: OrderType::Limit,
        price: Some(decimal(price)),
        quantity: decimal(quantity),
        line: None,
        risk: None,
        timed: Timed::default(),
    })
}

fn market<'a>(id: &'a str, side: Side, quantity: &str) -> Command<'a> {
    Command::New(NewOrder {
        id,
        account: "acct",
        symbol: "BTCUSD",
        side,
        order_type: OrderType::Market,
        price: None,
        quantity: decimal(quantity),
        line: None,
        risk: None,
        timed: Timed::default(),
    })
}

fn replace<'a>(id: &'a str, price: &str, quantity: &str) -> Command<'a> {
    Command::Replace {
        id,
        price: decimal(price),
        quantity: decimal(quantity),
    }
}

fn buy(exchange: &mut Exchange, id: &str, price: &str, quantity: &str) -> Answer {
    exchange.apply(&limit(id, Side::Buy, price, quantity), 1)
}

fn sell(exchange: &mut Exchange, id: &str, price: &str, quantity: &str) -> Answer {
    exchange.apply(&limit(id, Side::Sell, price, quantity), 1)
}

fn reason(answer: Answer) -> RejectReason {
    match answer {
        Answer::Rejected { reason } => reason,
        other => panic!("expected a reject, got {other:?}"),
    }
}

fn queue(exchange: &Exchange, side: Side) -> Vec<String> {
    let depth = exchange.depth(instruments::find("BTCUSD").expect("traded"));
    let rows = match side {
        Side::Buy => depth.bids,
        Side::Sell => depth.asks,
    };
    rows.iter().map(|row| row.id.to_string()).collect()
}

#[test]
fn orders_get_ascending_ids_and_sequences_and_trade_in_priority() {
    let mut exchange = exchange();
    sell(&mut exchange, "s1", "100.00", "0.010");
    sell(&mut exchange, "s2", "99.00", "0.010");
    let Answer::Accepted {
        order_id,
        sequence,
        term,
        filled_lots,
        remaining_lots,
        fills,
        ..
    } = exchange.apply(&limit("b1", Side::Buy, "100.00", "0.015"), 7)
    else {
        panic!("accepted");
    };
    assert_eq!((order_id, sequence, term), (3, 3, 7));
    assert_eq!((filled_lots, remaining_lots), (15, 0));
    let prices: Vec<_> = fills
        .iter()
        .map(|fill| (fill.trade_id, fill.price_ticks, fill.lots))
        .collect();
    assert_eq!(prices, vec![(1, 9900, 10), (2, 10_000, 5)]);
    assert_eq!(
        exchange.order("s2").expect("listed").order.state,
        OrderState::Filled
    );
    let maker = exchange.order("s1").expect("listed").order;
    assert_eq!((maker.state, maker.filled_lots), (OrderState::Open, 5));
    assert_eq!(exchange.open_orders(), 1);
}

#[test]
fn a_retry_gets_the_first_answer_and_changes_nothing() {
    let mut exchange = exchange();
    sell(&mut exchange, "s1", "100.00", "0.004");
    let first = buy(&mut exchange, "b1", "100.00", "0.010");
    sell(&mut exchange, "s2", "100.00", "0.006");
    let sequence = exchange.sequence();
    assert_eq!(
        exchange.apply(&limit("b1", Side::Buy, "100.00", "0.010"), 9),
        first
    );
    assert_eq!(exchange.sequence(), sequence);
    assert_eq!(exchange.orders_after(0, 10).total, 3);

    buy(&mut exchange, "b2", "90.00", "0.010");
    let cancelled = exchange.apply(&Command::Cancel { id: "b2" }, 1);
    let sequence = exchange.sequence();
    assert_eq!(cancelled, Answer::Cancelled { sequence });
    assert_eq!(exchange.apply(&Command::Cancel { id: "b2" }, 1), cancelled);

    buy(&mut exchange, "b3", "90.00", "0.010");
    let replaced = exchange.apply(&replace("b3", "91.00", "0.020"), 1);
    let sequence = exchange.sequence();
    assert_eq!(
        exchange.apply(&replace("b3", "91.00", "0.020"), 1),
        replaced
    );
    assert_eq!(exchange.sequence(), sequence);
}

#[test]
fn what_a_market_order_cannot_trade_is_cancelled() {
    let mut exchange = exchange();
    sell(&mut exchange, "s1", "100.00", "0.004");
    let answer = exchange.apply(&market("m1", Side::Buy, "0.010"), 1);
    assert!(matches!(
        answer,
        Answer::Accepted {
            filled_lots: 4,
            remaining_lots: 0,
            ..
        }
    ));
    let row = exchange.order("m1").expect("listed").order;
    assert_eq!(
        (row.state, row.filled_lots, row.remaining_lots()),
        (OrderState::Cancelled, 4, 0)
    );
    assert!(queue(&exchange, Side::Buy).is_empty());
    assert_eq!(
        exchange.apply(&Command::Cancel { id: "m1" }, 1),
        Answer::TooLate {
            status: OrderState::Cancelled
        }
    );
}

#[test]
fn only_a_smaller_quantity_at_the_same_price_keeps_the_place() {
    let mut exchange = exchange();
    for id in ["a", "b", "c"] {
        buy(&mut exchange, id, "100.00", "0.010");
    }
    exchange.apply(&replace("a", "100.00", "0.005"), 1);
    assert_eq!(queue(&exchange, Side::Buy), ["a", "b", "c"]);
    exchange.apply(&replace("a", "100.00", "0.006"), 1);
    assert_eq!(queue(&exchange, Side::Buy), ["b", "c", "a"]);
    exchange.apply(&replace("b", "100.01", "0.010"), 1);
    assert_eq!(queue(&exchange, Side::Buy), ["b", "c", "a"]);
    exchange.apply(&replace("b", "100.00", "0.010"), 1);
    assert_eq!(queue(&exchange, Side::Buy), ["c", "a", "b"]);
}

#[test]
fn a_replace_may_trade_and_counts_what_was_filled_before() {
    let mut exchange = exchange();
    buy(&mut exchange, "b1", "100.00", "0.010");
    sell(&mut exchange, "s1", "100.00", "0.004");
    assert_eq!(
        reason(exchange.apply(&replace("b1", "100.00", "0.004"), 1)),
        RejectReason::QuantityNotAboveFilled
    );
    sell(&mut exchange, "s2", "101.00", "0.003");
    let Answer::Replaced {
        remaining_lots,
        fills,
        ..
    } = exchange.apply(&replace("b1", "101.00", "0.008"), 1)
    else {
        panic!("replaced");
    };
    assert_eq!((remaining_lots, fills.len()), (1, 1));
    let row = exchange.order("b1").expect("listed").order;
    assert_eq!((row.lots, row.filled_lots, row.price_ticks), (8, 7, 10_100));
    assert_eq!(queue(&exchange, Side::Buy), ["b1"]);
}

#[test]
fn closed_and_unknown_orders_cannot_be_changed() {
    let mut exchange = exchange();
    buy(&mut exchange, "b1", "100.00", "0.010");
    sell(&mut exchange, "s1", "100.00", "0.010");
    let filled = Answer::TooLate {
        status: OrderState::Filled,
    };
    assert_eq!(exchange.apply(&Command::Cancel { id: "b1" }, 1), filled);
    assert_eq!(exchange.apply(&replace("b1", "99.00", "0.020"), 1), filled);
    buy(&mut exchange, "b2", "100.00", "0.010");
    exchange.apply(&Command::Cancel { id: "b2" }, 1);
    assert_eq!(
        exchange.apply(&replace("b2", "99.00", "0.020"), 1),
        Answer::TooLate {
            status: OrderState::Cancelled
        }
    );
    assert_eq!(
        exchange.apply(&Command::Cancel { id: "nobody" }, 1),
        Answer::UnknownOrder
    );
    assert_eq!(
        exchange.apply(&replace("nobody", "1.00", "0.010"), 1),
        Answer::UnknownOrder
    );
}

#[test]
fn what_breaks_a_rule_is_rejected_and_leaves_no_trace() {
    let mut exchange = exchange();
    let cases = [
        (("100.00", "100.001"), RejectReason::MaxOrderQuantity),
        (("100.005", "0.010"), RejectReason::PriceOffTick),
        (("-1", "0.010"), RejectReason::PriceNotPositive),
        (("100.00", "0.0005"), RejectReason::QuantityOffLot),
        (("100.00", "0"), RejectReason::QuantityNotPositive),
    ];
    for ((price, quantity), expected) in cases {
        assert_eq!(reason(buy(&mut exchange, "x", price, quantity)), expected);
    }
    let unknown = Command::New(NewOrder {
        id: "x",
        account: "acct",
        symbol: "DOGE",
        side: Side::Buy,
        order_type: OrderType::Limit,
        price: Some(decimal("1")),
        quantity: decimal("1"),
        line: None,
        risk: None,
        timed: Timed::default(),
    });
    assert_eq!(
        reason(exchange.apply(&unknown, 1)),
        RejectReason::UnknownSymbol
    );
    assert_eq!(exchange.sequence(), 0);
    assert_eq!(exchange.orders_after(0, 10).total, 0);
    assert!(matches!(
        buy(&mut exchange, "x", "100.00", "100.000"),
        Answer::Accepted { .. }
    ));
}

#[test]
fn an_account_has_only_so_many_open_orders() {
    let mut exchange = exchange();
    exchange.max_open_orders_per_account = 2;
    buy(&mut exchange, "a", "100.00", "0.010");
    buy(&mut exchange, "b", "100.00", "0.010");
    assert_eq!(
        reason(buy(&mut exchange, "c", "100.00", "0.010")),
        RejectReason::MaxOpenOrders
    );
    exchange.apply(&Command::Cancel { id: "a" }, 1);
    assert!(matches!(
        buy(&mut exchange, "c", "100.00", "0.010"),
        Answer::Accepted { .. }
    ));
}

#[test]
fn pages_are_in_order_and_say_whether_there_is_more() {
    let mut exchange = exchange();
    for number in 0..7 {
        buy(&mut exchange, &format!("o{number}"), "100.00", "0.010");
    }
    let page = exchange.orders_after(0, 3);
    assert_eq!(
        page.rows
            .iter()
            .map(|row| row.order.order_id)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(page.more);
    let last = exchange.orders_after(6, 3);
    assert_eq!(
        (last.rows.len(), last.more, last.total, last.watermark),
        (1, false, 7, 7)
    );
    assert!(exchange.orders_after(7, 3).rows.is_empty());
}

/// A flow that touches every kind of command and row.
fn busy(exchange: &mut Exchange, from: u32, to: u32) -> Vec<Answer> {
    let mut answers = Vec::new();
    for number in from..to {
        let id = format!("o{number}");
        let earlier = format!("o{}", number / 2);
        let price = format!("{}.00", 95 + number * 7 % 11);
        let side = if number * 13 % 5 < 2 {
            Side::Sell
        } else {
            Side::Buy
        };
        answers.push(exchange.apply(&limit(&id, side, &price, "0.010"), 1));
        match number % 4 {
            0 => answers.push(exchange.apply(&Command::Cancel { id: &earlier }, 1)),
            1 => answers.push(exchange.apply(&replace(&earlier, &price, "0.017"), 1)),
            2 => answers.push(exchange.apply(&market(&format!("m{number}"), side, "0.003"), 1)),
            _ => answers.push(exchange.apply(&limit(&earlier, side, &price, "0.010"), 1)),
        }
    }
    answers
}

#[test]
fn a_restored_image_goes_on_exactly_like_the_original() {
    let mut original = exchange();
    busy(&mut original, 0, 700);
    let mut written = Vec::new();
    Image::of(&original)
        .write(&mut written)
        .expect("written to memory");
    let mut restored = Image::read(&mut written.as_slice())
        .expect("whole")
        .restore(Defects::default());
    assert_eq!(
        busy(&mut original, 700, 1400),
        busy(&mut restored, 700, 1400)
    );
    assert_eq!(original.sequence(), restored.sequence());
    assert_eq!(original.open_orders(), restored.open_orders());
    assert_eq!(queue(&original, Side::Buy), queue(&restored, Side::Buy));
    for (left, right) in original.orders.after(0).zip(restored.orders.after(0)) {
        assert_eq!(left, right);
    }
}

#[test]
fn an_image_is_of_one_moment_and_a_cut_one_is_refused() {
    let mut exchange = exchange();
    busy(&mut exchange, 0, 300);
    let sequence = exchange.sequence();
    let image = Image::of(&exchange);
    busy(&mut exchange, 300, 400);
    let mut written = Vec::new();
    image.write(&mut written).expect("written to memory");
    let restored = Image::read(&mut written.as_slice())
        .expect("whole")
        .restore(Defects::default());
    assert_eq!(restored.sequence(), sequence);
    for length in (0..written.len()).step_by(97) {
        assert!(
            Image::read(&mut &written[..length]).is_err(),
            "cut at {length}"
        );
    }
}

#[test]
fn the_defect_duplicate_on_retry_makes_a_second_order() {
    let mut exchange = Exchange::new(Defects::new([Defect::DuplicateOnRetry]));
    buy(&mut exchange, "b1", "100.00", "0.010");
    buy(&mut exchange, "b1", "100.00", "0.010");
    let page = exchange.orders_after(0, 10);
    let rows: Vec<_> = page
        .rows
        .iter()
        .map(|row| (row.order.order_id, &*row.order.id))
        .collect();
    assert_eq!(rows, [(1, "b1"), (2, "b1")]);
}

#[test]
fn the_defect_accept_rejected_enters_what_it_refuses() {
    let mut exchange = Exchange::new(Defects::new([Defect::AcceptRejected]));
    assert_eq!(
        reason(buy(&mut exchange, "big", "100.00", "100.001")),
        RejectReason::MaxOrderQuantity
    );
    assert_eq!(queue(&exchange, Side::Buy), ["big"]);
    assert!(exchange.order("big").is_some());
}

#[test]
fn the_defect_corrupt_quantity_stores_a_lot_too_much_behind_a_correct_answer() {
    let mut exchange = Exchange::new(Defects::new([Defect::CorruptQuantity]));
    for number in 1..=100 {
        let answer = buy(&mut exchange, &format!("o{number}"), "100.00", "0.010");
        assert!(matches!(
            answer,
            Answer::Accepted {
                remaining_lots: 10,
                ..
            }
        ));
    }
    let wrong: Vec<_> = exchange
        .orders_after(0, 200)
        .rows
        .iter()
        .filter(|row| row.order.lots == 11)
        .map(|row| row.order.order_id)
        .collect();
    assert_eq!(wrong, [50, 100]);
}

#[test]
fn forgetting_the_tail_takes_orders_from_list_and_book_and_the_rest_goes_on() {
    let mut exchange = exchange();
    for number in 1..=30 {
        buy(&mut exchange, &format!("o{number}"), "100.00", "0.010");
    }
    assert_eq!(exchange.forget_last_orders(20), 20);
    assert_eq!(exchange.orders_after(0, 100).total, 10);
    assert_eq!(queue(&exchange, Side::Buy).len(), 10);
    assert!(exchange.order("o11").is_none());
    assert_eq!(
        exchange.apply(&Command::Cancel { id: "o30" }, 1),
        Answer::UnknownOrder
    );
    let Answer::Accepted { order_id, .. } = buy(&mut exchange, "later", "100.00", "0.010") else {
        panic!("accepted");
    };
    assert_eq!(order_id, 31);
    assert_eq!(exchange.open_orders(), 11);
}
