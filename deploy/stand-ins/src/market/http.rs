//! data-processor over HTTP: last prices, bars, freshness.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_postgres::types::Type;

use super::prices::{Market, Quote};
use super::writer::Written;
use crate::reply::{body, page, refusal};
use crate::service::{Service, readiness};
use crate::stores::{Postgresql, Watch};

const DEFAULT_ROWS: i64 = 5_000;

const BARS: &str = "select second, open, high, low, close, points, processor from bars \
    where symbol = $1 and second > $2 order by second, processor limit $3";

/// What the handlers work with.
#[derive(Debug)]
pub(super) struct App {
    pub service: Arc<Service>,
    pub market: Market,
    pub written: Arc<Written>,
    pub watch: Watch,
    pub reads: Option<Postgresql>,
}

/// `?symbol=NAME&after=SECOND&limit=N`
#[derive(Debug, Deserialize)]
struct BarsQuery {
    symbol: String,
    #[serde(default)]
    after: i64,
    limit: Option<i64>,
}

pub(super) fn routes(app: Arc<App>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/version", get(version))
        .route("/metrics", get(metrics))
        .route("/prices", get(prices))
        .route("/prices/{symbol}", get(price))
        .route("/bars", get(bars))
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
    {
        let known = app.market.lock();
        let seconds = |quote: &Quote| quote.age_ns() as f64 / 1e9;
        let ages = known
            .quotes
            .values()
            .map(|quote| (&*quote.symbol, seconds(quote)));
        text.counter(
            "market_data_points_total",
            "Points that were taken in.",
            known.points,
        );
        text.gauges(
            "market_data_age_seconds",
            "Age of the newest point of a symbol.",
            "symbol",
            ages,
        );
        if let Some(oldest) = known.quotes.values().map(seconds).reduce(f64::max) {
            text.gauge(
                "market_data_oldest_seconds",
                "Age of the newest point of the symbol that is furthest behind.",
                oldest,
            );
        }
        text.counter(
            "market_data_late_points_total",
            "Points of seconds whose bar was done with.",
            known.bars.late,
        );
        text.counter(
            "market_data_bars_dropped_total",
            "Bars that were given up.",
            known.bars.dropped,
        );
        text.gauge(
            "market_data_bars_waiting",
            "Bars that are not written yet.",
            known.bars.waiting(),
        );
    }
    text.counter(
        "market_data_bars_written_total",
        "Bars that were written, some of them again.",
        app.written.bars.now(),
    );
    text.counter(
        "market_data_prices_written_total",
        "Last prices that were written to Redis.",
        app.written.prices.now(),
    );
    text.counter(
        "market_data_write_failures_total",
        "Rounds in which a store did not take what there was.",
        app.written.failures.now(),
    );
    let ups = app
        .watch
        .ups()
        .into_iter()
        .map(|(name, up)| (name, u8::from(up)));
    text.gauges("store_up", "1 if the store answers.", "store", ups);
    page(text)
}

/// `GET /prices`: all of them, by symbol.
async fn prices(State(app): State<Arc<App>>) -> Response {
    let known = app.market.lock();
    let prices = known
        .quotes
        .values()
        .map(|quote| (quote.symbol.to_string(), shown(quote)));
    let prices: serde_json::Map<String, Value> = prices.collect();
    body(
        StatusCode::OK,
        json!({ "points": known.points, "prices": prices }),
    )
}

/// `GET /prices/{symbol}`
async fn price(State(app): State<Arc<App>>, Path(symbol): Path<String>) -> Response {
    match app.market.lock().quotes.get(symbol.as_str()) {
        Some(quote) => body(StatusCode::OK, shown(quote)),
        None => refusal(
            StatusCode::NOT_FOUND,
            "not-found",
            "no point of this symbol came yet",
        ),
    }
}

/// `GET /bars?symbol=NAME&after=SECOND&limit=N`
async fn bars(State(app): State<Arc<App>>, Query(query): Query<BarsQuery>) -> Response {
    let Some(store) = &app.reads else {
        return refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "there is no database",
        );
    };
    let limit = query.limit.unwrap_or(DEFAULT_ROWS).clamp(1, DEFAULT_ROWS);
    let asked = [
        (&query.symbol as _, Type::TEXT),
        (&query.after as _, Type::INT8),
        (&limit as _, Type::INT8),
    ];
    match store.query(BARS, &asked).await {
        Ok(rows) => {
            let bars = rows.iter().map(|row| {
                let [open, high, low, close]: [f64; 4] = [1, 2, 3, 4].map(|at| row.get(at));
                let (second, points): (i64, i64) = (row.get(0), row.get(5));
                json!({ "second": second, "open": open, "high": high, "low": low, "close": close, "points": points,
                    "processor": row.get::<_, String>(6) })
            });
            let bars: Vec<Value> = bars.collect();
            body(
                StatusCode::OK,
                json!({ "symbol": query.symbol, "bars": bars }),
            )
        }
        Err(error) => refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            &error.to_string(),
        ),
    }
}

fn shown(quote: &Quote) -> Value {
    json!({ "symbol": quote.symbol, "price": quote.price, "at_ns": quote.at_ns, "age_ms": quote.age_ns() / 1_000_000,
        "points": quote.points, "recent": quote.recent })
}
