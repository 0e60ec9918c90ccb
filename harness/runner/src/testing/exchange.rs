//! A small exchange: it keeps orders in memory, in order, and can be told to misbehave.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::plans::SECRET;

/// Rows on a page.
const PAGE: usize = 3;

/// What it does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Every page names the first one as its next.
    Circle,
    /// Answers "OK, but empty".
    Empty,
    /// Every page is empty and has a next one.
    EmptyForever,
    /// Status 500, and the client's own token in the body.
    EchoesSecret,
    /// The second page is cut off in the middle.
    Torn,
    /// Keeps the newest order for itself.
    Behind,
    /// Rejects every new order.
    RejectsAll,
    /// Cancels nothing.
    KeepsOpen,
    /// Answers questions about an order with another one.
    WrongOrder,
    /// Says that it is production.
    Production,
    /// Never ready.
    NotReady,
}

/// An order as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: String,
    pub price: String,
    pub quantity: String,
    pub state: &'static str,
}

/// The exchange behind one address.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub base: String,
    orders: Arc<Mutex<Vec<Order>>>,
    fault: Arc<Mutex<Fault>>,
    role: Arc<Mutex<&'static str>>,
    log: Option<PathBuf>,
}

impl Exchange {
    /// Opens an exchange on a free port of loopback; it lives as long as the test's runtime.
    pub async fn open() -> Self {
        Self::serve(Arc::default(), "leader").await
    }

    /// Another replica with the same orders, a follower.
    pub async fn twin(&self) -> Self {
        Self::serve(Arc::clone(&self.orders), "follower").await
    }

    async fn serve(orders: Arc<Mutex<Vec<Order>>>, role: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let exchange = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            orders,
            fault: Arc::new(Mutex::new(Fault::None)),
            role: Arc::new(Mutex::new(role)),
            log: None,
        };
        tokio::spawn(exchange.clone().answer(listener));
        exchange
    }

    /// An exchange that keeps its orders in a file, so that they outlive its process. Never returns.
    pub async fn serve_from(address: &str, log: PathBuf) {
        let listener = TcpListener::bind(address).await.unwrap();
        let kept = std::fs::read_to_string(&log).unwrap_or_default();
        let orders = kept.lines().map(|line| {
            let order: Value = serde_json::from_str(line).unwrap();
            Order {
                id: order["id"].as_str().unwrap().to_string(),
                price: order["px"].as_str().unwrap().to_string(),
                quantity: order["qty"].as_str().unwrap().to_string(),
                state: "open",
            }
        });
        let exchange = Self {
            base: format!("http://{address}"),
            orders: Arc::new(Mutex::new(orders.collect())),
            fault: Arc::new(Mutex::new(Fault::None)),
            role: Arc::new(Mutex::new("leader")),
            log: Some(log),
        };
        exchange.answer(listener).await;
    }

    async fn answer(self, listener: TcpListener) {
        let router = Router::new()
            .route("/orders", post(enter).get(list))
            .route("/orders/{id}", delete(cancel).get(one).put(replace))
            .route("/role", get(role_of))
            .route("/ready", get(ready))
            .route("/info", get(info))
            .route("/version", get(async || Json(json!({"version": "4.12.0"}))))
            .route("/metrics", get(async || METRICS))
            .with_state(self);
        axum::serve(listener, router).await.unwrap();
    }

    /// Keeps a new order where the next process finds it.
    fn keep(&self, order: &Order) {
        let Some(log) = &self.log else { return };
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .unwrap();
        // In one go: whoever is killed meanwhile leaves the whole line or none.
        let line = format!("{}\n", json_of(order));
        file.write_all(line.as_bytes()).unwrap();
    }

    pub fn misbehave(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    pub fn set_role(&self, role: &'static str) {
        *self.role.lock().unwrap() = role;
    }

    pub fn put(&self, id: &str, state: &'static str) {
        self.orders.lock().unwrap().push(Order {
            id: id.to_string(),
            price: "50000.00".to_string(),
            quantity: "0.003".to_string(),
            state,
        });
    }

    pub fn orders(&self) -> Vec<Order> {
        self.orders.lock().unwrap().clone()
    }

    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap()
    }
}

const METRICS: &str = "# TYPE order_latency_seconds histogram\n\
    order_latency_seconds_bucket{le=\"0.001\"} 3\norder_latency_seconds_bucket{le=\"+Inf\"} 4\n\
    order_latency_seconds_count 4\n# EOF\n";

