//! Answers over HTTP: JSON bodies, and pages of numbers.

use axum::Json;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use shakedown_engine::metrics::TEXT;

use crate::metrics::Page;

/// An answer with this body.
pub fn body(status: StatusCode, body: impl Serialize) -> Response {
    (status, Json(body)).into_response()
}

/// An answer that is no success: its state for machines, its reason for people.
pub fn refusal(status: StatusCode, state: &str, reason: &str) -> Response {
    body(status, json!({ "state": state, "reason": reason }))
}

/// What a defect answers instead.
pub fn broken() -> Response {
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "error", "internal error")
}

/// A page for Prometheus.
pub fn page(page: Page) -> Response {
    let kind: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, TEXT)];
    (kind, page.text()).into_response()
}
