//! Health, role, version and metrics of this node.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use openraft::{LogIdOptionExt, ServerState};
use serde_json::json;

use super::{App, reply};

/// `GET /health/live`: the process answers.
pub async fn live(State(app): State<Arc<App>>) -> Response {
    reply::body(
        StatusCode::OK,
        json!({ "status": "live", "name": app.config.name() }),
    )
}

/// `GET /health/ready`, `/ready` and `/health`: the node can serve.
pub async fn ready(State(app): State<Arc<App>>) -> Response {
    let name = app.config.name();
    match app.readiness() {
        Ok(()) => reply::body(StatusCode::OK, json!({ "status": "ready", "name": name })),
        Err(reason) => reply::body(
            StatusCode::SERVICE_UNAVAILABLE,
            json!({ "status": "not-ready", "name": name, "reason": reason }),
        ),
    }
}

/// `GET /role`
pub async fn role(State(app): State<Arc<App>>) -> Response {
    let (role, term) = {
        let metrics = app.raft.metrics();
        let metrics = metrics.borrow();
        (role_name(metrics.state), metrics.current_term)
    };
    let leader = app.gateway.leader().and_then(|id| app.config.member(id));
    let (applied, sequence) = {
        let replica = app.replica.read();
        (replica.applied.log_id.index(), replica.exchange.sequence())
    };
    reply::body(
        StatusCode::OK,
        json!({
            "name": app.config.name(),
            "role": role,
            "term": term,
            "leader": leader.map(|member| &member.name),
            "applied": applied,
            "sequence": sequence,
        }),
    )
}

/// `GET /version`
pub async fn version(State(app): State<Arc<App>>) -> Response {
    reply::body(
        StatusCode::OK,
        json!({
            "name": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "git": option_env!("SHAKEDOWN_GIT").unwrap_or("unknown"),
            "defects": app.config.defects.names(),
        }),
    )
}

/// `GET /metrics`
pub async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let families = app.metrics.families(&app.gauges());
    reply::metrics(&families, &headers)
}

/// The word for it.
pub(crate) fn role_name(state: ServerState) -> &'static str {
    match state {
        ServerState::Leader => "leader",
        ServerState::Follower => "follower",
        ServerState::Candidate => "candidate",
        ServerState::Learner => "learner",
        ServerState::Shutdown => "stopped",
    }
}
