//! The routes, and serving them.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::json;
use tokio::net::TcpListener;

use super::guard::let_in;
use super::presence::{Caller, Missed};
use super::{App, entry, health, read, reply};
use crate::feed;
use crate::handover::Changeover;
use crate::ingest;
use crate::secure::{Wrap, Wrapped};

/// The longest request body, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

const NODE_HEADER: HeaderName = HeaderName::from_static("x-node");

/// Serves `app` until `stop` resolves, and then until all requests at work are answered.
pub async fn serve(
    listener: TcpListener,
    wrap: Wrap,
    app: Arc<App>,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let served = match Wrapped::new(listener, wrap) {
        Ok(listener) => {
            let listener = Missed::new(listener, app.presence.clone());
            let service = routes(app).into_make_service_with_connect_info::<Caller>();
            let served = axum::serve(listener, service);
            served.with_graceful_shutdown(stop).await
        }
        Err(error) => Err(error),
    };
    if let Err(error) = served {
        tracing::error!(%error, "the HTTP server ended");
    }
}

fn routes(app: Arc<App>) -> Router {
    let name = HeaderValue::from_str(app.config.name())
        .unwrap_or_else(|_| HeaderValue::from_static("unnamed"));
    Router::new()
        .route("/orders", post(entry::new_order).get(read::orders))
        .route(
            "/orders/{id}",
            get(read::order).delete(entry::cancel).put(entry::replace),
        )
        .route("/kill-switch", post(entry::kill_switch))
        .route("/trades", get(read::trades))
        .route("/feed", get(feed::subscribe))
        .route("/market-data", post(ingest::publish).get(ingest::show))
        .route("/depth/{symbol}", get(read::depth))
        .route("/debug/orderbook/{symbol}", get(read::order_book))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/health", get(health::ready))
        .route("/ready", get(health::ready))
        .route("/role", get(health::role))
        .route("/version", get(health::version))
        .route("/metrics", get(health::metrics))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(Arc::clone(&app), let_in))
        .layer(from_fn_with_state(name, name_the_node))
        .layer(from_fn_with_state(
            app.changeover.clone(),
            send_elsewhere_when_draining,
        ))
        .with_state(app)
}

async fn name_the_node(State(name): State<HeaderValue>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(NODE_HEADER, name);
    response
}

/// A node that is stopping lets go of every connection with the next answer on it.
async fn send_elsewhere_when_draining(
    State(changeover): State<Changeover>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if changeover.is_draining() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

async fn unknown_path() -> Response {
    reply::not_found("there is no such path")
}

async fn wrong_method() -> Response {
    reply::body(
        StatusCode::METHOD_NOT_ALLOWED,
        json!({ "state": "malformed", "reason": "that method is not possible here" }),
    )
}
