//! Points as JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::ticker::Quote;
use crate::http::{App, reply};

/// `{"points":[…]}`
#[derive(Deserialize)]
pub struct Points {
    points: Vec<Point>,
}

#[derive(Deserialize)]
struct Point {
    sequence: u64,
    at_ns: u64,
    symbol: String,
    price: String,
}

/// `POST /market-data`
pub async fn publish(State(app): State<Arc<App>>, Json(body): Json<Points>) -> Response {
    let points = body.points.len() as u64;
    let mut last = BTreeMap::new();
    for point in body.points {
        let quote = Quote {
            sequence: point.sequence,
            at_ns: point.at_ns,
            price: point.price,
        };
        last.insert(point.symbol, quote);
    }
    app.ticker.take(points, last);
    reply::body(StatusCode::ACCEPTED, json!({ "taken": points }))
}

/// `GET /market-data`
pub async fn show(State(app): State<Arc<App>>) -> Response {
    reply::body(StatusCode::OK, app.ticker.taken())
}
