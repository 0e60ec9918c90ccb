//! Orders as they stand in the bodies of requests.

use std::borrow::Cow;

use serde::Deserialize;

use crate::command::{Command, MAX_NAME_BYTES, NewOrder, OrderType, Risk, Side, Timed};
use crate::decimal::Decimal;

/// A new order.
#[derive(Deserialize)]
pub(crate) struct NewBody<'a> {
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
    pub(crate) cancel_on_disconnect: bool,
}

/// Whose risk an order is.
#[derive(Deserialize)]
pub(crate) struct RiskBody<'a> {
    #[serde(borrow)]
    session: Cow<'a, str>,
    #[serde(borrow)]
    limit: Cow<'a, str>,
}

fn limit() -> OrderType {
    OrderType::Limit
}

/// New terms of an order.
#[derive(Deserialize)]
pub(crate) struct ReplaceBody<'a> {
    #[serde(borrow)]
    price: Cow<'a, str>,
    #[serde(borrow)]
    quantity: Cow<'a, str>,
}

/// The order.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn new_order_of<'b>(body: &'b NewBody<'_>) -> Result<NewOrder<'b>, String> {
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

/// The command.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn replace_command<'b>(
    id: &'b str,
    body: &ReplaceBody<'_>,
) -> Result<Command<'b>, String> {
    check_name("id", id)?;
    Ok(Command::Replace {
        id,
        price: decimal("price", &body.price)?,
        quantity: decimal("quantity", &body.quantity)?,
    })
}

/// Names are neither empty nor long.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn check_name(field: &str, name: &str) -> Result<(), String> {
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
