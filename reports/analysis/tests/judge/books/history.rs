//! The replay of the engine's own order.

use super::*;
use shakedown_scenarios::plan::{DataLayout, Endpoints, EnvironmentPlan};

/// Slots of the synthetic run before the fault that are of a kind and were acknowledged.
fn acked(market: &Market, kind: OrderKind) -> Vec<u64> {
    let all = market.entries.iter().enumerate();
    let of_kind = all.filter(|(_, entry)| {
        entry.kind == kind && entry.outcome == Some(Outcome::Acked) && entry.intended_ns < STRUCK
    });
    of_kind.map(|(slot, _)| slot as u64).collect()
}

#[test]
fn a_market_that_was_kept_in_order_is_explained_and_counted() {
    let analysis = market().run().judge();
    let check = the(&analysis, "history");
    assert_eq!(check.verdict, Verdict::Pass, "{}", check.why);
    let history = analysis.record.history.as_ref().unwrap();
    assert_eq!((history.symbols, history.contradictions), (1, 0));
    assert!(history.requests > 5_000, "{history:?}");
    assert_eq!((history.undecided, &history.open), (0, &None));
    assert!(analysis.stories.is_empty());
    let run = market().run().without_trades();
    passes(&run, "history");
}

#[test]
fn nobody_asks_nobody_replays() {
    let mut run = market().run();
    run.plan.rules.remove(0);
    assert_eq!(run.judge().record.history, None);
}

#[test]
fn an_order_that_overtook_another_is_found_at_the_request_that_traded() {
    let mut run = market().run();
    let trades = run.trades.clone().unwrap();
    let by = |trade: &Trade| (trade.sequence.clone(), trade.price.clone());
    // Another maker of another time gets the trade of the first.
    let other = trades
        .iter()
        .find(|trade| by(trade) != by(&trades[40]))
        .unwrap();
    let mut turned = trades.clone();
    turned[40].maker = other.maker.clone();
    run = run.trades(turned);
    fails(&run, "history", "by price and time it trades");
    let analysis = run.judge();
    let story = analysis
        .stories
        .iter()
        .find(|story| story.class == "history");
    let steps = &story.unwrap().explanation.steps;
    let around = steps
        .iter()
        .filter(|step| step.text.starts_with("in the engine's order"));
    assert_eq!(around.count(), 11, "{steps:?}");
}

#[test]
fn a_place_that_a_failover_forgets_is_found() {
    let run = market().run();
    let mut trades = run.trades.clone().unwrap();
    let sent_ns = |id: &String| {
        let number = id.rsplit('-').next().unwrap();
        run.entries[number.parse::<usize>().unwrap()].intended_ns
    };
    // What rested when the leader died is passed over for what came after.
    let late = trades
        .iter()
        .position(|trade| sent_ns(&trade.taker) > STRUCK && sent_ns(&trade.maker) < STRUCK);
    let late = late.unwrap();
    let after = trades.iter().find(|trade| sent_ns(&trade.maker) > STRUCK);
    trades[late].maker = after.unwrap().maker.clone();
    fails(
        &run.clone().trades(trades),
        "history",
        "by price and time it trades",
    );
}

#[test]
fn final_books_that_the_order_does_not_lead_to_are_found() {
    let run = market().run().without_trades();
    let open = first_order(&run, is_in("open"));
    let less = run
        .clone()
        .changed(open, |row| row.remaining = Some("0".into()));
    fails(&less, "history", "by the replay");
    let cancelled = first_order(&run, is_in("cancelled"));
    let again = run.clone().changed(cancelled, |row| {
        row.state = Some("open".into());
        row.remaining = row.quantity.clone();
    });
    fails(&again, "history", "not open by the replay");
    let filled = first_order(&run, is_in("filled"));
    let doubled = run.changed(filled, |row| row.filled = Some("99".into()));
    fails(&doubled, "history", "had traded in the end");
}

#[test]
fn a_number_that_two_requests_got_and_one_that_the_copies_do_not_know_are_found() {
    let market = market();
    let reused = {
        let mut market = market.clone();
        let run_of = |market: Market| market.run();
        let slot = acked(&market, OrderKind::New)[100];
        let mut run = run_of(market.clone());
        let next = market.entries[slot as usize + 20].sequence;
        run.entries[slot as usize].sequence = next;
        market.entries = run.entries.clone();
        run
    };
    fails(&reused, "history", "sequence number");
    let slot = acked(&market, OrderKind::New)[100];
    let run = market.run();
    let moved = run.changed(slot, |row| row.sequence = Some("7".into()));
    fails(&moved, "history", "stands with 7");
}

