//! What trading systems say.

use serde::Deserialize;

/// A message, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(super) enum Message {
    /// Has to be the first. `after`: the last report that it has; all later ones are sent again.
    Logon {
        session: String,
        #[serde(default)]
        after: u64,
    },
    New(New),
    Cancel {
        id: String,
    },
}

/// A new order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct New {
    pub(super) id: String,
    /// What caused it.
    #[serde(default)]
    pub(super) tag: Option<String>,
    pub(super) symbol: String,
    pub(super) side: String,
    pub(super) price: String,
    pub(super) quantity: String,
}

impl Message {
    /// Reads a text.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn read(text: &str) -> Result<Message, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_and_what_is_none_is_told() {
        let logon = Message::read(r#"{"op":"logon","session":"m"}"#);
        assert_eq!(
            logon,
            Ok(Message::Logon {
                session: "m".into(),
                after: 0
            })
        );
        let new = r#"{"op":"new","id":"a","symbol":"S","side":"buy","price":"1","quantity":"2"}"#;
        assert!(matches!(
            Message::read(new),
            Ok(Message::New(New { tag: None, .. }))
        ));
        assert!(
            Message::read(r#"{"op":"new","id":"a"}"#)
                .unwrap_err()
                .contains("symbol")
        );
        assert!(Message::read("[]").is_err() && Message::read(r#"{"op":"buy"}"#).is_err());
    }
}
