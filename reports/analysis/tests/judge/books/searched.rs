//! The search for an order, of an engine that numbers nothing.

use super::*;

/// The same run through a profile that tells no numbers.
fn unnumbered(mut run: Run) -> Run {
    run.plan.system.orders.take.sequence = None;
    if let Some(ReadBack::List { fields, .. }) = &mut run.plan.system.read_back {
        fields.sequence = None;
        fields.replaced_sequence = None;
        fields.cancelled_sequence = None;
    }
    for entry in &mut run.entries {
        entry.sequence = None;
    }
    for trade in run.trades.iter_mut().flatten() {
        trade.sequence = None;
    }
    run.every_copy(|rows| {
        for row in rows {
            row.sequence = None;
            row.replaced_sequence = None;
            row.cancelled_sequence = None;
        }
    })
}

/// A market in which answers take up to 5 ms, while there is a request every 2 ms.
fn overlapping() -> Market {
    let mut market = market();
    for (slot, entry) in (0u64..).zip(&mut market.entries) {
        if let (Some(Outcome::Acked | Outcome::Rejected), Some(done_ns)) =
            (entry.outcome, &mut entry.done_ns)
        {
            *done_ns += slot.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (4 * MS);
        }
    }
    market
}

fn windows(run: &Run) -> (u64, u64) {
    let record = run.judge().record;
    let search = record.history.unwrap().search.unwrap();
    (search.windows, search.longest)
}

#[test]
fn a_market_that_was_kept_in_order_is_explained_without_numbers() {
    let quiet = unnumbered(market().run());
    passes(&quiet, "history");
    let (count, longest) = windows(&quiet);
    assert!(count > 5_000 && longest < 5, "{count} {longest}");
    let busy = unnumbered(overlapping().run());
    passes(&busy, "history");
    let (count, longest) = windows(&busy);
    assert!(count > 300 && longest > 5, "{count} {longest}");
    let (_, text, why) = told(&busy, "history");
    assert!(text.contains("searched in"), "{text}");
    assert!(why.is_empty() || why.contains("numbers nothing"), "{why}");
    passes(&unnumbered(market().run().without_trades()), "history");
    let numbered = market().run().judge().record.history.unwrap();
    assert_eq!(numbered.search, None);
}

#[test]
fn a_fill_that_skips_price_and_time_is_told_with_the_requests_that_nothing_explains() {
    let run = unnumbered(overlapping().run());
    let trades = run.trades.clone().unwrap();
    let mut turned = trades.clone();
    // The maker of another price and another time gets the trade.
    let other = trades.iter().find(|it| it.price != trades[40].price);
    turned[40].maker = other.unwrap().maker.clone();
    let run = run.trades(turned);
    fails(&run, "history", "no order of the");
    let (_, text, _) = told(&run, "history");
    assert!(text.contains("by the trades of engine-1"), "{text}");
    let analysis = run.judge();
    let mut stories = analysis.stories.iter();
    let story = stories.find(|story| story.class == "history").unwrap();
    let steps = story.explanation.steps.iter();
    let told: Vec<&str> = steps
        .map(|step| step.text.as_str())
        .filter(|text| text.starts_with("among the requests"))
        .collect();
    assert!((1..20).contains(&told.len()), "{told:?}");
    assert!(told.iter().all(|line| line.contains("sent at")), "{told:?}");
}

#[test]
fn a_fill_that_is_booked_twice_is_found() {
    let run = unnumbered(overlapping().run());
    let mut trades = run.trades.clone().unwrap();
    trades.push(Trade {
        id: "again".into(),
        ..trades[7].clone()
    });
    fails(&run.clone().trades(trades), "history", "took");
    let run = run.without_trades();
    let filled = first_order(&run, is_in("filled"));
    let twice = run.changed(filled, |row| {
        let once: Decimal = row.filled.as_ref().unwrap().parse().unwrap();
        row.filled = Some(once.times(2).to_string());
    });
    fails(&twice, "history", "had traded in the end");
}

#[test]
fn a_cancel_that_was_acknowledged_and_lost_is_told_where_it_was_acknowledged() {
    let market = overlapping();
    let run = unnumbered(market.run().without_trades());
    let cancelled = first_order(&run, |row| {
        is_in("cancelled")(row) && row.filled == Some(quantity(0))
    });
    let again = run.changed(cancelled, |row| {
        row.state = Some("open".into());
        row.remaining = row.quantity.clone();
    });
    fails(&again, "history", "the acknowledgement of the cancel");
    let (_, text, _) = told(&again, "history");
    assert!(text.contains("it is open with"), "{text}");
}

