//! What must hold of books and trades, and which invariant it is that does not.

use shakedown_record::event::CopiedDepth;
use shakedown_record::readback::{DepthLevel, DepthOf};
use shakedown_scenarios::plan::DataLayout;

use super::*;

fn breached(run: &Run, name: &str, words: &str) {
    fails(run, "invariants", words);
    let record = run.judge().record;
    let found = record.invariants.unwrap();
    assert!(found.breached.contains(&name.to_string()), "{found:?}");
}

#[test]
fn a_sound_market_keeps_all_that_were_looked_at() {
    let analysis = market().run().judge();
    let check = the(&analysis, "invariants");
    assert_eq!(check.verdict, Verdict::Pass, "{}", check.observed.text);
    let found = analysis.record.invariants.as_ref().unwrap();
    assert_eq!(found.checked, ["I1", "I2", "I3", "I4", "I5", "I8"]);
    assert_eq!((found.copies, found.breaches), (3, 0));
    let silent = market().run().without_trades().judge().record;
    assert_eq!(silent.invariants.unwrap().checked, ["I3", "I4", "I5", "I8"]);
}

#[test]
fn a_trade_of_two_buyers_and_one_that_is_told_twice_are_found() {
    let run = market().run();
    let trades = run.trades.clone().unwrap();
    let buyer = first_order(&run, |row| row.side.as_deref() == Some("buy"));
    let seller = first_order(&run, |row| row.side.as_deref() == Some("sell"));
    let mut lopsided = trades.clone();
    lopsided[10].maker = order_id(buyer);
    lopsided[10].taker = order_id(buyer + 4);
    lopsided[11].maker = order_id(seller);
    breached(&run.clone().trades(lopsided), "I1", "");
    let mut twice = trades.clone();
    twice.push(trades[3].clone());
    breached(&run.trades(twice), "I2", "told more than once");
}

#[test]
fn quantities_that_do_not_add_up_and_fills_without_a_trade_are_found() {
    let run = market().run();
    let filled = first_order(&run, is_in("filled"));
    let twice = |row: &mut Row| {
        let once: Decimal = row.filled.as_ref().unwrap().parse().unwrap();
        row.filled = Some(once.times(2).to_string());
    };
    let over = run.clone().changed(filled, twice);
    breached(&over, "I3", "I3: ");
    let fewer = run.trades.clone().unwrap()[1..].to_vec();
    breached(&run.trades(fewer), "I3", "its trades are of");
}

#[test]
fn a_fill_of_one_side_alone_is_found_without_any_trade() {
    let run = market().run().without_trades();
    let cancelled = first_order(&run, is_in("cancelled"));
    let filled = run.changed(cancelled, |row| row.filled = row.quantity.clone());
    breached(&filled, "I4", "were bought");
}

#[test]
fn a_crossed_book_is_found_and_named() {
    let run = market().run().without_trades();
    let open = first_order(&run, |row| {
        is_in("open")(row) && row.side.as_deref() == Some("buy")
    });
    let crossed = run.changed(open, |row| row.price = Some("60000".into()));
    breached(&crossed, "I5", "is crossed: bid 60000");
}

#[test]
fn copies_with_other_books_are_found() {
    let run = market().run();
    let open = first_order(&run, is_in("open"));
    let behind = run.copy("engine-3", |rows| {
        let row = rows.iter_mut().find(|row| row.id == order_id(open));
        row.unwrap().state = Some("cancelled".into());
    });
    breached(&behind, "I8", "differ, first in");
}

#[test]
fn a_copy_that_was_not_read_leaves_it_open() {
    let run = market().run().with(|event| {
        if let Event::ReadBack(done) = event
            && done.replica == "engine-2"
        {
            done.complete = false;
            done.reason = Some("connection refused".into());
        }
    });
    is_open(&run, "invariants", "connection refused");
}

/// The same after a power cut, with what has become of rows and trades.
fn cut(run: Run, trades: Vec<Trade>, change: impl Fn(&mut Vec<Row>)) -> Run {
    let mut run = run.outage(ReadKind::PowerCut, change);
    for rows in run.later[0].1.values_mut() {
        let last = rows.last_mut().unwrap();
        *last = Row {
            id: last.id.clone(),
            ..sentinel()
        };
    }
    let rows = trades.len() as u64;
    run.later_trades = Some(trades);
    run.with(|event| {
        if let Event::ReadBack(done) = event
            && done.read == ReadKind::PowerCut
        {
            done.trades = Some(CopiedTrades {
                rows,
                incomplete: None,
            });
        }
    })
}

