//! Everything that hft serves over HTTP, at one port.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRef, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::json;
use tokio::sync::oneshot;

use super::floor::Floor;
use super::queue::{Ask, Done};
use crate::command::Command;
use crate::gateway::{Outcome, Unknown};
use crate::http::body::{NewBody, ReplaceBody, check_name, new_order_of, replace_command};
use crate::http::read::{self, Shown};
use crate::http::reply;
use crate::metrics::{Counted, Usage};

/// What the handlers work with.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) floor: Arc<Floor>,
    pub(super) usage: Usage,
}

impl FromRef<Desk> for Shown {
    fn from_ref(desk: &Desk) -> Self {
        Self {
            replica: desk.floor.replica.clone(),
            defects: desk.floor.defects().clone(),
            is_leader: true,
            is_green: false,
        }
    }
}

pub(super) fn routes(desk: Desk) -> Router {
    Router::new()
        .route("/orders", post(new_order).get(read::orders))
        .route("/orders/{id}", get(read::order).delete(cancel).put(replace))
        .route("/trades", get(read::trades))
        .route("/depth/{symbol}", get(read::depth))
        .route("/debug/orderbook/{symbol}", get(read::order_book))
        .route("/health", get(health))
        .route("/health/live", get(live))
        .route("/health/ready", get(health))
        .route("/version", get(version))
        .route("/metrics", get(metrics))
        .with_state(desk)
}

async fn new_order(State(desk): State<Desk>, bytes: Bytes) -> Response {
    let body: NewBody<'_> = match serde_json::from_slice(&bytes) {
        Ok(body) => body,
        Err(error) => return malformed(&desk, &error.to_string()),
    };
    match new_order_of(&body) {
        Ok(order) => execute(&desk, &Command::New(order)).await,
        Err(why) => malformed(&desk, &why),
    }
}

async fn cancel(State(desk): State<Desk>, Path(id): Path<String>) -> Response {
    match check_name("id", &id) {
        Ok(()) => execute(&desk, &Command::Cancel { id: &id }).await,
        Err(why) => malformed(&desk, &why),
    }
}

async fn replace(State(desk): State<Desk>, Path(id): Path<String>, bytes: Bytes) -> Response {
    let body: ReplaceBody<'_> = match serde_json::from_slice(&bytes) {
        Ok(body) => body,
        Err(error) => return malformed(&desk, &error.to_string()),
    };
    match replace_command(&id, &body) {
        Ok(command) => execute(&desk, &command).await,
        Err(why) => malformed(&desk, &why),
    }
}

async fn execute(desk: &Desk, command: &Command<'_>) -> Response {
    let (answer, answered) = oneshot::channel();
    let ask = Ask::Command(command.encode(), answer);
    desk.floor.enter(ask, Instant::now());
    let mut response = match answered.await {
        Ok(Done::Outcome(outcome)) => reply::outcome(command.id(), &outcome).1,
        Ok(Done::Throttled(reason)) => reply::throttled(command.id(), reason),
        Err(_forgotten) => reply::outcome(command.id(), &Outcome::Unknown(Unknown::TimedOut)).1,
    };
    if desk.floor.draining.load(Ordering::Relaxed) {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

fn malformed(desk: &Desk, why: &str) -> Response {
    desk.floor.stats.refused(Counted::Malformed);
    reply::malformed(why)
}

/// `GET /health`: it takes orders.
async fn health(State(desk): State<Desk>) -> Response {
    let floor = &desk.floor;
    let (status, word) = match floor.draining.load(Ordering::Relaxed) {
        false => (StatusCode::OK, "healthy"),
        true => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
    };
    let redis = match (
        &floor.config.redis,
        floor.stats.redis_connected.load(Ordering::Relaxed),
    ) {
        (None, _) => "none",
        (Some(_), true) => "connected",
        (Some(_), false) => "lost",
    };
    let levels = floor.levels();
    let body = json!({
        "status": word,
        "name": floor.name,
        "redis": redis,
        "queue": levels.queue_length,
        "open_orders": levels.open_orders,
    });
    reply::body(status, body)
}

/// `GET /health/live`: the process answers.
async fn live(State(desk): State<Desk>) -> Response {
    let body = json!({ "status": "live", "name": desk.floor.name });
    reply::body(StatusCode::OK, body)
}

async fn version(State(desk): State<Desk>) -> Response {
    let body = json!({
        "name": "shakedown-hft",
        "version": env!("CARGO_PKG_VERSION"),
        "defects": desk.floor.defects().names(),
    });
    reply::body(StatusCode::OK, body)
}

async fn metrics(State(desk): State<Desk>, headers: HeaderMap) -> Response {
    let floor = &desk.floor;
    let families = floor.stats.families(&floor.levels(), &desk.usage);
    reply::metrics(&families, &headers)
}
