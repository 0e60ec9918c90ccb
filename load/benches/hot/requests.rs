//! Those of them that make requests and read answers.

use std::hint::black_box;

use serde_json::json;
use shakedown_load::flow::Flow;
use shakedown_load::http::{BaseUrl, Compiled, Decoder, Scratch, Vars, classify, take};
use shakedown_load::secret::Secrets;
use shakedown_record::Decimal;
use shakedown_scenarios::plan::{
    Answer, Arrival, Auth, Condition, Expected, Extract, Instrument, JsonPointer, LoadPlan, Mix,
    OrderAction, OrderShape, Request, SymbolShare, Take, Template, TemplatePart, Variable,
};

use super::Call;

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

/// What a slot asks.
pub fn draft() -> Option<Call> {
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
        workers: 1,
        timeout_ns: 1,
        shape: OrderShape::default(),
    };
    let flow = Flow::new(&plan, 7).ok()?;
    let mut slot = 0;
    Some(Box::new(move || {
        slot += 1;
        black_box(flow.draft(black_box(slot)));
    }))
}

/// A request patched into prepared bytes.
pub fn patch() -> Option<Call> {
    let entry = BaseUrl::resolve("http://127.0.0.1:8080").ok()?;
    let compiled = Compiled::new(&order(), &Auth::None, &Secrets::default(), &entry);
    let vars = Vars {
        id: Some("a1b2c3-1234567"),
        price: Some("50000.25"),
        quantity: Some("0.125"),
        ..Vars::default()
    };
    let (mut scratch, mut out) = (Scratch::default(), Vec::new());
    Some(Box::new(move || {
        out.clear();
        compiled.append(black_box(&vars), &mut scratch, &mut out);
        black_box(out.len());
    }))
}

/// An answer found in bytes.
pub fn parse() -> Call {
    let mut decoder = Decoder::new(true);
    Box::new(move || {
        let decoded = decoder.decode(black_box(ANSWER), false);
        black_box(matches!(decoded, Ok(Some((used, _))) if used == ANSWER.len()));
    })
}

/// What an answer means.
pub fn judge() -> Call {
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
        term: None,
    };
    let body = &ANSWER[ANSWER.len() - 75..];
    Box::new(move || {
        let classified = classify(&action, 201, black_box(body));
        let sequence = take(&taken, |_| None, body).sequence;
        black_box((classified, sequence));
    })
}
