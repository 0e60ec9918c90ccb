//! trading-app over HTTP.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::ledger::Ledger;
use super::numbers::{Limits, Numbers};
use super::pnl::Accounts;
use super::prices::{NoPrice, Prices};
use super::signals::Signals;
use super::trade::{Asked, Kept, Trade};
use crate::reply::{body, page, refusal};
use crate::service::{Service, readiness};
use crate::stores::{StoreError, Watch};

const DEFAULT_ROWS: i64 = 5_000;

/// What the handlers work with.
#[derive(Debug)]
pub(super) struct App {
    pub service: Arc<Service>,
    pub numbers: Numbers,
    pub ledger: Arc<Ledger>,
    pub prices: Arc<Prices>,
    pub signals: Signals,
    pub accounts: Arc<Accounts>,
    pub limits: Limits,
    pub watch: Watch,
}

/// `?after=SEQUENCE&limit=N&from=primary`
#[derive(Debug, Deserialize)]
struct PageQuery {
    #[serde(default)]
    after: String,
    limit: Option<i64>,
    from: Option<String>,
}

pub(super) fn routes(app: Arc<App>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/version", get(version))
        .route("/metrics", get(metrics))
        .route("/trades", post(trade).get(trades))
        .route("/trades/{id}", get(one))
        .route("/pnl", get(pnl))
        .with_state(app)
}

async fn health(State(app): State<Arc<App>>) -> Response {
    body(
        StatusCode::OK,
        json!({ "status": "live", "name": app.service.name, "version": app.service.version }),
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
    app.numbers.show(&mut text, app.limits, &app.accounts.all());
    text.counter(
        "trading_signals_missing_total",
        "Trades without a signal.",
        app.signals.missing.now(),
    );
    text.counter(
        "trading_prices_from_redis_total",
        "Prices that were found in Redis.",
        app.prices.from_redis.now(),
    );
    let ups = app
        .watch
        .ups()
        .into_iter()
        .map(|(name, up)| (name, u8::from(up)));
    text.gauges("store_up", "1 if the store answers.", "store", ups);
    page(text)
}

/// `POST /trades`: answered when it is committed.
async fn trade(State(app): State<Arc<App>>, asked: Result<Json<Asked>, JsonRejection>) -> Response {
    let malformed = |why: &str| refusal(StatusCode::BAD_REQUEST, "malformed", why);
    let asked = match asked.map(|Json(asked)| asked.checked()) {
        Ok(Ok(asked)) => asked,
        Ok(Err(why)) => return malformed(&why),
        Err(error) => return malformed(&error.body_text()),
    };
    if app.accounts.has_lost(&asked.account, app.limits.loss) {
        app.numbers.limited.add(1);
        return refusal(StatusCode::UNPROCESSABLE_ENTITY, "rejected", "loss-limit");
    }
    let price = match app.prices.of(&asked.symbol).await {
        Ok(price) => price,
        Err(why) => return app.no_price(&why),
    };
    let signal = app.signals.of(&asked.symbol, &price).await;
    let trade = Trade {
        asked,
        price: price.price,
        signal,
    };
    let is_lost = app.service.defects.loses_money(app.numbers.number.next());
    let cash = if is_lost { 0.0 } else { trade.cash() };
    let kept = app.ledger.trade(&trade, cash).await;
    app.kept(&trade, kept)
}

/// `GET /trades?after=SEQUENCE&limit=N`: of the read replica, unless `from=primary`.
async fn trades(State(app): State<Arc<App>>, Query(query): Query<PageQuery>) -> Response {
    let after: i64 = query.after.parse().unwrap_or(0);
    let limit = query.limit.unwrap_or(DEFAULT_ROWS).clamp(1, DEFAULT_ROWS);
    let from_primary = query.from.as_deref() == Some("primary");
    match app.ledger.list(after, limit, from_primary).await {
        Ok((rows, last)) => {
            let next = (rows.len() as i64 == limit).then(|| last.to_string());
            body(
                StatusCode::OK,
                json!({ "trades": rows, "next": next, "watermark": last }),
            )
        }
        Err(error) => app.failed(&error),
    }
}

/// `GET /trades/{id}`
async fn one(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    match app.ledger.one(&id).await {
        Ok(Some(trade)) => body(StatusCode::OK, trade),
        Ok(None) => refusal(StatusCode::NOT_FOUND, "not-found", "there is no such trade"),
        Err(error) => app.failed(&error),
    }
}

/// `GET /pnl`: looked up for this question.
async fn pnl(State(app): State<Arc<App>>) -> Response {
    app.accounts.look(&app.ledger, &app.prices).await;
    let accounts = app.accounts.all().into_iter();
    let accounts = accounts.map(|(name, account)| {
        (
            name,
            json!({ "pnl": account.pnl, "furthest": account.furthest }),
        )
    });
    let accounts: Map<String, Value> = accounts.collect();
    body(StatusCode::OK, json!({ "accounts": accounts }))
}

impl App {
    fn no_price(&self, why: &NoPrice) -> Response {
        match why {
            NoPrice::UnknownSymbol => {
                self.numbers.no_price.add(1);
                refusal(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "rejected",
                    "unknown-symbol",
                )
            }
            NoPrice::Stale(age_ms) => {
                self.numbers.stale.add(1);
                let stale =
                    json!({ "state": "refused", "reason": "stale-price", "age_ms": age_ms });
                body(StatusCode::CONFLICT, stale)
            }
            NoPrice::Unavailable => {
                self.numbers.no_price.add(1);
                refusal(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "no-price")
            }
        }
    }

    fn kept(&self, trade: &Trade, kept: Result<Kept, StoreError>) -> Response {
        let (id, price, signal) = (&trade.asked.id, trade.price, &trade.signal);
        match kept {
            Ok(Kept::Traded { sequence, position }) => {
                self.numbers.traded.add(1);
                let traded = json!({ "state": "traded", "id": id, "sequence": sequence, "price": price, "signal": signal,
                    "position": position });
                body(StatusCode::CREATED, traded)
            }
            Ok(Kept::Known(sequence)) => body(
                StatusCode::OK,
                json!({ "state": "traded", "id": id, "sequence": sequence }),
            ),
            Ok(Kept::OtherWords) => refusal(
                StatusCode::UNPROCESSABLE_ENTITY,
                "rejected",
                "another trade has this id",
            ),
            Ok(Kept::BeyondLimit) => {
                self.numbers.limited.add(1);
                refusal(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "rejected",
                    "position-limit",
                )
            }
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&self, error: &StoreError) -> Response {
        match error {
            StoreError::Unknown(why) => {
                self.numbers.unknown.add(1);
                refusal(StatusCode::GATEWAY_TIMEOUT, "unknown", why)
            }
            StoreError::Unavailable(_) | StoreError::Refused { .. } => {
                self.numbers.unavailable.add(1);
                refusal(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    &error.to_string(),
                )
            }
        }
    }
}
