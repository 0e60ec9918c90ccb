//! The engine's own order, replayed, and the invariants of books and trades: red on what contradicts, and only then.

mod disconnects;
mod drop_copy;
mod exposure;
mod feed_book;
mod history;
mod invariants;
mod kill_switch;
mod searched;
mod terms;
mod timed;

use std::collections::BTreeMap;

use shakedown_history::{Ask, Book, Effect};
use shakedown_record::event::{CopiedTrades, Event};
use shakedown_record::ledger::{Entry, OrderKind, Side};
use shakedown_record::readback::{ReadKind, Row, Trade};
use shakedown_record::{Decimal, Outcome, Verdict};
use shakedown_scenarios::plan::{JsonPointer, ReadBack, RuleKind};

use crate::build::*;
use crate::plan::rule;

const REPLICAS: [&str; 3] = ["engine-1", "engine-2", "engine-3"];

/// A market in which an engine does one request after another, in the order of the slots.
#[derive(Clone)]
struct Market {
    entries: Vec<Entry>,
    /// Requests that were done though nobody got an answer, and requests that nobody did.
    silent: Vec<u64>,
}

/// What the engine has in the end.
struct Done {
    book: Book,
    trades: Vec<Trade>,
    replaced: BTreeMap<u64, Entry>,
    cancelled: BTreeMap<u64, u64>,
    sequences: BTreeMap<u64, u64>,
}

fn ask_of(entry: &Entry) -> Ask {
    let (price_ticks, lots) = (entry.price_ticks, entry.quantity_lots);
    match (entry.kind, entry.target) {
        (OrderKind::Cancel, Some(order)) => Ask::Cancel { order },
        (OrderKind::Replace, Some(order)) => Ask::Replace {
            order,
            price_ticks,
            lots,
        },
        _ => Ask::New {
            side: entry.side,
            price_ticks,
            lots,
        },
    }
}

