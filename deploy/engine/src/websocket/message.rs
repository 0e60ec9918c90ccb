//! Texts of clients, and the texts that answer them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::command::{Answer, Command, MAX_NAME_BYTES, NewOrder, OrderType, Side, Timed};
use crate::decimal::Decimal;
use crate::gateway::Outcome;
use crate::metrics::Counted;

/// A message, as it is written.
#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    op: Op,
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, default)]
    account: Cow<'a, str>,
    #[serde(borrow, default)]
    symbol: Cow<'a, str>,
    side: Option<Side>,
    #[serde(rename = "type", default = "limit")]
    order_type: OrderType,
    #[serde(borrow, default)]
    price: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    quantity: Option<Cow<'a, str>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    New,
    Cancel,
    Replace,
}

fn limit() -> OrderType {
    OrderType::Limit
}

impl<'a> Message<'a> {
    /// Reads a text.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn read(text: &'a str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// What is asked.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn command(&self) -> Result<Command<'_>, String> {
        let id = name("id", &self.id)?;
        match self.op {
            Op::New => Ok(Command::New(NewOrder {
                id,
                account: name("account", &self.account)?,
                symbol: name("symbol", &self.symbol)?,
                side: self.side.ok_or("side is missing")?,
                order_type: self.order_type,
                price: self.price.as_deref().map(decimal).transpose()?,
                quantity: needed("quantity", self.quantity.as_deref())?,
                line: None,
                risk: None,
                timed: Timed::default(),
            })),
            Op::Cancel => Ok(Command::Cancel { id }),
            Op::Replace => Ok(Command::Replace {
                id,
                price: needed("price", self.price.as_deref())?,
                quantity: needed("quantity", self.quantity.as_deref())?,
            }),
        }
    }
}

fn name<'n>(field: &str, name: &'n str) -> Result<&'n str, String> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(format!("{field} must have 1 to {MAX_NAME_BYTES} bytes"));
    }
    Ok(name)
}

fn needed(field: &str, text: Option<&str>) -> Result<Decimal, String> {
    decimal(text.ok_or_else(|| format!("{field} is missing"))?)
}

fn decimal(text: &str) -> Result<Decimal, String> {
    Decimal::parse(text).map_err(|error| error.to_string())
}

/// What became of a message, and how that is counted.
pub fn reply(id: &str, node: &str, outcome: &Outcome) -> (Counted, String) {
    let (counted, mut body) = match outcome {
        Outcome::Answered(answer) => answered(answer),
        Outcome::Unavailable(why) => (
            Counted::Unavailable,
            json!({ "state": "unavailable", "reason": why.as_str() }),
        ),
        Outcome::Unknown(why) => (
            Counted::Unknown,
            json!({ "state": "unknown", "reason": why.as_str() }),
        ),
    };
    body["id"] = Value::from(id);
    body["node"] = Value::from(node);
    (counted, body.to_string())
}

/// The answer to what makes no sense.
pub(super) fn malformed(id: Option<&str>, why: &str) -> String {
    json!({ "state": "malformed", "id": id, "reason": why }).to_string()
}

fn answered(answer: &Answer) -> (Counted, Value) {
    match answer {
        Answer::Accepted {
            order_id,
            sequence,
            term,
            ..
        } => (
            Counted::Accepted,
            json!({ "state": "accepted", "order_id": order_id.to_string(), "sequence": sequence, "term": term }),
        ),
        Answer::Rejected { reason } => (
            Counted::Rejected,
            json!({ "state": "rejected", "reason": reason.as_str() }),
        ),
        Answer::Cancelled { sequence } => (
            Counted::Cancelled,
            json!({ "state": "cancelled", "sequence": sequence }),
        ),
        Answer::Replaced { sequence, .. } => (
            Counted::Replaced,
            json!({ "state": "replaced", "sequence": sequence }),
        ),
        Answer::TooLate { status } => (
            Counted::TooLate,
            json!({ "state": "too-late", "status": status }),
        ),
        Answer::UnknownOrder => (Counted::UnknownOrder, json!({ "state": "unknown-order" })),
        Answer::Ended { .. } | Answer::Killed { .. } => {
            (Counted::Cancelled, json!({ "state": "ended" }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(text: &str) -> Result<String, String> {
        let message = Message::read(text)?;
        message.command().map(|command| format!("{command:?}"))
    }

    #[test]
    fn messages_are_commands() {
        let new = r#"{"op":"new","id":"a","account":"x","symbol":"BTCUSD","side":"buy","price":"1.5","quantity":"2"}"#;
        assert!(command(new).unwrap().starts_with("New("));
        assert!(
            command(r#"{"op":"cancel","id":"a"}"#)
                .unwrap()
                .starts_with("Cancel")
        );
        let replace = r#"{"op":"replace","id":"a","price":"1","quantity":"2"}"#;
        assert!(command(replace).unwrap().starts_with("Replace"));
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (text, told) in [
            ("", "EOF"),
            ("[]", "invalid"),
            (r#"{"op":"buy","id":"a"}"#, "unknown variant"),
            (r#"{"op":"cancel","id":""}"#, "id must have"),
            (
                r#"{"op":"replace","id":"a","price":"1"}"#,
                "quantity is missing",
            ),
            (
                r#"{"op":"new","id":"a","account":"x","symbol":"y","quantity":"1"}"#,
                "side is missing",
            ),
            (
                r#"{"op":"replace","id":"a","price":"1e3","quantity":"1"}"#,
                "digits",
            ),
        ] {
            let why = command(text).unwrap_err();
            assert!(why.contains(told), "{text}: {why}");
        }
    }

    #[test]
    fn an_answer_names_its_order_and_who_answers() {
        let outcome = Outcome::Answered(Answer::Cancelled { sequence: 9 });
        let (counted, text) = reply("a\"b", "engine-1", &outcome);
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(counted, Counted::Cancelled);
        assert_eq!(
            body,
            json!({ "state": "cancelled", "sequence": 9, "id": "a\"b", "node": "engine-1" })
        );
    }
}