async fn enter(State(exchange): State<Exchange>, Json(body): Json<Value>) -> Response {
    if exchange.fault() == Fault::RejectsAll {
        return (StatusCode::UNPROCESSABLE_ENTITY, "risk limit").into_response();
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_string();
    if text("qty").parse::<f64>().unwrap() >= 1.0 {
        return (StatusCode::UNPROCESSABLE_ENTITY, "too large").into_response();
    }
    let mut orders = exchange.orders.lock().unwrap();
    if let Some(at) = orders.iter().position(|order| order.id == text("id")) {
        return (StatusCode::OK, Json(json!({"seq": at + 1}))).into_response();
    }
    let order = Order {
        id: text("id"),
        price: text("px"),
        quantity: text("qty"),
        state: "open",
    };
    exchange.keep(&order);
    orders.push(order);
    (StatusCode::CREATED, Json(json!({"seq": orders.len()}))).into_response()
}

async fn cancel(State(exchange): State<Exchange>, Path(id): Path<String>) -> Response {
    if exchange.fault() == Fault::KeepsOpen {
        return (StatusCode::INTERNAL_SERVER_ERROR, "cannot cancel").into_response();
    }
    let mut orders = exchange.orders.lock().unwrap();
    match orders.iter_mut().find(|order| order.id == id) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(order) if order.state != "open" => StatusCode::CONFLICT.into_response(),
        Some(order) => {
            order.state = "cancelled";
            StatusCode::OK.into_response()
        }
    }
}

async fn replace(
    State(exchange): State<Exchange>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let mut orders = exchange.orders.lock().unwrap();
    let Some(order) = orders.iter_mut().find(|order| order.id == id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    order.price = body["px"].as_str().unwrap_or_default().to_string();
    StatusCode::OK.into_response()
}

fn json_of(order: &Order) -> Value {
    json!({"id": order.id, "px": order.price, "qty": order.quantity, "state": order.state})
}

async fn one(State(exchange): State<Exchange>, Path(id): Path<String>) -> Response {
    let orders = exchange.orders();
    match (exchange.fault(), orders.iter().find(|it| it.id == id)) {
        (Fault::EchoesSecret, _) => echo(),
        (Fault::WrongOrder, _) => Json(json!({"id": "other", "state": "open"})).into_response(),
        (_, Some(order)) => Json(json_of(order)).into_response(),
        (_, None) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn echo() -> Response {
    let body = format!("you sent me 'Bearer {SECRET}'");
    (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
}

#[derive(serde::Deserialize)]
struct After {
    after: String,
}

async fn list(State(exchange): State<Exchange>, Query(query): Query<After>) -> Response {
    let mut orders = exchange.orders();
    let from: usize = query.after.parse().unwrap_or(0);
    match exchange.fault() {
        Fault::EchoesSecret => return echo(),
        Fault::Empty => orders.clear(),
        Fault::Behind => drop(orders.pop()),
        Fault::EmptyForever => {
            return Json(json!({"orders": [], "next": from + 1, "mark": 99})).into_response();
        }
        Fault::Torn if from > 0 => {
            let half = "{\"orders\":[{\"id\":\"abc";
            let chunks = [Ok(half), Err(io::Error::other("torn"))];
            let body = Body::from_stream(futures_util::stream::iter(chunks));
            return ([("content-length", "4711")], body).into_response();
        }
        _ => {}
    }
    let page: Vec<Value> = orders.iter().skip(from).take(PAGE).map(json_of).collect();
    let next = match exchange.fault() {
        Fault::Circle => Some(0),
        _ => (from + PAGE < orders.len()).then_some(from + PAGE),
    };
    Json(json!({"orders": page, "next": next, "mark": orders.len()})).into_response()
}

async fn ready(State(exchange): State<Exchange>) -> Response {
    match exchange.fault() {
        Fault::NotReady => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => "ok".into_response(),
    }
}

async fn role_of(State(exchange): State<Exchange>) -> Json<Value> {
    let role = *exchange.role.lock().unwrap();
    Json(json!({"role": role, "term": 3}))
}

async fn info(State(exchange): State<Exchange>) -> Response {
    match exchange.fault() {
        Fault::Production => Json(json!({"env": "production"})).into_response(),
        Fault::EchoesSecret => echo(),
        _ => Json(json!({"env": "staging"})).into_response(),
    }
}
