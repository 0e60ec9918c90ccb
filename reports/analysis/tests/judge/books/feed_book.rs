//! The books that the feed tells beside those of the copies: what differs is found, and what the time of reading or a feed that
//! was not heard explains is not called wrong.

use shakedown_analysis::{Analysis, analyse};
use shakedown_record::event::ReadBackDone;
use shakedown_record::feed::{FeedConnection, FeedReport, FeedRow, FeedWriter};
use shakedown_record::feed_book::{BookEvent, BookFill, BookRow, BookWriter, Named};
use shakedown_record::readback::ReadKind;
use shakedown_scenarios::plan::{FeedBookPlan, FeedCount, FeedPlan, FeedRule, FeedSnapshotPlan};

use super::*;

const CHECK: &str = "books";
const GONE: &str = "gone";

/// A market and what its feed told, from the start and to somebody who came in the middle.
#[derive(Clone)]
struct Told {
    run: Run,
    rows: Vec<BookRow>,
    late: Option<Vec<BookRow>>,
    report: FeedReport,
}

fn plan_of_feed() -> FeedPlan {
    let pointer = |text: &str| JsonPointer(text.into());
    FeedPlan {
        path: "/feed?after={{after}}".into(),
        sequence: pointer("/sequence"),
        made: None,
        order: Some(pointer("/id")),
        book: Some(FeedBookPlan {
            event: pointer("/event"),
            accepted: vec!["accepted".into()],
            replaced: vec!["replaced".into()],
            cancelled: vec!["cancelled".into()],
            symbol: pointer("/symbol"),
            side: pointer("/side"),
            price: pointer("/price"),
            quantity: pointer("/quantity"),
            remaining: Some(pointer("/remaining")),
            fills: pointer("/fills"),
            fill_maker: pointer("/maker"),
            fill_quantity: pointer("/quantity"),
            snapshot: Some(FeedSnapshotPlan {
                path: "/feed?snapshot=true".into(),
                events: vec!["snapshot".into()],
                orders: pointer("/orders"),
                more: None,
            }),
        }),
        clock_error_ns: None,
    }
}

fn lots(lots: u64) -> Option<Decimal> {
    quantity(lots).parse().ok()
}

fn slot_of(id: &str) -> u64 {
    id.rsplit('-').next().unwrap().parse().unwrap()
}

/// A row on an order at a price.
fn row(number: u64, event: BookEvent, (order, entry): (u64, &Entry)) -> BookRow {
    BookRow {
        order: Some(Named::Slot(order)),
        symbol: Some("BTCUSD".to_string()),
        side: Some(entry.side),
        price: price(entry.price_ticks).parse().ok(),
        quantity: lots(u64::from(entry.quantity_lots)),
        ..BookRow::new(ZERO + entry.done_ns.unwrap() + MS, number, event)
    }
}

/// What every request did, from number 1 on.
fn rows(market: &Market, done: &Done) -> Vec<BookRow> {
    let mut rows = Vec::new();
    let mut filled: BTreeMap<u64, u64> = BTreeMap::new();
    for (number, slot) in (1..).zip(done.sequences.keys()) {
        let entry = &market.entries[*slot as usize];
        let (event, order) = match (entry.kind, entry.target) {
            (OrderKind::Cancel, Some(order)) => (BookEvent::Cancelled, order),
            (OrderKind::Replace, Some(order)) => (BookEvent::Replaced, order),
            _ => (BookEvent::Accepted, *slot),
        };
        let terms = Entry {
            side: market.entries[order as usize].side,
            ..*entry
        };
        let mut fills = Vec::new();
        let by = slot.to_string();
        let trades = done.trades.iter();
        for trade in trades.filter(|it| it.sequence.as_deref() == Some(by.as_str())) {
            let maker = slot_of(&trade.maker);
            let traded = (trade.quantity.parse::<Decimal>().unwrap())
                .in_units_of("0.001".parse().unwrap())
                .unwrap() as u64;
            *filled.entry(maker).or_default() += traded;
            *filled.entry(order).or_default() += traded;
            fills.push(BookFill {
                maker: Some(Named::Slot(maker)),
                quantity: lots(traded),
            });
        }
        let taken = filled.get(&order).copied().unwrap_or(0);
        let rests = match event {
            BookEvent::Cancelled => 0,
            _ => u64::from(entry.quantity_lots) - taken,
        };
        rows.push(BookRow {
            remaining: lots(rests),
            fills,
            ..row(number, event, (order, &terms))
        });
    }
    rows
}

