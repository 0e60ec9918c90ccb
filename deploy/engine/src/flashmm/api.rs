//! The API: orders, which are kept before they are acknowledged; ticks; what was traded; health and metrics.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::database::{Database, Kept, QuoteRow};
use super::market::{LISTED, Market};
use super::stats::Stats;
use crate::decimal::Decimal;
use crate::defects::Defects;
use crate::http::reply;
use crate::maker::{Books, Quote, Said, Shop, trading};
use crate::metrics::{Counted, Usage};

const DEFAULT_ROWS: i64 = 5_000;

/// What the handlers work with.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) name: String,
    pub(super) market: Market,
    pub(super) stats: Arc<Stats>,
    pub(super) database: Database,
    pub(super) books: Books,
    pub(super) defects: Defects,
    pub(super) venue: mpsc::Sender<Said>,
    pub(super) usage: Usage,
}

/// `?after=CURSOR&limit=N`
#[derive(Deserialize)]
struct PageQuery {
    #[serde(default)]
    after: String,
    limit: Option<i64>,
}

pub(super) fn routes(api: Api) -> Router {
    let shop = Shop {
        name: api.name.clone(),
        books: api.books.clone(),
        defects: api.defects.clone(),
        quotes: api.venue.clone(),
    };
    Router::new()
        .route("/orders", post(order).get(orders))
        .with_state(api.clone())
        .merge(trading(shop))
        .layer(from_fn_with_state(api.clone(), timed))
        .merge(beside(api))
}

fn beside(api: Api) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/health/ready", get(health))
        .route("/health/live", get(live))
        .route("/version", get(version))
        .route("/metrics", get(metrics))
        .with_state(api)
}

/// Counts and times what changes anything.
async fn timed(State(api): State<Api>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let response = next.run(request).await;
    if changes {
        let status = response.status();
        let counted = match status.as_u16() {
            200..=299 => Counted::Accepted,
            500.. => Counted::Unavailable,
            _ => Counted::Malformed,
        };
        if status.is_server_error() {
            api.stats.error();
        }
        api.stats.requests.answered(counted, began.elapsed());
    }
    response
}

/// `POST /orders`: kept, acknowledged, and on its way to the venue.
async fn order(State(api): State<Api>, Json(quote): Json<Quote>) -> Response {
    let price = match check(&quote) {
        Ok(price) => price,
        Err(why) => return reply::malformed(&why),
    };
    let kept = api
        .database
        .keep_order(QuoteRow::of(&quote, &api.name))
        .await;
    let told = |state: &str| json!({ "state": state, "id": quote.id, "node": api.name });
    match kept {
        Kept::Committed => {}
        Kept::Lost => {
            return reply::body(StatusCode::SERVICE_UNAVAILABLE, told("unavailable"));
        }
        Kept::Unknown => return reply::body(StatusCode::SERVICE_UNAVAILABLE, told("unknown")),
    }
    api.market.saw(&quote.symbol, price, Instant::now());
    if api.books.quote(&quote) && api.venue.try_send(Said::Quote(quote.clone())).is_err() {
        tracing::warn!("too many orders wait for the venue");
    }
    reply::body(StatusCode::CREATED, told("accepted"))
}

/// The price of an order that makes sense.
fn check(quote: &Quote) -> Result<f64, String> {
    if quote.id.is_empty() || quote.id.len() > 64 || quote.id.chars().any(char::is_control) {
        return Err("id must have 1 to 64 bytes, and no control characters".to_owned());
    }
    if !LISTED.iter().any(|it| it.symbol == quote.symbol) {
        return Err(format!("symbol `{}` is not traded here", quote.symbol));
    }
    if !matches!(quote.side.as_str(), "buy" | "sell") {
        return Err("side must be buy or sell".to_owned());
    }
    for (field, text) in [("price", &quote.price), ("quantity", &quote.quantity)] {
        let number = Decimal::parse(text).map_err(|error| format!("{field}: {error}"))?;
        if number.to_string().parse().is_ok_and(|it: f64| it <= 0.0) {
            return Err(format!("{field} must be above zero"));
        }
    }
    quote
        .price
        .parse()
        .map_err(|_| "price is no number".to_owned())
}

/// `GET /orders`: what the database has.
async fn orders(State(api): State<Api>, Query(query): Query<PageQuery>) -> Response {
    let Ok(after) = query
        .after
        .parse()
        .or_else(|error| match query.after.as_str() {
            "" => Ok(0),
            _ => Err(error),
        })
    else {
        return reply::malformed("`after` must be a cursor that this endpoint gave out");
    };
    let limit = query.limit.unwrap_or(DEFAULT_ROWS).clamp(1, DEFAULT_ROWS);
    match api.database.orders(after, limit).await {
        Ok(rows) => {
            let is_last = i64::try_from(rows.len()).is_ok_and(|count| count < limit);
            let next = rows
                .last()
                .filter(|_| !is_last)
                .map(|row| row.0.to_string());
            let rows: Vec<Value> = rows
                .into_iter()
                .map(|(n, [id, symbol, side, price, quantity])| {
                    json!({ "n": n, "id": id, "symbol": symbol, "side": side, "price": price, "quantity": quantity })
                })
                .collect();
            reply::body(StatusCode::OK, json!({ "orders": rows, "next": next }))
        }
        Err(why) => {
            let told = json!({ "state": "unavailable", "reason": why });
            reply::body(StatusCode::SERVICE_UNAVAILABLE, told)
        }
    }
}

/// `GET /health`: it takes orders.
async fn health(State(api): State<Api>) -> Response {
    let is_well = api.database.is_well();
    let (status, word) = match is_well {
        true => (StatusCode::OK, "healthy"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
    };
    let body = json!({ "status": word, "name": api.name, "database": is_well });
    reply::body(status, body)
}

/// `GET /health/live`: the process answers.
async fn live(State(api): State<Api>) -> Response {
    let body = json!({ "status": "live", "name": api.name });
    reply::body(StatusCode::OK, body)
}

async fn version(State(api): State<Api>) -> Response {
    let body = json!({
        "name": "shakedown-flashmm",
        "version": env!("CARGO_PKG_VERSION"),
        "defects": api.defects.names(),
    });
    reply::body(StatusCode::OK, body)
}

async fn metrics(State(api): State<Api>, headers: HeaderMap) -> Response {
    reply::metrics(&api.stats.families(&api.usage), &headers)
}
