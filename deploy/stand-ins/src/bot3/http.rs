//! bot3 over HTTP: health, numbers, single decisions, and orders that are kept.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::numbers::{Batch, Numbers};
use super::order::{Job, Order, Taken};
use super::strategy::Strategy;
use crate::reply::{body, page, refusal};
use crate::service::{Service, readiness};
use crate::stores::{Postgresql, Redis, StoreError, Watch};

const DEFAULT_ROWS: i64 = 5_000;

const LIST: &str = "select sequence, id, account, symbol, side, price::text, quantity::text, state, published from orders \
    where sequence > $1 order by sequence limit $2";

const ONE: &str = "select sequence, id, account, symbol, side, price::text, quantity::text, state, published from orders where id = $1";

const CANCEL: &str =
    "update orders set state = 'cancelled' where id = $1 and state = 'open' returning sequence";

/// What the handlers work with.
#[derive(Debug)]
pub(super) struct App {
    pub service: Arc<Service>,
    pub numbers: Arc<Numbers>,
    pub watch: Watch,
    pub strategy: Mutex<Strategy>,
    /// `None`: there is no database.
    pub orders: Option<mpsc::Sender<Job>>,
    pub reads: Option<Arc<Postgresql>>,
    pub redis: Option<Arc<Redis>>,
    pub schema: Option<u32>,
}

/// `?after=SEQUENCE&limit=N`
#[derive(Debug, Deserialize)]
struct PageQuery {
    #[serde(default)]
    after: String,
    limit: Option<i64>,
}

/// What a decision is asked on.
#[derive(Debug, Deserialize)]
struct TickBody {
    symbol: String,
    price: f64,
    quantity: f64,
}

pub(super) fn routes(app: Arc<App>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/version", get(version))
        .route("/metrics", get(metrics))
        .route("/decide", post(decide))
        .route("/orders", post(new_order).get(orders))
        .route("/orders/{id}", get(order).delete(cancel))
        .route("/sessions/{account}", get(session))
        .with_state(app)
}

async fn health(State(app): State<Arc<App>>) -> Response {
    let (version, name) = (&app.service.version, &app.service.name);
    body(
        StatusCode::OK,
        json!({ "status": "live", "name": name, "version": version, "schema": app.schema }),
    )
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    readiness(&app.service, &app.watch.down())
}

async fn version(State(app): State<Arc<App>>) -> Response {
    body(StatusCode::OK, app.service.identity())
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let mut text = app.service.page();
    let waiting = app
        .orders
        .as_ref()
        .map_or(0, |orders| orders.max_capacity() - orders.capacity());
    app.numbers.show(&mut text, &app.watch, waiting);
    page(text)
}

/// `POST /decide`
async fn decide(
    State(app): State<Arc<App>>,
    tick: Result<Json<TickBody>, JsonRejection>,
) -> Response {
    let Json(tick) = match tick {
        Ok(tick) => tick,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, "malformed", &error.body_text()),
    };
    let begun = Instant::now();
    let decided = {
        let mut strategy = app.strategy.lock().unwrap_or_else(PoisonError::into_inner);
        strategy.decide(&tick.symbol, tick.price, tick.quantity)
    };
    if let Some(hold) = app.service.defects.decision_hold() {
        tokio::time::sleep(hold).await;
    }
    let mut batch = Batch::default();
    batch.decided(decided.decision);
    app.numbers.batch(batch, begun.elapsed());
    body(
        StatusCode::OK,
        json!({ "decision": decided.decision.word(), "turns": decided.turns }),
    )
}

/// `POST /orders`: answered when it is committed.
async fn new_order(
    State(app): State<Arc<App>>,
    order: Result<Json<Order>, JsonRejection>,
) -> Response {
    let malformed = |why: &str| refusal(StatusCode::BAD_REQUEST, "malformed", why);
    let order = match order.map(|Json(order)| order.checked()) {
        Ok(Ok(order)) => order,
        Ok(Err(why)) => return malformed(&why),
        Err(error) => return malformed(&error.body_text()),
    };
    let Some(orders) = &app.orders else {
        return refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "there is no database",
        );
    };
    let id = order.id.clone();
    let (answer, answered) = oneshot::channel();
    if orders
        .try_send(Job {
            order,
            answer: Some(answer),
        })
        .is_err()
    {
        app.numbers.shed.add(1);
        return refusal(
            StatusCode::TOO_MANY_REQUESTS,
            "throttled",
            "too many orders wait",
        );
    }
    let taken = answered
        .await
        .unwrap_or(Taken::Unknown("the service ends".to_owned()));
    let accepted = |status, sequence: i64| {
        body(
            status,
            json!({ "state": "accepted", "id": id, "sequence": sequence }),
        )
    };
    match taken {
        Taken::Accepted(sequence) => accepted(StatusCode::CREATED, sequence),
        Taken::Known(sequence) => accepted(StatusCode::OK, sequence),
        Taken::OtherWords => refusal(
            StatusCode::CONFLICT,
            "rejected",
            "another order has this id",
        ),
        Taken::Refused(why) => refusal(StatusCode::UNPROCESSABLE_ENTITY, "rejected", why),
        Taken::Unavailable(why) => refusal(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &why),
        Taken::Unknown(why) => refusal(StatusCode::GATEWAY_TIMEOUT, "unknown", &why),
    }
}