/// What rests once so many messages were told, as it is listed.
fn list(market: &Market, done: &Done, told: usize) -> Vec<BookRow> {
    let until = *done.sequences.keys().nth(told).unwrap();
    let mut begun = Market {
        entries: market.entries[..until as usize].to_vec(),
        silent: market.silent.clone(),
    };
    let begun = begun.done();
    let of = |event| BookRow::new(ZERO, told as u64, event);
    let mut rows = vec![of(BookEvent::Snapshot)];
    for (slot, entry) in (0..).zip(&market.entries[..until as usize]) {
        if let Some(open) = begun.book.open(slot) {
            let terms = Entry {
                side: entry.side,
                ..*begun.replaced.get(&slot).unwrap_or(entry)
            };
            rows.push(BookRow {
                remaining: lots(open.open_lots()),
                quantity: None,
                ..row(told as u64, BookEvent::Listed, (slot, &terms))
            });
        }
    }
    rows.push(of(BookEvent::Whole));
    rows
}

fn told() -> Told {
    let mut market = market();
    let done = market.done();
    let mut rows = rows(&market, &done);
    let half = rows.len() / 2;
    let mut late = list(&market, &done, half);
    rows.push(BookRow {
        order: Some(Named::Sentinel(0)),
        symbol: Some("BTCUSD".to_string()),
        side: Some(Side::Buy),
        price: price(4_999_000).parse().ok(),
        quantity: lots(1),
        remaining: lots(1),
        ..BookRow::new(ZERO + END - 1, rows.len() as u64 + 1, BookEvent::Accepted)
    });
    late.extend(rows[half..].iter().cloned());
    let connection = FeedConnection {
        url: "ws://engine-1".into(),
        from_mono_ns: ZERO - S,
        to_mono_ns: ZERO + END + S,
        ended: "the run ended".into(),
    };
    let report = FeedReport {
        messages: rows.len() as u64,
        connected: 1,
        connections: vec![connection],
        ..FeedReport::default()
    };
    let mut run = market.run();
    run.plan.rules = vec![
        rule(CHECK, RuleKind::Feed(FeedRule::Book)),
        rule(
            GONE,
            RuleKind::Feed(FeedRule::Count {
                what: FeedCount::Phantom,
                at_most: 0,
            }),
        ),
    ];
    run.plan.system.market_data.feed = Some(plan_of_feed());
    Told {
        run,
        rows,
        late: Some(late),
        report,
    }
}

impl Told {
    fn judge(&self) -> Analysis {
        let report = |report: &FeedReport| report.clone();
        let run = self
            .run
            .clone()
            .and(
                END + 2 * S,
                Event::FeedHeard {
                    report: report(&self.report),
                },
            )
            .and(
                END + 2 * S,
                Event::LateFeedHeard {
                    report: report(&self.report),
                },
            );
        let (_folder, dir) = run.write();
        let mut messages = FeedWriter::create(&dir.feed()).unwrap();
        for row in &self.rows {
            let slot = match &row.order {
                Some(Named::Slot(slot)) => Some(*slot),
                _ => None,
            };
            let row = FeedRow {
                received_ns: row.received_ns,
                sequence: row.sequence,
                age_ns: None,
                slot,
            };
            messages.write(&row).unwrap();
        }
        messages.flush().unwrap();
        let files = [
            (dir.feed_book(), Some(&self.rows)),
            (dir.feed_late(), self.late.as_ref()),
        ];
        for (path, rows) in files {
            if let Some(rows) = rows {
                let mut writer = BookWriter::create(&path).unwrap();
                rows.iter().for_each(|row| writer.write(row).unwrap());
                writer.flush().unwrap();
            }
        }
        analyse(&dir, &run.plan).unwrap()
    }