#[test]
fn a_cancel_that_was_acknowledged_for_a_filled_order_is_found() {
    let market = market();
    let refused = market.entries.iter().position(|entry| {
        entry.kind == OrderKind::Cancel
            && entry.outcome == Some(Outcome::Rejected)
            && entry.intended_ns < STRUCK
    });
    let mut run = market.run().without_trades();
    let slot = refused.unwrap();
    run.entries[slot].outcome = Some(Outcome::Acked);
    run.entries[slot].sequence = Some(slot as u64);
    fails(&run, "history", "filled or cancelled by then");
}

#[test]
fn a_cancel_that_was_refused_without_reason_is_found() {
    let market = market();
    let mut run = market.clone().run().without_trades();
    let open = first_order(&run, |row| is_in("open")(row) && row.id.ends_with('2'));
    let never = run.entries.iter().position(|entry| {
        entry.kind == OrderKind::Cancel
            && entry.intended_ns > run.entries[open as usize].intended_ns
    });
    let entry = &mut run.entries[never.unwrap()];
    (entry.outcome, entry.sequence) = (Some(Outcome::Rejected), None);
    entry.target = Some(open);
    let (verdict, text, why) = told(&run, "history");
    assert_eq!(verdict, Verdict::Fail, "{text}; {why}");
}

#[test]
fn requests_without_an_answer_are_told_by_the_copies() {
    let base = market();
    let news = acked(&base, OrderKind::New);
    let cancels = acked(&base, OrderKind::Cancel);
    let replaces = acked(&base, OrderKind::Replace);
    for is_done in [true, false] {
        for slot in [news[500], cancels[50], replaces[20]] {
            let mut market = base.clone().unanswered(slot, is_done);
            let kind = base.entries[slot as usize].kind;
            // What an order that was never there leads to is rejected.
            market.done();
            let analysis = market.run().judge();
            let check = the(&analysis, "history");
            let history = analysis.record.history.as_ref().unwrap();
            assert_eq!(
                check.verdict,
                Verdict::Pass,
                "{kind:?} done {is_done}: {}; {}",
                check.observed.text,
                check.why
            );
            assert!(history.unanswered >= history.resolved);
        }
    }
}

#[test]
fn what_requests_of_unknown_end_could_explain_is_no_contradiction() {
    let base = market();
    let cancel = acked(&base, OrderKind::Cancel)[5];
    let market = base.unanswered(cancel, true);
    let order = market.entries[cancel as usize].target.unwrap();
    let mut run = market.run().without_trades();
    // A profile that tells states only: when it was cancelled is not known, and what traded later is anybody's guess.
    if let Some(ReadBack::List { fields, .. }) = &mut run.plan.system.read_back {
        fields.cancelled_sequence = None;
    }
    run = run.changed(order, |row| row.cancelled_sequence = None);
    is_open(&run, "history", "could explain it");
    let mut early = run.clone();
    let (a, b) = (20usize, 22usize);
    let swapped = early.entries[a].sequence;
    early.entries[a].sequence = early.entries[b].sequence;
    early.entries[b].sequence = swapped;
    let (verdict, ..) = told(&early, "history");
    assert_eq!(
        verdict,
        Verdict::Fail,
        "an order against time is certain all the same"
    );
}

#[test]
fn a_cancel_that_is_answered_twice_with_one_number_was_done_once() {
    let base = market();
    let cancel = acked(&base, OrderKind::Cancel)[5];
    let (order, sequence) = {
        let entry = base.entries[cancel as usize];
        (entry.target, entry.sequence)
    };
    let mut run = base.run();
    let later = run.entries.iter().position(|entry| {
        entry.kind == OrderKind::Cancel
            && entry.outcome == Some(Outcome::Rejected)
            && entry.intended_ns > run.entries[cancel as usize].intended_ns
    });
    let entry = &mut run.entries[later.unwrap()];
    entry.target = order;
    (entry.outcome, entry.sequence) = (Some(Outcome::Acked), sequence);
    passes(&run, "history");
    assert_eq!(run.judge().record.data_loss.reordered, Some(0));
}

#[test]
fn without_a_copy_or_with_orders_of_others_nothing_is_concluded() {
    let run = market().run();
    let unread = run.clone().with(|event| {
        if let Event::ReadBack(done) = event
            && done.replica == "engine-2"
        {
            done.complete = false;
            done.reason = Some("connection refused".into());
        }
    });
    is_open(&unread, "history", "engine-2");
    let mut shared = run.clone().without_trades().with(|event| {
        if let Event::ReadBack(done) = event {
            done.foreign = Some(3);
        }
    });
    shared.plan.environment = EnvironmentPlan::External(Endpoints {
        entry: Vec::new(),
        parts: BTreeMap::new(),
        not_production: Vec::new(),
    });
    passes(&shared, "history");
    let filled = first_order(&shared, is_in("filled"));
    let other = shared.changed(filled, |row| row.filled = Some("0".into()));
    is_open(&other, "history", "orders of others");
    let mut sharded = run;
    sharded.plan.system.data = DataLayout::Memory;
    passes(&sharded, "history");
}