/// `GET /orders?after=SEQUENCE&limit=N`
async fn orders(State(app): State<Arc<App>>, Query(query): Query<PageQuery>) -> Response {
    let after: i64 = query.after.parse().unwrap_or(0);
    let limit = query.limit.unwrap_or(DEFAULT_ROWS).clamp(1, DEFAULT_ROWS);
    match app
        .read(LIST, &[(&after, Type::INT8), (&limit, Type::INT8)])
        .await
    {
        Ok(rows) => {
            let last: i64 = rows.last().map_or(after, |row| row.get(0));
            let next = (rows.len() as i64 == limit).then(|| last.to_string());
            let rows: Vec<Value> = rows.iter().map(shown).collect();
            body(
                StatusCode::OK,
                json!({ "orders": rows, "next": next, "watermark": last }),
            )
        }
        Err(error) => unreadable(&error),
    }
}

/// `GET /orders/{id}`
async fn order(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    match app.read(ONE, &[(&id, Type::TEXT)]).await {
        Ok(rows) => match rows.first() {
            Some(row) => body(StatusCode::OK, shown(row)),
            None => refusal(StatusCode::NOT_FOUND, "not-found", "there is no such order"),
        },
        Err(error) => unreadable(&error),
    }
}

/// `DELETE /orders/{id}`
async fn cancel(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    match app.read(CANCEL, &[(&id, Type::TEXT)]).await {
        Ok(rows) if !rows.is_empty() => {
            let sequence: i64 = rows[0].get(0);
            body(
                StatusCode::OK,
                json!({ "state": "cancelled", "id": id, "sequence": sequence }),
            )
        }
        Ok(_) => match app.read(ONE, &[(&id, Type::TEXT)]).await {
            Ok(rows) if rows.is_empty() => {
                refusal(StatusCode::NOT_FOUND, "not-found", "there is no such order")
            }
            Ok(_) => refusal(
                StatusCode::CONFLICT,
                "too-late",
                "the order is not open any more",
            ),
            Err(error) => unreadable(&error),
        },
        Err(error) => unreadable(&error),
    }
}

/// `GET /sessions/{account}`: the positions of an account, in thousandths of a unit.
async fn session(State(app): State<Arc<App>>, Path(account): Path<String>) -> Response {
    let Some(redis) = &app.redis else {
        return refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "there is no Redis",
        );
    };
    let question = [vec!["HGETALL".to_owned(), format!("session:{account}")]];
    match redis.ask(&question).await {
        Ok(replies) => {
            let words: Vec<&str> = match replies.first() {
                Some(crate::stores::Reply::List(words)) => {
                    words.iter().filter_map(|word| word.text()).collect()
                }
                _ => Vec::new(),
            };
            let positions = words.chunks_exact(2).map(|pair| {
                let parts: i64 = pair[1].parse().unwrap_or(0);
                (pair[0].to_owned(), Value::from(parts))
            });
            let positions: serde_json::Map<String, Value> = positions.collect();
            body(
                StatusCode::OK,
                json!({ "account": account, "positions": positions }),
            )
        }
        Err(error) => unreadable(&error),
    }
}

impl App {
    async fn read(
        &self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, StoreError> {
        match &self.reads {
            Some(store) => store.query(sql, params).await,
            None => Err(StoreError::Unavailable("there is no database".to_owned())),
        }
    }
}

fn unreadable(error: &StoreError) -> Response {
    match error {
        StoreError::Unknown(why) => refusal(StatusCode::GATEWAY_TIMEOUT, "unknown", why),
        StoreError::Unavailable(_) | StoreError::Refused { .. } => refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            &error.to_string(),
        ),
    }
}

fn shown(row: &Row) -> Value {
    let [id, account, symbol, side, price, quantity, state]: [String; 7] =
        [1, 2, 3, 4, 5, 6, 7].map(|at| row.get(at));
    let (sequence, published): (i64, bool) = (row.get(0), row.get(8));
    json!({ "sequence": sequence, "id": id, "account": account, "symbol": symbol, "side": side, "price": price,
        "quantity": quantity, "state": state, "published": published })
}