    fn told(&self, check: &str) -> (Verdict, String, String) {
        let analysis = self.judge();
        let check = the(&analysis, check);
        let text = check.observed.text.clone();
        (check.verdict, text, check.why.clone())
    }

    fn passes(&self) {
        let (verdict, text, why) = self.told(CHECK);
        assert_eq!(verdict, Verdict::Pass, "{text}; {why}");
    }

    fn fails(&self, words: &str) {
        let (verdict, text, why) = self.told(CHECK);
        assert_eq!(verdict, Verdict::Fail, "{text}; {why}");
        assert!(text.contains(words), "{text}");
    }

    fn is_open(&self, words: &str) {
        let (verdict, text, why) = self.told(CHECK);
        assert_eq!(verdict, Verdict::Inconclusive, "{text}; {why}");
        assert!(why.contains(words), "{why}");
    }

    /// Where the nth message of a kind stands that `is` one looks for.
    fn nth(&self, n: usize, is: impl Fn(&BookRow) -> bool) -> usize {
        (0..self.rows.len())
            .filter(|at| is(&self.rows[*at]))
            .nth(n)
            .unwrap()
    }

    /// An order that rests in the end, by its slot.
    fn resting(&self) -> u64 {
        first_order(&self.run, is_in("open"))
    }

    /// A further message on an order, heard at a run time.
    fn then(mut self, at_ns: u64, event: BookEvent, slot: u64) -> Told {
        let last = self.rows.last().unwrap().sequence;
        self.rows.push(BookRow {
            order: Some(Named::Slot(slot)),
            remaining: lots(0),
            ..BookRow::new(ZERO + at_ns, last + 1, event)
        });
        self
    }

    /// Acknowledgements bear the feed's numbers, and each copy was read up to this one.
    fn marked(mut self, mark: u64) -> Told {
        for row in self.rows.clone() {
            if let (BookEvent::Accepted, Some(Named::Slot(slot))) = (row.event, &row.order) {
                self.run.entries[*slot as usize].sequence = Some(row.sequence);
            }
        }
        self.run = self.run.with(|event| {
            if let Event::ReadBack(ReadBackDone {
                read: ReadKind::Converged,
                watermark,
                ..
            }) = event
            {
                *watermark = Some(mark);
            }
        });
        self
    }
}

#[test]
fn books_that_are_those_of_every_copy_pass_also_for_who_came_late() {
    let told = told();
    told.passes();
    let found = told.judge().record.feed_book.unwrap();
    assert_eq!(
        (found.contradictions, found.open, found.copies),
        (0, None, 3)
    );
    assert!(found.orders > 100 && found.late.unwrap() > 100);
    assert!(told.rows.iter().filter(|row| !row.fills.is_empty()).count() > 10);
    assert_eq!(told.told(GONE).0, Verdict::Pass);
}

#[test]
fn what_can_still_trade_follows_from_fills_where_it_is_not_told() {
    let mut told = told();
    for row in &mut told.rows {
        row.remaining = None;
    }
    told.late = None;
    let feed = told.run.plan.system.market_data.feed.as_mut().unwrap();
    feed.book.as_mut().unwrap().snapshot = None;
    told.passes();
    let is_part = |row: &Row| is_in("open")(row) && row.filled != Some(quantity(0));
    let order = Some(Named::Slot(first_order(&told.run, is_part)));
    let fill = told.nth(0, |row| {
        let is_maker = row.fills.iter().any(|fill| fill.maker == order);
        is_maker || (row.order == order && !row.fills.is_empty())
    });
    for fill in &mut told.rows[fill].fills {
        fill.quantity = lots(999);
    }
    told.fails("by the feed");
}

#[test]
fn a_quantity_that_is_told_otherwise_is_found() {
    let mut told = told();
    let slot = told.resting();
    let at = told.nth(0, |row| row.order == Some(Named::Slot(slot)));
    told.rows[at].remaining = lots(777);
    told.late = told.late.map(|late| {
        let changed = |row: BookRow| match row.order == Some(Named::Slot(slot)) {
            true => BookRow {
                remaining: lots(777),
                ..row
            },
            false => row,
        };
        late.into_iter().map(changed).collect()
    });
    told.fails("on engine-1, engine-2, engine-3, and open to");
    let analysis = told.judge();
    let found = analysis.record.feed_book.unwrap();
    assert_eq!(found.contradictions, 1, "{:?}", found.examples);
    assert!(found.examples[0].starts_with(&order_id(slot)));
}

