//! Order entry: new, cancel, replace; and the kill switch.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;

use super::body::{NewBody, ReplaceBody, check_name, new_order_of, replace_command};
use super::presence::Caller;
use super::{App, reply};
use crate::command::{Answer, Command, NewOrder};
use crate::gateway::{Outcome, Unavailable};
use crate::metrics::Counted;
use crate::websocket;

/// How a client wants to hear of its order.
#[derive(Deserialize)]
pub struct How {
    /// At once, that it came; what became of it over WebSocket at `/reports/` and this name.
    report: Option<String>,
}

#[derive(Deserialize)]
struct KillBody<'a> {
    #[serde(borrow)]
    account: Cow<'a, str>,
}

/// `POST /orders`
pub async fn new_order(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    Query(how): Query<How>,
    bytes: Bytes,
) -> Response {
    let body: NewBody<'_> = match serde_json::from_slice(&bytes) {
        Ok(body) => body,
        Err(error) => return malformed(&app, &error.to_string()),
    };
    match new_order_of(&body) {
        Ok(order) if body.cancel_on_disconnect => bound(&app, &caller, order).await,
        Ok(order) => execute(&app, &Command::New(order), how).await,
        Err(why) => malformed(&app, &why),
    }
}

/// An order that ends with the connection over which it came.
async fn bound(app: &App, caller: &Caller, order: NewOrder<'_>) -> Response {
    let parsed = Instant::now();
    let outcome = match caller.line().await {
        Some(line) => {
            let line = Some(line);
            let command = Command::New(NewOrder { line, ..order });
            caller.execute(command.encode()).await
        }
        None => Outcome::Unavailable(Unavailable::NoLeader),
    };
    let (counted, mut response) = reply::outcome(order.id, &outcome);
    if caller.is_given_up() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    app.metrics.answered(counted, parsed.elapsed());
    response
}

/// `DELETE /orders/{id}`
pub async fn cancel(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(how): Query<How>,
) -> Response {
    match check_name("id", &id) {
        Ok(()) => execute(&app, &Command::Cancel { id: &id }, how).await,
        Err(why) => malformed(&app, &why),
    }
}

/// `PUT /orders/{id}`
pub async fn replace(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(how): Query<How>,
    bytes: Bytes,
) -> Response {
    let body: ReplaceBody<'_> = match serde_json::from_slice(&bytes) {
        Ok(body) => body,
        Err(error) => return malformed(&app, &error.to_string()),
    };
    match replace_command(&id, &body) {
        Ok(command) => execute(&app, &command, how).await,
        Err(why) => malformed(&app, &why),
    }
}

/// `POST /kill-switch`
pub async fn kill_switch(State(app): State<Arc<App>>, bytes: Bytes) -> Response {
    let account = match serde_json::from_slice::<KillBody<'_>>(&bytes) {
        Ok(body) => body.account,
        Err(error) => return malformed(&app, &error.to_string()),
    };
    let how = How { report: None };
    match check_name("account", &account) {
        Ok(()) => execute(&app, &Command::Kill { account: &account }, how).await,
        Err(why) => malformed(&app, &why),
    }
}

async fn execute(app: &Arc<App>, command: &Command<'_>, how: How) -> Response {
    let parsed = Instant::now();
    app.entered();
    if let Some(listener) = how.report {
        let id = command.id().to_owned();
        report_later(Arc::clone(app), listener, id, command.encode());
        return reply::taken(command.id());
    }
    let outcome = app.gateway.execute(command.encode()).await;
    if let Outcome::Answered(Answer::Accepted { order_id, .. }) = &outcome
        && let Some(hold) = app.config.defects.answer_hold(*order_id)
    {
        tokio::time::sleep(hold).await;
    }
    let (counted, response) = reply::outcome(command.id(), &outcome);
    app.metrics.answered(counted, parsed.elapsed());
    response
}

/// Executes a command and tells those who listen under this name what became of it.
fn report_later(app: Arc<App>, listener: String, id: String, command: Bytes) {
    let parsed = Instant::now();
    tokio::spawn(async move {
        let outcome = app.gateway.execute(command).await;
        let (counted, report) = websocket::report(&id, app.config.name(), &outcome);
        app.metrics.answered(counted, parsed.elapsed());
        app.reports.tell(&listener, &report);
    });
}

fn malformed(app: &App, why: &str) -> Response {
    app.metrics.count(Counted::Malformed);
    reply::malformed(why)
}
