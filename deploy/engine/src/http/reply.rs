//! Replies: JSON bodies, and how each outcome of a command is told to the client.

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use crate::command::{Answer, Fill};
use crate::gateway::Outcome;
use crate::instruments::Instrument;
use crate::metrics::{self, Counted, Family};

#[derive(Serialize)]
struct FillBody {
    trade_id: String,
    price: String,
    quantity: String,
}

#[derive(Serialize)]
struct AcceptedBody<'a> {
    state: &'static str,
    id: &'a str,
    order_id: String,
    sequence: u64,
    term: u64,
    filled: String,
    remaining: String,
    fills: Vec<FillBody>,
}

#[derive(Serialize)]
struct ReplacedBody<'a> {
    state: &'static str,
    id: &'a str,
    sequence: u64,
    remaining: String,
    fills: Vec<FillBody>,
}

/// A reply with this body.
pub fn body(status: StatusCode, body: impl Serialize) -> Response {
    (status, Json(body)).into_response()
}

/// Numbers in the format that is asked for.
pub fn metrics(families: &[Family], headers: &HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    match metrics::is_asked_for(accept.unwrap_or_default()) {
        true => {
            let messages = metrics::protobuf(families);
            ([(header::CONTENT_TYPE, metrics::PROTOBUF)], messages).into_response()
        }
        false => {
            let text = metrics::text(families);
            ([(header::CONTENT_TYPE, metrics::TEXT)], text).into_response()
        }
    }
}

/// There are too many orders; this one was not executed.
pub fn throttled(id: &str, reason: &str) -> Response {
    body(
        StatusCode::TOO_MANY_REQUESTS,
        json!({ "state": "throttled", "id": id, "reason": reason }),
    )
}

/// The request makes no sense; `reason` is for people.
pub fn malformed(reason: &str) -> Response {
    body(
        StatusCode::BAD_REQUEST,
        json!({ "state": "malformed", "reason": reason }),
    )
}

/// The command came; what becomes of it is reported.
pub fn taken(id: &str) -> Response {
    body(StatusCode::ACCEPTED, json!({ "state": "taken", "id": id }))
}

/// There is nothing of that kind here.
pub fn not_found(what: &str) -> Response {
    body(
        StatusCode::NOT_FOUND,
        json!({ "state": "not-found", "reason": what }),
    )
}

/// What became of the command about the order `id`, and how that is counted.
pub fn outcome(id: &str, outcome: &Outcome) -> (Counted, Response) {
    match outcome {
        Outcome::Answered(answer) => self::answer(id, answer),
        Outcome::Unavailable(why) => (
            Counted::Unavailable,
            body(
                StatusCode::SERVICE_UNAVAILABLE,
                json!({ "state": "unavailable", "id": id, "reason": why.as_str() }),
            ),
        ),
        Outcome::Unknown(why) => (
            Counted::Unknown,
            body(
                StatusCode::SERVICE_UNAVAILABLE,
                json!({ "state": "unknown", "id": id, "reason": why.as_str() }),
            ),
        ),
    }
}

fn answer(id: &str, answer: &Answer) -> (Counted, Response) {
    match answer {
        Answer::Accepted {
            order_id,
            sequence,
            term,
            instrument,
            filled_lots,
            remaining_lots,
            fills,
        } => {
            let accepted = AcceptedBody {
                state: "accepted",
                id,
                order_id: order_id.to_string(),
                sequence: *sequence,
                term: *term,
                filled: instrument.get().quantity_text(*filled_lots),
                remaining: instrument.get().quantity_text(*remaining_lots),
                fills: fill_bodies(instrument.get(), fills),
            };
            (Counted::Accepted, body(StatusCode::CREATED, accepted))
        }
        Answer::Rejected { reason } => plain(
            Counted::Rejected,
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({ "state": "rejected", "id": id, "reason": reason.as_str() }),
        ),
        Answer::Cancelled { sequence } => {
            cancelled(json!({ "state": "cancelled", "id": id, "sequence": sequence }))
        }
        Answer::Replaced {
            sequence,
            instrument,
            remaining_lots,
            fills,
        } => {
            let replaced = ReplacedBody {
                state: "replaced",
                id,
                sequence: *sequence,
                remaining: instrument.get().quantity_text(*remaining_lots),
                fills: fill_bodies(instrument.get(), fills),
            };
            (Counted::Replaced, body(StatusCode::OK, replaced))
        }
        Answer::TooLate { status } => plain(
            Counted::TooLate,
            StatusCode::CONFLICT,
            json!({ "state": "too-late", "id": id, "status": status }),
        ),
        Answer::UnknownOrder => plain(
            Counted::UnknownOrder,
            StatusCode::NOT_FOUND,
            json!({ "state": "unknown-order", "id": id }),
        ),
        Answer::Ended { orders, .. } => {
            cancelled(json!({ "state": "ended", "orders": orders.len() }))
        }
        Answer::Killed { sequence, orders } => {
            cancelled(json!({ "state": "killed", "sequence": sequence, "orders": orders.len() }))
        }
    }
}

fn cancelled(told: serde_json::Value) -> (Counted, Response) {
    plain(Counted::Cancelled, StatusCode::OK, told)
}

fn plain(counted: Counted, status: StatusCode, told: serde_json::Value) -> (Counted, Response) {
    (counted, body(status, told))
}

fn fill_bodies(instrument: &Instrument, fills: &[Fill]) -> Vec<FillBody> {
    fills
        .iter()
        .map(|fill| FillBody {
            trade_id: fill.trade_id.to_string(),
            price: instrument.price_text(fill.price_ticks),
            quantity: instrument.quantity_text(fill.lots),
        })
        .collect()
}