#[test]
fn what_was_traded_outlives_an_outage() {
    let run = market().run();
    let trades = run.trades.clone().unwrap();
    passes(&cut(run, trades, |_| {}), "invariants");
}

#[test]
fn ids_of_lost_trades_that_are_given_again_are_found() {
    let run = market().run();
    let trades = run.trades.clone().unwrap();
    let mut reissued = trades.clone();
    let (last, before) = (trades.len() - 1, trades.len() - 2);
    reissued[last] = Trade {
        id: trades[last].id.clone(),
        ..trades[before].clone()
    };
    let again = cut(run.clone(), reissued, |_| {});
    breached(&again, "I2", "its id was given twice");
    let fewer = cut(run, trades[..last].to_vec(), |_| {});
    breached(&fewer, "I2", "no copy has it in the power-cut read");
}

#[test]
fn an_id_that_stands_for_two_trades_of_one_copy_is_found() {
    let run = market().run();
    let mut trades = run.trades.clone().unwrap();
    trades[9].id = trades[3].id.clone();
    let found = run.trades(trades).judge().record.invariants.unwrap();
    let is_told = |text: &String| text.contains("its id was given twice");
    assert!(found.breached.contains(&"I2".to_string()), "{found:?}");
    assert!(
        found.examples.iter().any(is_told) || found.breaches > 5,
        "{found:?}"
    );
}

#[test]
fn fills_that_an_outage_takes_back_are_found() {
    let run = market().run().without_trades();
    let filled = first_order(&run, is_in("filled"));
    let mut fewer = run.outage(ReadKind::PowerCut, |rows| {
        let row = rows.iter_mut().find(|row| row.id == order_id(filled));
        let row = row.unwrap();
        (row.filled, row.remaining) = (Some("0".into()), row.quantity.clone());
        row.state = Some("open".into());
    });
    for rows in fewer.later[0].1.values_mut() {
        let last = rows.last_mut().unwrap();
        *last = Row {
            id: last.id.clone(),
            ..sentinel()
        };
    }
    breached(&fewer, "I3", "(converged read), and has 0 on");
}

#[test]
fn a_later_read_that_was_not_made_leaves_it_open() {
    let run = market().run();
    let trades = run.trades.clone().unwrap();
    let unread = cut(run, trades, |_| {}).with(|event| {
        if let Event::ReadBack(done) = event
            && (done.read, done.replica.as_str()) == (ReadKind::PowerCut, "engine-2")
        {
            (done.complete, done.reason) = (false, Some("connection refused".into()));
        }
    });
    is_open(&unread, "invariants", "connection refused");
}

/// The market whose copies say how much rests at each price.
fn with_depth() -> Run {
    let mut run = market().run();
    let mut levels: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    let lot: Decimal = "0.001".parse().unwrap();
    for row in &run.rows["engine-1"] {
        if row.state.as_deref() == Some("open") {
            let rests: Decimal = row.remaining.as_ref().unwrap().parse().unwrap();
            let at = (row.side.clone().unwrap(), row.price.clone().unwrap());
            let level = levels.entry(at).or_default();
            level.0 += rests.in_units_of(lot).unwrap() as u64;
            level.1 += 1;
        }
    }
    let of = |wanted: &str| {
        let levels = levels.iter().filter(|((side, _), _)| side == wanted);
        let level = |((_, price), (lots, orders)): (&(String, String), &(u64, u64))| DepthLevel {
            price: price.clone(),
            quantity: quantity(*lots),
            orders: Some(orders.to_string()),
        };
        levels.map(level).collect::<Vec<DepthLevel>>()
    };
    let depth = DepthOf {
        symbol: "BTCUSD".to_string(),
        mark: 7,
        bids: of("buy"),
        asks: of("sell"),
    };
    for replica in REPLICAS {
        run.depths.insert(replica.to_string(), vec![depth.clone()]);
    }
    run.with(|event| {
        if let Event::ReadBack(done) = event {
            done.watermark = Some(7);
            done.depth = Some(CopiedDepth {
                symbols: 1,
                incomplete: None,
            });
        }
    })
}

