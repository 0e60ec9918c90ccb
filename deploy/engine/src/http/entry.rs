//! Order entry: new, cancel, replace; and the kill switch.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;

use super::presence::Caller;
use super::{App, reply};
use crate::command::{Answer, Command, MAX_NAME_BYTES, NewOrder, OrderType, Risk, Side, Timed};
use crate::decimal::Decimal;
use crate::gateway::{Outcome, Unavailable};
use crate::metrics::Counted;
use crate::websocket;

#[derive(Deserialize)]
struct NewBody<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    account: Cow<'a, str>,
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    side: Side,
    #[serde(rename = "type", default = "limit")]
    order_type: OrderType,
    #[serde(borrow, default)]
    price: Option<Cow<'a, str>>,
    #[serde(borrow)]
    quantity: Cow<'a, str>,
    /// Whose risk it is, and the most that it may have open and filled in one instrument.
    #[serde(borrow, default)]
    risk: Option<RiskBody<'a>>,
    /// It enters the book when its symbol trades at or through this price.
    #[serde(borrow, default)]
    stop_price: Option<Cow<'a, str>>,
    /// Until when it is good, in milliseconds since 1970.
    #[serde(default)]
    expires_at: Option<u64>,
    /// The order is to end with the connection over which it comes.
    #[serde(default)]
    cancel_on_disconnect: bool,
}

#[derive(Deserialize)]
struct RiskBody<'a> {
    #[serde(borrow)]
    session: Cow<'a, str>,
    #[serde(borrow)]
    limit: Cow<'a, str>,
}

/// How a client wants to hear of its order.
#[derive(Deserialize)]
pub struct How {
    /// At once, that it came; what became of it over WebSocket at `/reports/` and this name.
    report: Option<String>,
}

fn limit() -> OrderType {
    OrderType::Limit
}

#[derive(Deserialize)]
struct ReplaceBody<'a> {
    #[serde(borrow)]
    price: Cow<'a, str>,
    #[serde(borrow)]
    quantity: Cow<'a, str>,
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

fn new_order_of<'b>(body: &'b NewBody<'_>) -> Result<NewOrder<'b>, String> {
    check_name("id", &body.id)?;
    check_name("account", &body.account)?;
    check_name("symbol", &body.symbol)?;
    let price = body
        .price
        .as_deref()
        .map(|price| decimal("price", price))
        .transpose()?;
    let stop = body.stop_price.as_deref();
    Ok(NewOrder {
        id: &body.id,
        account: &body.account,
        symbol: &body.symbol,
        side: body.side,
        order_type: body.order_type,
        price,
        quantity: decimal("quantity", &body.quantity)?,
        line: None,
        risk: body.risk.as_ref().map(risk_of).transpose()?,
        timed: Timed {
            stop: stop.map(|price| decimal("stop_price", price)).transpose()?,
            expires_ms: body.expires_at,
        },
    })
}

fn risk_of<'b>(risk: &'b RiskBody<'_>) -> Result<Risk<'b>, String> {
    check_name("session", &risk.session)?;
    Ok(Risk {
        session: &risk.session,
        limit: decimal("limit", &risk.limit)?,
    })
}

fn replace_command<'b>(id: &'b str, body: &ReplaceBody<'_>) -> Result<Command<'b>, String> {
    check_name("id", id)?;
    Ok(Command::Replace {
        id,
        price: decimal("price", &body.price)?,
        quantity: decimal("quantity", &body.quantity)?,
    })
}

async fn execute(app: &Arc<App>, command: &Command<'_>, how: How) -> Response {
    let parsed = Instant::now();
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

fn check_name(field: &str, name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(format!("{field} must have 1 to {MAX_NAME_BYTES} bytes"));
    }
    Ok(())
}

fn decimal(field: &str, text: &str) -> Result<Decimal, String> {
    Decimal::parse(text).map_err(|error| format!("{field}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<(), String> {
        let body: NewBody<'_> = serde_json::from_str(json).map_err(|error| error.to_string())?;
        new_order_of(&body).map(|_| ())
    }

    #[test]
    fn takes_what_is_well_formed() {
        for json in [
            r#"{"id":"a","account":"x","symbol":"BTCUSD","side":"buy","price":"50000.01","quantity":"0.010"}"#,
            r#"{"id":"\u0061","account":"x","symbol":"BTCUSD","side":"sell","type":"market","quantity":"1","more":1}"#,
            r#"{"id":"a","account":"x","symbol":"BTCUSD","side":"buy","type":"limit","price":null,"quantity":"1"}"#,
        ] {
            assert_eq!(parse(json), Ok(()), "{json}");
        }
    }

    #[test]
    fn refuses_what_is_not() {
        let long = "x".repeat(65);
        for json in [
            "",
            "[]",
            r#"{"id":"a"}"#,
            r#"{"id":"","account":"x","symbol":"BTCUSD","side":"buy","price":"1","quantity":"1"}"#,
            &format!(
                r#"{{"id":"{long}","account":"x","symbol":"BTCUSD","side":"buy","price":"1","quantity":"1"}}"#
            ),
            r#"{"id":"a","account":"x","symbol":"BTCUSD","side":"hold","price":"1","quantity":"1"}"#,
            r#"{"id":"a","account":"x","symbol":"BTCUSD","side":"buy","price":1.5,"quantity":"1"}"#,
            r#"{"id":"a","account":"x","symbol":"BTCUSD","side":"buy","price":"1e3","quantity":"1"}"#,
        ] {
            assert!(parse(json).is_err(), "{json}");
        }
    }
}
