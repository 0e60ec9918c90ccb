//! Ticks in; quotes and trades out.

use axum::Json;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

use super::books::{Books, Quote, Said};
use crate::defects::Defects;
use crate::http::reply;

const DEFAULT_ROWS: usize = 5_000;

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) name: String,
    pub(crate) books: Books,
    pub(crate) defects: Defects,
    pub(crate) quotes: mpsc::Sender<Said>,
}

/// `?after=CURSOR&limit=N`
#[derive(Deserialize)]
struct PageQuery {
    #[serde(default)]
    after: String,
    limit: Option<usize>,
}

/// Ticks, quotes and trades.
pub(crate) fn trading(shop: Shop) -> Router {
    Router::new()
        .route("/ticks", post(tick))
        .route("/quotes", get(quotes))
        .route("/trades", get(trades))
        .with_state(shop)
}

pub(crate) fn routes(shop: Shop) -> Router {
    let beside = Router::new()
        .route("/health/ready", get(ready))
        .route("/version", get(version))
        .with_state(shop.clone());
    trading(shop).merge(beside)
}

/// `POST /ticks`: the quote is kept before it is answered, and on its way to the venue afterwards.
async fn tick(State(shop): State<Shop>, Json(quote): Json<Quote>) -> Response {
    if shop.books.quote(&quote) {
        let quotes = shop.quotes.clone();
        let (hold, sent) = (shop.defects.response_hold(), quote.clone());
        tokio::spawn(async move {
            if let Some(hold) = hold {
                tokio::time::sleep(hold).await;
            }
            if quotes.try_send(Said::Quote(sent)).is_err() {
                tracing::warn!("too many quotes wait for the venue");
            }
        });
    }
    reply::body(
        StatusCode::ACCEPTED,
        json!({ "state": "quoted", "id": quote.id, "node": shop.name }),
    )
}

async fn quotes(State(shop): State<Shop>, Query(query): Query<PageQuery>) -> Response {
    let page = shop.books.quotes(query.from(), query.limit());
    let next = page.next.map(|next| next.to_string());
    let body = json!({ "quotes": page.rows, "next": next, "count": page.total });
    reply::body(StatusCode::OK, body)
}

async fn trades(State(shop): State<Shop>, Query(query): Query<PageQuery>) -> Response {
    let page = shop.books.trades(query.from(), query.limit());
    let next = page.next.map(|next| next.to_string());
    let body = json!({ "trades": page.rows, "next": next, "count": page.total });
    reply::body(StatusCode::OK, body)
}

async fn ready(State(shop): State<Shop>) -> Response {
    reply::body(
        StatusCode::OK,
        json!({ "status": "ready", "name": shop.name }),
    )
}

async fn version(State(shop): State<Shop>) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    let body = json!({ "name": "shakedown-market-maker", "version": version, "defects": shop.defects.names() });
    reply::body(StatusCode::OK, body)
}

impl PageQuery {
    fn from(&self) -> usize {
        self.after.parse().unwrap_or(0)
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_ROWS).clamp(1, DEFAULT_ROWS)
    }
}