#[test]
fn answers_against_real_time_are_found() {
    let base = unnumbered(overlapping().run());
    // A trade with an order that was sent after the other side had its answer.
    let trades = base.trades.clone().unwrap();
    let slot = |id: &str| -> usize { id.rsplit('-').next().unwrap().parse().unwrap() };
    let near = trades.iter().find(|trade| {
        let (maker, taker) = (slot(&trade.maker), slot(&trade.taker));
        maker < taker && taker < maker + 20
    });
    let near = near.unwrap();
    let mut early = base.clone();
    let answered_ns = early.entries[slot(&near.taker)].done_ns.unwrap();
    let maker = &mut early.entries[slot(&near.maker)];
    maker.sent_ns = Some(answered_ns + MS);
    maker.done_ns = Some(answered_ns + 2 * MS);
    let (verdict, text, why) = told(&early, "history");
    assert_eq!(verdict, Verdict::Fail, "{text}; {why}");
    // A cancel that was refused long after its order had come, and long before it went.
    let mut refused = base;
    let open = first_order(&refused, |row| is_in("open")(row) && row.id.ends_with('2'));
    let sent_ns = refused.entries[open as usize].intended_ns;
    let later = refused
        .entries
        .iter_mut()
        .find(|entry| entry.kind == OrderKind::Cancel && entry.intended_ns > sent_ns + 100 * MS);
    let later = later.unwrap();
    (later.outcome, later.target) = (Some(Outcome::Rejected), Some(open));
    let (verdict, text, why) = told(&refused, "history");
    assert_eq!(verdict, Verdict::Fail, "{text}; {why}");
}

#[test]
fn a_replace_that_is_asked_for_again_may_be_done_again() {
    let mut market = market();
    let first = market.entries.len() - 5;
    let mut before = market.clone();
    before.entries.truncate(first);
    let book = before.done().book;
    let best_ask = book.queue_of(Side::Sell).next().unwrap().1.price_ticks;
    let like = market.entries[first];
    let mut put = |at: usize, kind, side, price_ticks, lots| {
        let intended_ns = market.entries[first + at].intended_ns;
        market.entries[first + at] = Entry {
            intended_ns,
            sent_ns: Some(intended_ns),
            done_ns: Some(intended_ns + MS),
            kind,
            side,
            price_ticks,
            quantity_lots: lots,
            target: (kind == OrderKind::Replace).then_some(first as u64),
            sequence: None,
            outcome: Some(Outcome::Acked),
            ..like
        };
    };
    let low = 4_999_500;
    put(0, OrderKind::New, Side::Buy, low - 1, 1_000_000);
    put(1, OrderKind::Replace, Side::Buy, low, 1_000_000);
    // Nobody hears of this one, which takes all that stands at the best price, and rests there.
    put(2, OrderKind::Replace, Side::Buy, best_ask, 1_000_000);
    put(3, OrderKind::Replace, Side::Buy, low, 1_000_000);
    put(4, OrderKind::New, Side::Sell, best_ask, 1);
    let market = market.unanswered(first as u64 + 2, true);
    let run = unnumbered(market.run());
    assert!(
        run.trades
            .iter()
            .flatten()
            .any(|trade| trade.taker == order_id(first as u64))
    );
    passes(&run, "history");
}

#[test]
fn requests_that_never_stop_to_overlap_leave_it_open() {
    let mut market = market();
    let together = 1_000..1_300;
    let end_ns = market.entries[together.end].intended_ns;
    for entry in &mut market.entries[together] {
        if entry.outcome == Some(Outcome::Acked) {
            entry.done_ns = Some(end_ns);
        }
    }
    let run = unnumbered(market.run());
    is_open(&run, "history", "overlap without a moment");
    is_open(&run, "history", "lower the rate");
    let history = run.judge().record.history.unwrap();
    let left = history.search.as_ref().unwrap().left;
    assert!(left > 4_000 && history.requests > 900, "{left} {history:?}");
    let (_, text, _) = told(&run, "history");
    assert!(text.contains("more left undecided"), "{text}");
    // What came before was decided, and what was found there stands.
    let cancelled = first_order(&run, is_in("cancelled"));
    let early = run.changed(cancelled, |row| {
        row.state = Some("open".into());
        row.remaining = row.quantity.clone();
    });
    fails(&early, "history", "no order of the");
}

#[test]
fn many_requests_without_an_answer_leave_it_open() {
    let base = market();
    let open = base.clone().done().book;
    let slots = |kind: OrderKind, is_open: bool| -> Vec<u64> {
        let all = base.entries.iter().enumerate().filter(|(_, entry)| {
            let target = entry.target.and_then(|target| open.open(target));
            let is_acked = entry.outcome == Some(Outcome::Acked);
            entry.kind == kind && is_acked && target.is_some() == is_open
        });
        all.map(|(slot, _)| slot as u64).collect()
    };
    let unanswered = |slots: &[u64]| {
        let market = slots
            .iter()
            .fold(base.clone(), |market, slot| market.unanswered(*slot, true));
        unnumbered(market.run())
    };
    let replaces = slots(OrderKind::Replace, true);
    assert!(replaces.len() > 60, "{}", replaces.len());
    passes(&unanswered(&replaces[replaces.len() - 3..]), "history");
    is_open(
        &unanswered(&replaces[..3]),
        "history",
        "steps in all windows",
    );
    is_open(&unanswered(&replaces[..60]), "history", "is undecided from");
    // That a cancel was done its order tells, and when does not matter once the order trades no more.
    let cancels = slots(OrderKind::Cancel, false);
    passes(&unanswered(&cancels[50..90]), "history");
}

#[test]
fn without_a_copy_nothing_is_concluded() {
    let run = unnumbered(market().run());
    let unread = run.clone().with(|event| {
        if let Event::ReadBack(done) = event
            && done.replica == "engine-2"
        {
            done.complete = false;
            done.reason = Some("connection refused".into());
        }
    });
    is_open(&unread, "history", "engine-2");
}
