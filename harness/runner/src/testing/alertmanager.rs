//! An Alertmanager in this process, which is a Prometheus too: as much of both as Shakedown asks.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What it knows.
#[derive(Debug, Default)]
struct Known {
    /// `alertname` of what fires, all in cluster `ours`.
    firing: Vec<String>,
    silences: Vec<Value>,
    /// Ends no silence, and says that it did.
    stubborn: bool,
}

/// One behind an address; it lives as long as the test's runtime.
#[derive(Debug, Clone)]
pub struct Alertmanager {
    pub base: String,
    known: Arc<Mutex<Known>>,
}

impl Alertmanager {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            known: Arc::default(),
        };
        let router = Router::new()
            .route("/api/v1/query", get(query))
            .route("/api/v2/alerts", get(alerts))
            .route("/api/v2/silences", get(silences).post(silence))
            .route("/api/v2/silence/{id}", delete(expire))
            .with_state(own.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        own
    }

    /// From now on these alerts fire.
    pub fn fire(&self, names: &[&str]) {
        let names = names.iter().map(|name| name.to_string());
        self.known.lock().unwrap().firing = names.collect();
    }

    /// From now on no silence can be ended.
    pub fn be_stubborn(&self) {
        self.known.lock().unwrap().stubborn = true;
    }

    /// Every silence that was ever made.
    pub fn silences(&self) -> Vec<Value> {
        self.known.lock().unwrap().silences.clone()
    }

    /// How many of them have not ended.
    pub fn silent(&self) -> usize {
        let silences = self.silences();
        let active = silences
            .iter()
            .filter(|silence| silence["status"]["state"] == "active");
        active.count()
    }

    fn labels(&self) -> Vec<Value> {
        let known = self.known.lock().unwrap();
        let names = known.firing.iter();
        names
            .map(|name| json!({ "alertname": name, "cluster": "ours" }))
            .collect()
    }
}

async fn query(State(own): State<Alertmanager>) -> Response {
    let rows = own.labels().into_iter().map(|mut labels| {
        labels["__name__"] = json!("ALERTS");
        labels["alertstate"] = json!("firing");
        json!({ "metric": labels, "value": [1_790_000_000.5, "1"] })
    });
    let rows: Vec<Value> = rows.collect();
    let data = json!({ "resultType": "vector", "result": rows });
    Json(json!({ "status": "success", "data": data })).into_response()
}

async fn alerts(State(own): State<Alertmanager>) -> Response {
    let alerts = own.labels().into_iter().map(|labels| {
        json!({ "labels": labels, "annotations": {}, "startsAt": "2026-01-01T00:00:00Z", "status": { "state": "active" } })
    });
    Json(alerts.collect::<Vec<Value>>()).into_response()
}

async fn silences(State(own): State<Alertmanager>) -> Response {
    Json(own.silences()).into_response()
}

async fn silence(State(own): State<Alertmanager>, Json(mut silence): Json<Value>) -> Response {
    let mut known = own.known.lock().unwrap();
    let id = format!("silence-{}", known.silences.len() + 1);
    silence["id"] = json!(id);
    silence["status"] = json!({ "state": "active" });
    known.silences.push(silence);
    Json(json!({ "silenceID": id })).into_response()
}

async fn expire(State(own): State<Alertmanager>, Path(id): Path<String>) -> Response {
    let mut known = own.known.lock().unwrap();
    let stubborn = known.stubborn;
    let silence = known
        .silences
        .iter_mut()
        .find(|silence| silence["id"] == id.as_str());
    match silence {
        Some(_) if stubborn => StatusCode::OK.into_response(),
        Some(silence) => {
            silence["status"] = json!({ "state": "expired" });
            StatusCode::OK.into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
