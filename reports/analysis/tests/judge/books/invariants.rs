//! What must hold of books and trades, and which invariant it is that does not.

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
