//! Stop orders and orders that are good until a time.

use super::*;

fn timed<'a>(
    id: &'a str,
    side: Side,
    price: &str,
    stop: Option<&str>,
    expires_ms: Option<u64>,
) -> Command<'a> {
    Command::New(NewOrder {
        id,
        account: "acct",
        symbol: "BTCUSD",
        side,
        order_type: OrderType::Limit,
        price: Some(decimal(price)),
        quantity: decimal("0.010"),
        line: None,
        risk: None,
        timed: Timed {
            stop: stop.map(decimal),
            expires_ms,
        },
    })
}

fn stop(exchange: &mut Exchange, id: &str, side: Side, price: &str) {
    let answer = exchange.apply(&timed(id, side, price, Some(price), None), 1);
    assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}");
}

/// How often a stop was triggered, and when.
fn triggered(exchange: &Exchange, id: &str) -> (u32, Option<u64>) {
    let stop = exchange
        .row(id)
        .unwrap()
        .timing
        .as_ref()
        .unwrap()
        .stop
        .unwrap();
    (stop.count, stop.triggered)
}

/// A trade at this price, in this term.
fn trade(exchange: &mut Exchange, id: &str, price: &str, term: u64) {
    let (maker, taker) = (format!("{id}-m"), format!("{id}-t"));
    exchange.apply(&limit(&maker, Side::Sell, price, "0.001"), term);
    exchange.apply(&limit(&taker, Side::Buy, price, "0.001"), term);
}

fn restored(exchange: &Exchange) -> Exchange {
    let mut bytes = Vec::new();
    Image::of(exchange).write(&mut bytes).unwrap();
    let image = Image::read(&mut bytes.as_slice()).unwrap();
    image.restore(Defects::default())
}

#[test]
fn a_stop_enters_with_the_first_trade_at_or_through_its_price() {
    let mut exchange = exchange();
    for (id, price) in [("at", "101.00"), ("below", "100.50"), ("above", "101.01")] {
        stop(&mut exchange, id, Side::Buy, price);
    }
    assert!(queue(&exchange, Side::Buy).is_empty());
    assert_eq!(exchange.open_orders(), 3);
    // No trade, no stop: not even by an order at that price.
    sell(&mut exchange, "m", "101.00", "0.001");
    assert_eq!(triggered(&exchange, "at"), (0, None));
    buy(&mut exchange, "t", "101.00", "0.001");
    let sequence = exchange.sequence();
    assert_eq!(exchange.row("t").unwrap().sequence, sequence);
    assert_eq!(triggered(&exchange, "at"), (1, Some(sequence)));
    assert_eq!(triggered(&exchange, "below"), (1, Some(sequence)));
    assert_eq!(triggered(&exchange, "above"), (0, None));
    assert_eq!(queue(&exchange, Side::Buy), ["at", "below"]);
    // What has entered does not enter again.
    trade(&mut exchange, "again", "101.00", 1);
    assert_eq!(triggered(&exchange, "below"), (1, Some(sequence)));
}

#[test]
fn stops_that_trade_set_off_others_and_sells_wait_for_lower_prices() {
    let mut exchange = exchange();
    stop(&mut exchange, "sell", Side::Sell, "99.00");
    stop(&mut exchange, "next", Side::Sell, "98.00");
    buy(&mut exchange, "bid", "98.00", "0.015");
    buy(&mut exchange, "m", "99.00", "0.001");
    sell(&mut exchange, "t", "99.00", "0.001");
    // The first rests at its limit above the bid: nothing more trades.
    assert_eq!(
        (
            triggered(&exchange, "sell").0,
            triggered(&exchange, "next").0
        ),
        (1, 0)
    );
    sell(&mut exchange, "down", "98.00", "0.001");
    assert_eq!(triggered(&exchange, "next"), (1, Some(exchange.sequence())));
    assert_eq!(exchange.row("next").unwrap().state, OrderState::Filled);
    assert_eq!(
        exchange.trades_after(0, 9).rows.last().unwrap().sequence,
        exchange.sequence()
    );
}

