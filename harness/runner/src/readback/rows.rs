//! Rows out of replies, with every digit as the engine wrote it.
//!
//! A float in between would make `0.1` of `0.10000000000000001`, and 2^53 + 1 of nothing: an order would be called
//! corrupt, or lost, that is neither. So values are cut out of the reply's text and never parsed as numbers.

use serde_json::value::RawValue;
use shakedown_load::http::json_at;
use shakedown_load::secret::Secrets;
use shakedown_record::readback::Row;
use shakedown_scenarios::plan::{FieldMap, JsonPointer};

/// A string's content, a number's digits or a boolean's name; `None` for null and for what is no scalar.
pub fn scalar(json: &str) -> Option<String> {
    let json = json.trim();
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'n' | b'{' | b'[' => None,
        _ => Some(json.to_string()),
    }
}

/// The scalar at a pointer of a reply.
pub fn scalar_at(reply: &[u8], pointer: &JsonPointer) -> Option<String> {
    scalar(json_at(reply, pointer)?)
}

/// The elements of the array at a pointer of a reply.
///
/// # Errors
/// In words, when there is none.
pub fn elements<'a>(reply: &'a [u8], pointer: &JsonPointer) -> Result<Vec<&'a RawValue>, String> {
    let Some(json) = json_at(reply, pointer) else {
        return Err(
            match serde_json::from_slice::<serde::de::IgnoredAny>(reply) {
                Ok(_) => format!("there is nothing at '{}' in the reply", pointer.0),
                Err(error) => format!("the reply is no JSON: {error}"),
            },
        );
    };
    serde_json::from_str(json).map_err(|_| format!("'{}' in the reply is no array", pointer.0))
}

/// An order as a reply has it; its id is still the one that the reply has.
pub fn row(order: &[u8], fields: &FieldMap) -> Row {
    let value = |pointer: &Option<JsonPointer>| scalar_at(order, pointer.as_ref()?);
    Row {
        id: value(&fields.id).unwrap_or_default(),
        found: true,
        price: value(&fields.price),
        quantity: value(&fields.quantity),
        symbol: value(&fields.symbol),
        side: value(&fields.side),
        state: value(&fields.state),
        filled: value(&fields.filled),
        remaining: value(&fields.remaining),
        sequence: value(&fields.sequence),
        replaced_sequence: value(&fields.replaced_sequence),
        cancelled_sequence: value(&fields.cancelled_sequence),
    }
}

/// Is an order still open? `None` when the profile does not say which states are.
pub fn is_open(row: &Row, fields: &FieldMap) -> Option<bool> {
    fields.state.as_ref()?;
    if fields.open_states.is_empty() {
        return None;
    }
    let state = row.state.as_ref();
    Some(state.is_none_or(|state| fields.open_states.contains(state)))
}

/// A row whose every text is free of secrets.
pub fn without_secrets(mut row: Row, secrets: &Secrets) -> Row {
    let texts = [
        Some(&mut row.id),
        row.price.as_mut(),
        row.quantity.as_mut(),
        row.symbol.as_mut(),
        row.side.as_mut(),
        row.state.as_mut(),
        row.filled.as_mut(),
        row.remaining.as_mut(),
        row.sequence.as_mut(),
        row.replaced_sequence.as_mut(),
        row.cancelled_sequence.as_mut(),
    ];
    for text in texts.into_iter().flatten() {
        if secrets.appears_in(text) {
            *text = secrets.redact(text);
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(text: &str) -> JsonPointer {
        JsonPointer(text.to_string())
    }

    fn fields() -> FieldMap {
        FieldMap {
            id: Some(pointer("/id")),
            price: Some(pointer("/terms/px")),
            quantity: Some(pointer("/qty")),
            symbol: Some(pointer("/sym")),
            side: None,
            state: Some(pointer("/state")),
            open_states: vec!["open".to_string()],
            filled_states: Vec::new(),
            ..FieldMap::default()
        }
    }

    #[test]
    fn digits_are_kept_and_what_is_missing_is_none() {
        let order = br#"{"id": 90071992547409931234, "terms": {"px": 0.10000000000000000001},
            "qty": "1.50", "sym": null, "state": "open"}"#;
        let row = row(order, &fields());
        assert_eq!(row.id, "90071992547409931234");
        assert_eq!(row.price.as_deref(), Some("0.10000000000000000001"));
        assert_eq!(row.quantity.as_deref(), Some("1.50"));
        assert_eq!((row.symbol.clone(), row.side.clone()), (None, None));
        assert_eq!(is_open(&row, &fields()), Some(true));
    }

    #[test]
    fn an_unknown_state_counts_as_open_and_unknown_states_as_unknown() {
        let filled = row(br#"{"id":"a","state":"filled"}"#, &fields());
        assert_eq!(is_open(&filled, &fields()), Some(false));
        let silent = row(br#"{"id":"a"}"#, &fields());
        assert_eq!(is_open(&silent, &fields()), Some(true));
        let unknown = FieldMap {
            open_states: Vec::new(),
            filled_states: Vec::new(),
            ..fields()
        };
        assert_eq!(is_open(&filled, &unknown), None);
    }

    #[test]
    fn an_array_that_is_not_there_is_an_error_in_words() {
        let orders = pointer("/orders");
        assert_eq!(elements(br#"{"orders":[1,2]}"#, &orders).unwrap().len(), 2);
        assert!(
            elements(br#"{"rows":[]}"#, &orders)
                .unwrap_err()
                .contains("nothing at")
        );
        assert!(
            elements(br#"{"orders":{}}"#, &orders)
                .unwrap_err()
                .contains("no array")
        );
        assert!(
            elements(br#"{"orders":[1"#, &orders)
                .unwrap_err()
                .contains("no JSON")
        );
        assert!(elements(b"", &orders).is_err());
        assert_eq!(elements(b"[1]", &pointer("")).unwrap().len(), 1);
    }
}
