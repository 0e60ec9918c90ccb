//! What one request costs the generator, function by function.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;
use shakedown_load::flow::Flow;
use shakedown_load::http::{BaseUrl, Compiled, Decoder, Scratch, Vars, classify, take};
use shakedown_load::pacing::Schedule;
use shakedown_load::secret::Secrets;
use shakedown_record::ledger::{Entry, LedgerWriter, OrderKind, Side};
use shakedown_record::slots::SlotTally;
use shakedown_record::{Decimal, Outcome};
use shakedown_scenarios::plan::{
    Answer, Arrival, Auth, Condition, Expected, Extract, Hawkes, Instrument, JsonPointer, LoadPlan,
    Mix, OrderAction, OrderShape, Request, Spacing, SymbolShare, Take, Template, TemplatePart,
    Variable,
};

const ANSWER: &[u8] =
    b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 75\r\n\
    date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n\
    {\"id\":\"a1b2c3-1234567\",\"state\":\"ACCEPTED\",\"seq\":1234567,\"node\":\"engine-2\"}  ";

fn order() -> Request {
    let text = |text: &str| TemplatePart::Text(text.to_string());
    let hole = |variable| TemplatePart::Hole {
        variable,
        filters: Vec::new(),
    };
    Request {
        method: "POST".into(),
        path: Template::literal("/v1/orders"),
        headers: Vec::new(),
        body: Some(Template {
            parts: vec![
                text("{\"id\":\""),
                hole(Variable::Id),
                text("\",\"px\":\""),
                hole(Variable::Price),
                text("\",\"qty\":\""),
                hole(Variable::Quantity),
                text("\"}"),
            ],
        }),
    }
}

fn schedule(c: &mut Criterion) {
    for (name, arrival) in [
        (
            "constant",
            Arrival::Constant {
                rate_per_s: 29_999.0,
            },
        ),
        (
            "poisson",
            Arrival::Poisson {
                rate_per_s: 29_999.0,
            },
        ),
        (
            "ramp",
            Arrival::Ramp {
                from_per_s: 10_000.0,
                to_per_s: 29_999.0,
                begins_ns: 0,
                over_ns: 3_600_000_000_000,
                spacing: Spacing::Even,
            },
        ),
        (
            "hawkes",
            Arrival::Hawkes(Hawkes {
                rate_per_s: 29_999.0,
                branching: 0.9,
                decays_ns: vec![1_000_000, 10_000_000, 100_000_000, 1_000_000_000],
            }),
        ),
    ] {
        let mut schedule = Schedule::new(arrival, 7);
        c.bench_function(&format!("schedule/{name}"), |b| {
            b.iter(|| schedule.advance())
        });
    }
}

fn draft(c: &mut Criterion) {
    let plan = LoadPlan {
        arrival: Arrival::Constant { rate_per_s: 1.0 },
        mix: Mix {
            new: 70,
            cancel: 25,
            replace: 5,
            oversized: 0,
        },
        symbols: vec![SymbolShare {
            name: "BTCUSD".into(),
            share: 1.0,
            instrument: Instrument {
                tick: Decimal::new(1, 2),
                lot: Decimal::new(1, 3),
                around_ticks: 5_000_000,
                band_ticks: 1_000,
                largest_lots: 500,
                oversized_lots: None,
            },
        }],
        accounts: vec!["A".into()],
        sessions: 1,
        threads: 1,
        timeout_ns: 1,
        shape: OrderShape::default(),
    };
    let Ok(flow) = Flow::new(&plan, 7) else {
        return;
    };
    let mut slot = 0;
    c.bench_function("draft", |b| {
        b.iter(|| {
            slot += 1;
            flow.draft(black_box(slot))
        });
    });
}

fn patch(c: &mut Criterion) {
    let Ok(entry) = BaseUrl::resolve("http://127.0.0.1:8080") else {
        return;
    };
    let compiled = Compiled::new(&order(), &Auth::None, &Secrets::default(), &entry);
    let vars = Vars {
        id: Some("a1b2c3-1234567"),
        price: Some("50000.25"),
        quantity: Some("0.125"),
        ..Vars::default()
    };
    let (mut scratch, mut out) = (Scratch::default(), Vec::new());
    c.bench_function("patch", |b| {
        b.iter(|| {
            out.clear();
            compiled.append(black_box(&vars), &mut scratch, &mut out);
            out.len()
        });
    });
}

fn parse(c: &mut Criterion) {
    let mut decoder = Decoder::new(true);
    c.bench_function("parse", |b| {
        b.iter(|| {
            let decoded = decoder.decode(black_box(ANSWER), false);
            matches!(decoded, Ok(Some((used, _))) if used == ANSWER.len())
        });
    });
}

fn judge(c: &mut Criterion) {
    let action = OrderAction {
        send: order(),
        acked: Answer {
            status: vec![201],
            conditions: vec![Condition {
                pointer: JsonPointer("/state".into()),
                expected: Expected::Literal(json!("ACCEPTED")),
            }],
        },
        rejected: None,
        throttled: None,
        too_late: None,
    };
    let taken = Take {
        server_id: None,
        sequence: Some(Extract::Pointer(JsonPointer("/seq".into()))),
        served_by: Some(Extract::Pointer(JsonPointer("/node".into()))),
    };
    let body = &ANSWER[ANSWER.len() - 75..];
    c.bench_function("judge", |b| {
        b.iter(|| {
            let classified = classify(&action, 201, black_box(body));
            let sequence = take(&taken, |_| None, body).sequence;
            (classified, sequence)
        });
    });
}

fn record(c: &mut Criterion) {
    let mut tally = SlotTally::default();
    c.bench_function("record", |b| {
        b.iter(|| {
            if tally.response_ns.len() > 10_000 {
                tally = SlotTally::default();
            }
            tally.add(Outcome::Acked, black_box(1_234_567), 890);
        });
    });
}

fn ledger(c: &mut Criterion) {
    let Ok(folder) = tempfile::tempdir() else {
        return;
    };
    let mut writer = LedgerWriter::new(folder.path());
    let entry = Entry {
        intended_ns: 1,
        sent_ns: Some(2),
        done_ns: Some(3),
        lag_ns: 1,
        kind: OrderKind::New,
        side: Side::Buy,
        symbol: 0,
        account: 0,
        session: 3,
        price_ticks: 5_000_000,
        quantity_lots: 10,
        target: None,
        sequence: Some(9),
        served_by: 1,
        outcome: Some(Outcome::Acked),
    };
    let mut slot = 0;
    c.bench_function("ledger", |b| {
        b.iter(|| {
            slot = (slot + 1) % (1 << 20);
            writer.put(slot, black_box(&entry)).is_ok()
        });
    });
}

criterion_group!(
    hot_path, schedule, draft, patch, parse, judge, record, ledger
);
criterion_main!(hot_path);