#[test]
fn a_cancel_that_is_not_told_is_found_though_no_number_is_missing() {
    let mut told = told();
    let at = told.nth(2, |row| row.event == BookEvent::Cancelled);
    let number = told.rows[at].sequence;
    told.rows[at] = BookRow::new(told.rows[at].received_ns, number, BookEvent::Other);
    told.late = None;
    told.fails("is not open on engine-1, engine-2, engine-3, and open to");
}

#[test]
fn a_copy_that_lacks_an_order_is_named_alone() {
    let mut told = told();
    let slot = told.resting();
    told.run = told.run.copy("engine-2", |rows| {
        rows.retain(|row| row.id != order_id(slot))
    });
    told.fails("is not open on engine-2, and open to");
}

#[test]
fn what_became_of_an_order_while_the_copies_were_read_they_may_show_or_not() {
    let slot = told().resting();
    let sound = told().then(END, BookEvent::Cancelled, slot);
    sound.passes();
    let cancelled = |told: Told| Told {
        run: told.run.clone().changed(slot, |row| {
            row.state = Some("cancelled".into());
            row.remaining = Some("0".into());
        }),
        ..told
    };
    cancelled(sound.clone()).passes();
    // Told only when the copies had been read: nobody can say whether it was so before.
    let later = told().then(END + S, BookEvent::Cancelled, slot);
    later.passes();
    cancelled(later.clone()).is_open("1 orders differ, which messages that came after the read");
    // A copy that says up to which number it was read at least leaves less to doubt.
    let last = later.rows.last().unwrap().sequence;
    cancelled(later.clone().marked(last - 1)).is_open("may explain");
    cancelled(later.clone().marked(last)).passes();
    later.clone().marked(last).fails("and not open by the feed");
    later.marked(last + 1).is_open("was read up to");
}

#[test]
fn what_was_not_heard_proves_nothing() {
    let mut gap = told();
    gap.rows.remove(500);
    gap.is_open("1 numbers never came before the copies were read, the first of them 501");
    let mut deaf = told();
    deaf.report.connections[0].from_mono_ns = ZERO + 1;
    deaf.is_open("not heard from the first order on");
    let mut full = told();
    full.report.unwritten = Some("no space left on device".into());
    full.is_open("no space left");
    let mut short = told();
    short.rows.pop();
    short.is_open("not heard up to the sentinel");
    let mut silent = told();
    silent.rows.clear();
    silent.is_open("nothing was heard");
    let mut unread = told();
    unread.run = unread.run.with(|event| {
        if let Event::ReadBack(done) = event
            && done.replica == "engine-3"
        {
            done.complete = false;
            done.reason = Some("it is gone".into());
        }
    });
    unread.is_open("it is gone");
}

#[test]
fn messages_that_cannot_be_understood_prove_nothing() {
    type Spoil = fn(&mut BookRow);
    let spoilt: [(Spoil, &str); 5] = [
        (|row| row.order = None, "names no order"),
        (|row| row.price = None, "no price"),
        (
            |row| row.symbol = Some("XAU".into()),
            "no symbol of the load",
        ),
        (|row| row.side = None, "no side"),
        (
            |row| row.fills[0].maker = None,
            "does not name the order that rested",
        ),
    ];
    for (spoil, words) in spoilt {
        let mut told = told();
        let at = told.nth(1, |row| !row.fills.is_empty());
        spoil(&mut told.rows[at]);
        told.is_open(words);
    }
}

