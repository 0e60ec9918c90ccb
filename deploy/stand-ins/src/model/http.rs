//! ml-service over HTTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::features::{NAMES, Said, say};
use crate::defects::Defect;
use crate::metrics::{Counter, Latencies};
use crate::reply::{body, page, refusal};
use crate::service::{Service, readiness};

/// What the handlers work with.
#[derive(Debug)]
pub(super) struct App {
    pub service: Arc<Service>,
    /// How long a signal may take.
    pub patience: Duration,
    pub took: Latencies,
    pub timeouts: Counter,
    pub signals: [Counter; 3],
}

const SIGNALS: [&str; 3] = ["buy", "sell", "hold"];

/// What a signal is asked on.
#[derive(Debug, Deserialize)]
struct Asked {
    symbol: String,
    /// The oldest first.
    prices: Vec<f64>,
}

pub(super) fn routes(app: Arc<App>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/version", get(version))
        .route("/metrics", get(metrics))
        .route("/signal", post(signal))
        .with_state(app)
}

async fn health(State(app): State<Arc<App>>) -> Response {
    body(
        StatusCode::OK,
        json!({ "status": "live", "name": app.service.name, "version": app.service.version }),
    )
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    readiness(&app.service, &[])
}

async fn version(State(app): State<Arc<App>>) -> Response {
    body(StatusCode::OK, app.service.identity())
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let mut text = app.service.page();
    let signals = SIGNALS
        .into_iter()
        .zip(app.signals.iter().map(Counter::now));
    text.counters(
        "ml_signals_total",
        "Signals by what they say.",
        "signal",
        signals,
    );
    text.counter(
        "ml_timeouts_total",
        "Signals that took too long.",
        app.timeouts.now(),
    );
    text.latencies("ml_inference_seconds", "From asked to said.", &app.took);
    page(text)
}

/// `POST /signal`
async fn signal(
    State(app): State<Arc<App>>,
    asked: Result<Json<Asked>, JsonRejection>,
) -> Response {
    let asked = match asked {
        Ok(Json(asked)) => asked,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, "malformed", &error.body_text()),
    };
    let begun = Instant::now();
    let said = timeout(app.patience, app.say(&asked.prices)).await;
    app.took.observe(1, begun.elapsed());
    match said {
        Ok(Ok(said)) => app.answered(&asked.symbol, &said),
        Ok(Err(why)) => refusal(StatusCode::BAD_REQUEST, "malformed", &why),
        Err(_) => {
            app.timeouts.add(1);
            refusal(
                StatusCode::GATEWAY_TIMEOUT,
                "timeout",
                "the signal took too long",
            )
        }
    }
}

impl App {
    async fn say(&self, prices: &[f64]) -> Result<Said, String> {
        self.service.defects.slow_signal().await;
        say(prices, self.service.defects.has(Defect::BlindModel))
    }

    fn answered(&self, symbol: &str, said: &Said) -> Response {
        let counted = SIGNALS
            .iter()
            .zip(&self.signals)
            .find(|(signal, _)| **signal == said.signal);
        if let Some((_, counter)) = counted {
            counter.add(1);
        }
        let features = NAMES
            .into_iter()
            .zip(said.features)
            .map(|(name, value)| (name.to_owned(), Value::from(value)));
        let features: Map<String, Value> = features.collect();
        body(
            StatusCode::OK,
            json!({ "symbol": symbol, "signal": said.signal, "probability": said.probability, "features": features,
                "model": self.service.version }),
        )
    }
}