fn depth_of<'r>(run: &'r mut Run, replica: &str) -> &'r mut DepthOf {
    &mut run.depths.get_mut(replica).unwrap()[0]
}

#[test]
fn a_depth_is_the_sum_of_its_orders() {
    let sound = with_depth();
    passes(&sound, "invariants");
    let checked = sound.judge().record.invariants.unwrap().checked;
    assert!(checked.contains(&"I7".to_string()), "{checked:?}");
    let unread = market().run().judge().record.invariants.unwrap().checked;
    assert!(!unread.contains(&"I7".to_string()), "{unread:?}");

    let mut more = with_depth();
    depth_of(&mut more, "engine-2").asks[3].quantity = quantity(777);
    fails(
        &more,
        "invariants",
        "I7: the depth of BTCUSD on engine-2 to sell at",
    );
    let mut less = with_depth();
    depth_of(&mut less, "engine-3").bids.remove(0);
    fails(
        &less,
        "invariants",
        "is nothing, and what its orders have open is",
    );
    let mut others = with_depth();
    depth_of(&mut others, "engine-1").bids[0].orders = Some("99".to_string());
    fails(&others, "invariants", "of 99 orders");
    let mut untold = with_depth();
    depth_of(&mut untold, "engine-1").bids[0].orders = None;
    passes(&untold, "invariants");
}

#[test]
fn a_depth_of_another_moment_proves_nothing() {
    let mut later = with_depth();
    let depth = depth_of(&mut later, "engine-2");
    depth.mark = 8;
    depth.asks[3].quantity = quantity(777);
    is_open(
        &later,
        "invariants",
        "engine-2: its depth of BTCUSD is as of 8",
    );
    let cut = with_depth().with(|event| {
        if let Event::ReadBack(done) = event {
            done.depth = Some(CopiedDepth {
                symbols: 0,
                incomplete: Some("the depth of BTCUSD: status 500".to_string()),
            });
        }
    });
    is_open(&cut, "invariants", "status 500");
    let mut torn = with_depth();
    torn.depths.remove("engine-1");
    is_open(&torn, "invariants", "not of as many symbols");
    let mut odd = with_depth();
    depth_of(&mut odd, "engine-1").bids[0].price = "0.001".to_string();
    is_open(&odd, "invariants", "cannot be understood");
}

#[test]
fn a_depth_may_be_told_order_by_order() {
    let mut run = with_depth();
    for replica in REPLICAS {
        let depth = depth_of(&mut run, replica);
        for side in [&mut depth.bids, &mut depth.asks] {
            let whole = side.remove(0);
            let part = |quantity: String, orders: Option<u64>| DepthLevel {
                price: whole.price.clone(),
                quantity,
                orders: orders.map(|orders| orders.to_string()),
            };
            let orders: Option<u64> = whole.orders.as_ref().map(|it| it.parse().unwrap());
            side.push(part(
                whole.quantity.clone(),
                orders.map(|orders| orders - 1),
            ));
            side.push(part("0".to_string(), Some(1)));
        }
    }
    passes(&run, "invariants");
    let mut more = run.clone();
    depth_of(&mut more, "engine-2")
        .bids
        .last_mut()
        .unwrap()
        .quantity = quantity(1);
    fails(
        &more,
        "invariants",
        "I7: the depth of BTCUSD on engine-2 to buy at",
    );
}

#[test]
fn replicas_with_books_of_their_own_are_looked_at_one_by_one() {
    let apart = |run: &Run| {
        let mut run = run.clone();
        run.plan.system.data = DataLayout::Memory;
        run
    };
    // Another book is nothing that a replica must not have, and another trade may have the same id there.
    let mut run = with_depth();
    let filled = first_order(&run, is_in("filled"));
    let other = run.clone().copy("engine-3", |rows| {
        rows.retain(|row| row.id != order_id(filled));
    });
    breached(&other, "I4", "were bought");
    let found = apart(&run).judge().record.invariants.unwrap();
    assert_eq!(found.checked, ["I1", "I2", "I3", "I4", "I5", "I7"]);
    assert_eq!((found.copies, found.breaches), (3, 0), "{found:?}");
    // Its own book is.
    depth_of(&mut run, "engine-3").asks[1].quantity = quantity(777);
    fails(
        &apart(&run),
        "invariants",
        "I7: the depth of BTCUSD on engine-3",
    );
}