#[test]
fn orders_of_others_change_ours_only_by_what_they_trade() {
    let mut told = told();
    let theirs = |number| BookRow {
        order: Some(Named::Other("theirs".into())),
        ..BookRow::new(ZERO + END - 1, number, BookEvent::Accepted)
    };
    let last = told.rows.last().unwrap().sequence;
    told.rows.push(theirs(last + 1));
    told.passes();
    let slot = told.resting();
    let all = told.nth(0, |row| row.order == Some(Named::Slot(slot)));
    let fill = BookFill {
        maker: Some(Named::Slot(slot)),
        quantity: told.rows[all].remaining,
    };
    let sentinel = told.rows.len() - 2;
    told.rows.insert(
        sentinel,
        BookRow {
            symbol: Some("BTCUSD".into()),
            fills: vec![fill],
            ..theirs(last)
        },
    );
    told.rows[sentinel + 1].sequence = last + 1;
    told.rows[sentinel + 2].sequence = last + 2;
    told.late = None;
    told.fails("and not open by the feed");
}

#[test]
fn who_came_late_has_the_same_books_or_the_check_fails() {
    let mut wrong = told();
    let late = wrong.late.as_mut().unwrap();
    late[3].remaining = lots(777);
    wrong.fails("for who came late to the feed");
    let mut lacking = told();
    lacking.late.as_mut().unwrap().remove(3);
    lacking.fails("is not open at message");
    let mut otherwise = told();
    let late = otherwise.late.as_mut().unwrap();
    let at = late
        .iter()
        .rposition(|row| row.event == BookEvent::Cancelled);
    late[at.unwrap()].event = BookEvent::Other;
    otherwise.fails("for who came late to the feed");
}

#[test]
fn who_came_late_and_was_cut_off_proves_nothing_alone() {
    let mut none = told();
    none.late = None;
    none.is_open("who came late to the feed: it was told nothing");
    let mut cut = told();
    let late = cut.late.as_mut().unwrap();
    let whole = late
        .iter()
        .position(|row| row.event == BookEvent::Whole)
        .unwrap();
    let unfinished: Vec<BookRow> = late[..whole / 2].to_vec();
    late.truncate(whole / 2);
    cut.is_open("was not told to its end");
    // It comes again, and is told all of it.
    let mut again = told();
    let late = again.late.as_mut().unwrap();
    late.splice(0..0, unfinished);
    again.passes();
    let mut gap = told();
    gap.late.as_mut().unwrap().pop();
    gap.is_open("who came late to the feed: 1 numbers never came");
}

#[test]
fn an_order_that_was_told_of_and_is_on_no_copy_is_a_phantom_of_the_feed() {
    let mut told = told();
    let slot = told.resting();
    let id = order_id(slot);
    told.run = told
        .run
        .every_copy(|rows| rows.retain(|row| row.id != order_id(slot)));
    let (verdict, text, _) = told.told(GONE);
    assert_eq!(verdict, Verdict::Fail, "{text}");
    assert!(text.contains(&id), "{text}");
    assert_eq!(told.judge().record.feed.unwrap().phantom, Some(1));
    // One that is only named as what rested in a trade.
    for row in &mut told.rows {
        if row.order == Some(Named::Slot(slot)) {
            row.order = Some(Named::Other("theirs".into()));
        }
    }
    assert_eq!(told.told(GONE).0, Verdict::Pass);
    let maker = BookFill {
        maker: Some(Named::Slot(slot)),
        quantity: lots(1),
    };
    told.rows[700].fills.push(maker);
    assert_eq!(told.told(GONE).0, Verdict::Fail);
}

#[test]
fn phantoms_of_the_feed_need_every_copy_and_time_to_show() {
    let slot = told().resting();
    let mut unread = told();
    unread.run = unread
        .run
        .every_copy(|rows| rows.retain(|row| row.id != order_id(slot)));
    unread.run = unread.run.with(|event| {
        if let Event::ReadBack(done) = event
            && done.replica == "engine-3"
        {
            done.complete = false;
            done.reason = Some("it is gone".into());
        }
    });
    let (verdict, _, why) = unread.told(GONE);
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(why.contains("it is gone"), "{why}");
    // Told of behind the sentinel: the copies may have been read before.
    let late = told().then(END + S, BookEvent::Accepted, 9_999_999);
    assert_eq!(late.told(GONE).0, Verdict::Pass);
}