/// The market of the synthetic runs; what its book refuses is rejected.
fn market() -> Market {
    let mut entries = Run::healthy().entries;
    // Around one price, so that some trade at once, some later, some never.
    for (slot, entry) in (0u64..).zip(&mut entries) {
        let spread = (slot.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 41;
        let away = match entry.side {
            Side::Buy => -8,
            Side::Sell => 8,
        };
        entry.price_ticks = 5_000_000 + spread as i64 - 20 + away;
    }
    let mut market = Market {
        entries,
        silent: Vec::new(),
    };
    let mut book = Book::default();
    for (slot, entry) in market.entries.iter_mut().enumerate() {
        if entry.outcome != Some(Outcome::Acked) {
            continue;
        }
        if let Effect::Refused(_) = book.apply(slot as u64, &ask_of(entry)) {
            entry.outcome = Some(Outcome::Rejected);
            entry.sequence = None;
        }
    }
    market
}

impl Market {
    /// A request that gets no answer, whether it is done or not.
    fn unanswered(mut self, slot: u64, is_done: bool) -> Market {
        let entry = &mut self.entries[slot as usize];
        entry.outcome = Some(Outcome::Timeout);
        entry.sequence = None;
        entry.done_ns = Some(entry.intended_ns + TIMEOUT);
        if is_done {
            self.silent.push(slot);
        }
        self
    }

    fn does(&self, slot: u64) -> bool {
        let outcome = self.entries[slot as usize].outcome;
        outcome == Some(Outcome::Acked) || self.silent.contains(&slot)
    }

    fn done(&mut self) -> Done {
        let mut done = Done {
            book: Book::default(),
            trades: Vec::new(),
            replaced: BTreeMap::new(),
            cancelled: BTreeMap::new(),
            sequences: BTreeMap::new(),
        };
        for slot in 0..self.entries.len() as u64 {
            if !self.does(slot) {
                continue;
            }
            let entry = self.entries[slot as usize];
            let mark = done.book.mark();
            let effect = done.book.apply(slot, &ask_of(&entry));
            if let Effect::Refused(_) = effect {
                // What was answered otherwise before an earlier request was changed.
                self.entries[slot as usize].outcome = Some(Outcome::Rejected);
                self.entries[slot as usize].sequence = None;
                continue;
            }
            done.sequences.insert(slot, slot);
            let taker = match (entry.kind, entry.target) {
                (OrderKind::Cancel, Some(order)) => {
                    done.cancelled.insert(order, slot);
                    continue;
                }
                (OrderKind::Replace, Some(order)) => {
                    done.replaced.insert(order, entry);
                    order
                }
                _ => slot,
            };
            let traded = done.book.traded(mark);
            for (maker, lots) in traded.into_iter().filter(|(order, _)| *order != taker) {
                done.trades.push(Trade {
                    id: (done.trades.len() + 1).to_string(),
                    maker: order_id(maker),
                    taker: order_id(taker),
                    price: price(self.entries[maker as usize].price_ticks),
                    quantity: quantity(lots),
                    sequence: Some(slot.to_string()),
                });
            }
        }
        done
    }

    /// The run whose copies hold what the engine has in the end.
    fn run(mut self) -> Run {
        let done = self.done();
        let mut run = Run {
            entries: self.entries.clone(),
            ..Run::healthy()
        };
        run.plan.rules = vec![
            rule("history", RuleKind::Linearizable),
            rule("invariants", RuleKind::Invariants),
        ];
        if let Some(ReadBack::List { fields, .. }) = &mut run.plan.system.read_back {
            let at = |name: &str| Some(JsonPointer(name.into()));
            fields.filled_states = vec!["filled".into()];
            (fields.filled, fields.remaining) = (at("/filled"), at("/left"));
            fields.sequence = at("/seq");
            fields.replaced_sequence = at("/replaced");
            fields.cancelled_sequence = at("/cancelled");
        }
        run = run.refill();
        let orders = self.entries.iter().enumerate();
        let mut rows: Vec<Row> = orders
            .filter(|(slot, entry)| {
                entry.kind == OrderKind::New && done.sequences.contains_key(&(*slot as u64))
            })
            .map(|(slot, entry)| row(&done, slot as u64, entry))
            .collect();
        rows.push(sentinel());
        for replica in REPLICAS {
            run = run.copy(replica, |all| *all = rows.clone());
        }
        run.trades(done.trades)
    }
}

fn price(ticks: i64) -> String {
    let tick: Decimal = "0.01".parse().unwrap();
    tick.times(ticks).to_string()
}

fn quantity(lots: u64) -> String {
    let lot: Decimal = "0.001".parse().unwrap();
    lot.times(lots as i64).to_string()
}

fn row(done: &Done, slot: u64, entry: &Entry) -> Row {
    let values = done.replaced.get(&slot).unwrap_or(entry);
    let open = done.book.open(slot);
    let filled = done.book.filled_lots(slot).unwrap();
    let number = |sequence: &u64| sequence.to_string();
    let state = match open {
        Some(_) => "open",
        None if filled == u64::from(values.quantity_lots) => "filled",
        None => "cancelled",
    };
    let replaces = done.replaced.get(&slot);
    Row {
        id: order_id(slot),
        found: true,
        price: Some(price(values.price_ticks)),
        quantity: Some(quantity(u64::from(values.quantity_lots))),
        symbol: Some("BTCUSD".into()),
        side: Some(
            if entry.side == Side::Buy {
                "buy"
            } else {
                "sell"
            }
            .into(),
        ),
        state: Some(state.into()),
        filled: Some(quantity(filled)),
        remaining: Some(quantity(open.map_or(0, |open| open.open_lots()))),
        sequence: done.sequences.get(&slot).map(number),
        replaced_sequence: replaces.map(|entry| (entry.intended_ns * RATE / S).to_string()),
        cancelled_sequence: done.cancelled.get(&slot).map(number),
    }
}

/// A buy of one lot below everything else, behind everything else.
fn sentinel() -> Row {
    Row {
        id: format!("{PREFIX}-s0"),
        found: true,
        price: Some(price(4_999_000)),
        quantity: Some(quantity(1)),
        symbol: Some("BTCUSD".into()),
        side: Some("buy".into()),
        state: Some("open".into()),
        filled: Some(quantity(0)),
        remaining: Some(quantity(1)),
        sequence: Some("1000000".into()),
        ..Row::default()
    }
}

impl Run {
    /// Every copy tells these trades.
    fn trades(mut self, trades: Vec<Trade>) -> Run {
        let rows = trades.len() as u64;
        self.trades = Some(trades);
        self.with(|event| {
            if let Event::ReadBack(done) = event {
                done.trades = Some(CopiedTrades {
                    rows,
                    incomplete: None,
                });
            }
        })
    }

    /// No copy tells of trades.
    fn without_trades(mut self) -> Run {
        self.trades = None;
        self.with(|event| {
            if let Event::ReadBack(done) = event {
                done.trades = None;
            }
        })
    }

    /// Changes the row of an order on every copy.
    fn changed(self, slot: u64, change: impl Fn(&mut Row)) -> Run {
        self.every_copy(|rows| {
            let row = rows.iter_mut().find(|row| row.id == order_id(slot));
            change(row.unwrap());
        })
    }
}

/// The first order of which the rows say something.
fn first_order(run: &Run, is: impl Fn(&Row) -> bool) -> u64 {
    let row = run.rows["engine-1"].iter().find(|row| is(row)).unwrap();
    let number = row.id.rsplit('-').next().unwrap();
    number.parse().unwrap()
}

fn is_in(state: &'static str) -> impl Fn(&Row) -> bool {
    move |row| row.state.as_deref() == Some(state) && row.id != sentinel().id
}

fn told(run: &Run, check: &str) -> (Verdict, String, String) {
    let analysis = run.judge();
    let check = the(&analysis, check);
    (
        check.verdict,
        check.observed.text.clone(),
        check.why.clone(),
    )
}

fn passes(run: &Run, check: &str) {
    let (verdict, text, why) = told(run, check);
    assert_eq!(verdict, Verdict::Pass, "{text}; {why}");
}

fn fails(run: &Run, check: &str, words: &str) {
    let (verdict, text, why) = told(run, check);
    assert_eq!(verdict, Verdict::Fail, "{text}; {why}");
    assert!(text.contains(words), "{text}");
}

fn is_open(run: &Run, check: &str, words: &str) {
    let (verdict, text, why) = told(run, check);
    assert_eq!(verdict, Verdict::Inconclusive, "{text}; {why}");
    assert!(why.contains(words), "{why}");
}