#[test]
fn a_stop_that_waits_can_be_cancelled_and_not_replaced() {
    let mut exchange = exchange();
    stop(&mut exchange, "s", Side::Buy, "101.00");
    let replaced = exchange.apply(&replace("s", "102.00", "1"), 1);
    assert_eq!(reason(replaced), RejectReason::StopWaits);
    let cancelled = exchange.apply(&Command::Cancel { id: "s" }, 1);
    assert!(matches!(cancelled, Answer::Cancelled { .. }));
    trade(&mut exchange, "x", "101.00", 1);
    assert_eq!(triggered(&exchange, "s"), (0, None));
    assert_eq!(exchange.open_orders(), 0);
}

#[test]
fn what_is_open_ends_when_the_log_says_that_it_is_time() {
    let mut exchange = exchange();
    exchange.apply(&timed("a", Side::Buy, "100.00", None, Some(1_000)), 1);
    exchange.apply(&timed("b", Side::Buy, "100.00", None, Some(1_001)), 1);
    assert_eq!(exchange.next_end_ms(), Some(1_000));
    let answer = exchange.apply(&Command::Expire { now_ms: 999 }, 1);
    assert_eq!(
        answer,
        Answer::Ended {
            orders: vec![],
            epoch: 0
        }
    );
    let answer = exchange.apply(&Command::Expire { now_ms: 1_000 }, 1);
    assert_eq!(
        answer,
        Answer::Ended {
            orders: vec![1],
            epoch: 0
        }
    );
    let ended = exchange
        .row("a")
        .unwrap()
        .timing
        .as_ref()
        .unwrap()
        .end
        .unwrap();
    assert_eq!(
        (ended.ended, ended.count),
        (Some((exchange.sequence(), 1_000)), 1)
    );
    assert_eq!(queue(&exchange, Side::Buy), ["b"]);
    // What has been filled before does not end.
    sell(&mut exchange, "s", "100.00", "0.010");
    exchange.apply(&Command::Expire { now_ms: 5_000 }, 1);
    let order = exchange.row("b").unwrap();
    assert_eq!(
        (order.state, order.cancelled_at()),
        (OrderState::Filled, None)
    );
    assert_eq!(exchange.next_end_ms(), None);
}

#[test]
fn what_waits_outlives_a_snapshot() {
    let mut exchange = exchange();
    stop(&mut exchange, "s", Side::Buy, "101.00");
    exchange.apply(&timed("e", Side::Buy, "100.00", None, Some(1_000)), 1);
    let mut restored = restored(&exchange);
    assert_eq!(queue(&restored, Side::Buy), ["e"]);
    for exchange in [&mut exchange, &mut restored] {
        trade(exchange, "x", "101.00", 2);
        exchange.apply(&Command::Expire { now_ms: 1_000 }, 2);
        assert_eq!(triggered(exchange, "s").0, 1);
        assert_eq!(exchange.row("e").unwrap().state, OrderState::Cancelled);
    }
    assert_eq!(exchange.sequence(), restored.sequence());
}

#[test]
fn the_defects_forget_what_waits_with_a_new_leader() {
    let both = [Defect::ForgetsStops, Defect::ForgetsTimers];
    let mut exchange = Exchange::new(Defects::new(both));
    stop(&mut exchange, "early", Side::Buy, "101.00");
    stop(&mut exchange, "late", Side::Buy, "102.00");
    exchange.apply(&timed("e", Side::Buy, "100.00", None, Some(1_000)), 1);
    trade(&mut exchange, "x", "101.00", 1);
    trade(&mut exchange, "y", "102.00", 2);
    assert_eq!(
        (
            triggered(&exchange, "early").0,
            triggered(&exchange, "late").0
        ),
        (1, 0)
    );
    assert_eq!(exchange.next_end_ms(), None);
}
