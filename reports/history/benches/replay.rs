//! What judging a history costs: `cargo bench --workspace --bench replay`.
//!
//! One symbol, 35 % cancels, nine prices, 1 to 20 lots, four requests on their way at a time: a busy book, since replays of
//! quiet ones are cheaper.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use shakedown_history::{
    Ask, Book, Effect, Learned, Limits, Operation, Reading, Testimony, Window, replay, search,
    search_windows,
};
use shakedown_record::ledger::Side;

/// Time between two requests, and from sending to answer, in nanoseconds.
const EVERY_NS: u64 = 10_000;
const TAKES_NS: u64 = 4 * EVERY_NS;

/// A true history of so many requests.
fn history(count: u64) -> Vec<Operation> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut book = Book::default();
    let operation = |number: u64| {
        let ask = match random.random_bool(0.35) {
            true => Ask::Cancel {
                order: random.random_range(number.saturating_sub(200)..=number),
            },
            false => Ask::New {
                side: match random.random_bool(0.5) {
                    true => Side::Buy,
                    false => Side::Sell,
                },
                price_ticks: random.random_range(96..=104),
                lots: random.random_range(1..=20),
            },
        };
        let effect = book.apply(number, &ask);
        book.settle();
        let at_ns = number * EVERY_NS + TAKES_NS;
        let before_ns = random.random_range(0..TAKES_NS);
        Operation {
            number,
            ask,
            sent_ns: at_ns - before_ns,
            answered_ns: Some(at_ns - before_ns + TAKES_NS),
            learned: match effect {
                Effect::Done { filled_lots } => Learned::Done {
                    filled_lots: Some(filled_lots),
                },
                Effect::Refused(_) => Learned::Refused,
            },
            sequence: matches!(effect, Effect::Done { .. }).then_some(number),
        }
    };
    (0..count).map(operation).collect()
}

fn all(c: &mut Criterion) {
    let mut group = c.benchmark_group("history");
    let operations = history(100_000);
    group.throughput(Throughput::Elements(operations.len() as u64));
    group.bench_function("replay", |b| {
        b.iter(|| {
            replay(black_box(&Testimony {
                operations: &operations,
                ..Testimony::default()
            }))
        });
    });
    let operations = history(200);
    let before = Book::default();
    group.throughput(Throughput::Elements(operations.len() as u64));
    group.bench_function("search", |b| {
        b.iter_batched(
            || Window {
                operations: &operations,
                before: &before,
                reading: Reading::default(),
            },
            |window| search(black_box(&window), u64::MAX),
            BatchSize::SmallInput,
        );
    });
    // Slower by six times: two requests in three on their way at a time, as on a slow lane.
    let slow = history(10_000).into_iter().map(|one| {
        let later_ns = 5 * EVERY_NS * one.number;
        Operation {
            sent_ns: one.sent_ns + later_ns,
            answered_ns: one.answered_ns.map(|ns| ns + later_ns),
            ..one
        }
    });
    let slow: Vec<Operation> = slow.collect();
    group.throughput(Throughput::Elements(slow.len() as u64));
    group.bench_function("windows", |b| {
        b.iter(|| search_windows(black_box(&slow), &Reading::default(), &Limits::USUAL));
    });
    group.finish();
}

criterion_group!(benches, all);
criterion_main!(benches);
