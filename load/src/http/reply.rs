//! Reading values out of replies without building a tree of them, and with every digit kept.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use shakedown_scenarios::plan::{Condition, Expected, Extract, JsonPointer, Take};

/// The JSON text at a pointer; `None` where there is nothing or the reply is no JSON.
///
/// The whole reply is validated, and a key that comes twice counts as its last value, as in any JSON library.
///
/// ```
/// # use shakedown_load::http::json_at;
/// # use shakedown_scenarios::plan::JsonPointer;
/// let reply = br#"{"order": {"id": 9007199254740993}}"#;
/// assert_eq!(json_at(reply, &JsonPointer("/order/id".into())), Some("9007199254740993"));
/// ```
pub fn json_at<'a>(reply: &'a [u8], pointer: &JsonPointer) -> Option<&'a str> {
    let path = match pointer.0.strip_prefix('/') {
        Some(path) => Some(path),
        None if pointer.0.is_empty() => None,
        None => return None,
    };
    let mut reader = serde_json::Deserializer::from_slice(reply);
    let found = At { path }.deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    found.map(RawValue::get)
}

/// True when the reply satisfies the condition; a missing value or a reply that is no JSON never does.
///
/// The same as [`Condition::holds`], without a tree of the reply.
pub fn holds(condition: &Condition, reply: &[u8]) -> bool {
    let value =
        |pointer| json_at(reply, pointer).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let Some(found) = value(&condition.pointer) else {
        return false;
    };
    match &condition.expected {
        Expected::Literal(expected) => found == *expected,
        Expected::AnyOf(expected) => expected.contains(&found),
        Expected::SameAs(other) => value(other) == Some(found),
    }
}

/// What was taken from an acknowledgement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken<'a> {
    /// Opaque: also where the engine writes a number, all of its digits.
    pub server_id: Option<Cow<'a, str>>,
    pub sequence: Option<u64>,
    pub served_by: Option<Cow<'a, str>>,
    pub term: Option<u64>,
}

/// Takes what the profile names from a reply; `header` finds a header by its name in any case.
pub fn take<'a>(
    take: &Take,
    header: impl Fn(&str) -> Option<&'a str>,
    body: &'a [u8],
) -> Taken<'a> {
    let find = |extract: &Option<Extract>| match extract.as_ref()? {
        Extract::Header(name) => header(name).map(Cow::Borrowed),
        Extract::Pointer(pointer) => text_of(json_at(body, pointer)?),
    };
    let number =
        |extract: &Option<Extract>| find(extract).and_then(|text| text.trim().parse().ok());
    Taken {
        server_id: find(&take.server_id).filter(|id| !id.is_empty()),
        sequence: number(&take.sequence),
        term: number(&take.term),
        ..take_server(take, &header, body)
    }
}

/// Takes of a reply that is no acknowledgement all that is true of it as well: who gave it.
pub fn take_server<'a>(
    take: &Take,
    header: impl Fn(&str) -> Option<&'a str>,
    body: &'a [u8],
) -> Taken<'a> {
    let name = match take.served_by.as_ref() {
        Some(Extract::Header(name)) => header(name).map(Cow::Borrowed),
        Some(Extract::Pointer(pointer)) => json_at(body, pointer).and_then(text_of),
        None => None,
    };
    Taken {
        served_by: name.filter(|name| !name.is_empty()),
        ..Taken::default()
    }
}

/// A JSON string's content, or a number's digits; anything else names nothing.
pub(crate) fn text_of(json: &str) -> Option<Cow<'_, str>> {
    match json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(plain) if !plain.contains('\\') => Some(Cow::Borrowed(plain)),
        Some(_) => serde_json::from_str(json).ok().map(Cow::Owned),
        None => json
            .starts_with(|first: char| first == '-' || first.is_ascii_digit())
            .then_some(Cow::Borrowed(json)),
    }
}

/// Walks along a pointer; `None` as path: arrived.
struct At<'p> {
    path: Option<&'p str>,
}

impl<'p> At<'p> {
    /// The first step, and what remains after it.
    fn split(path: &'p str) -> (Cow<'p, str>, At<'p>) {
        let (step, rest) = match path.split_once('/') {
            Some((step, rest)) => (step, Some(rest)),
            None => (path, None),
        };
        let step = if step.contains('~') {
            Cow::Owned(step.replace("~1", "/").replace("~0", "~"))
        } else {
            Cow::Borrowed(step)
        };
        (step, At { path: rest })
    }
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        match self.path {
            None => serde::Deserialize::deserialize(reader).map(Some),
            Some(path) => reader.deserialize_any(Step { path }),
        }
    }
}

struct Step<'p> {
    path: &'p str,
}

impl<'de> Visitor<'de> for Step<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (step, _) = At::split(self.path);
        let mut found = None;
        while let Some(is_step) = map.next_key_seed(KeyIs(&step))? {
            if is_step {
                found = map.next_value_seed(At::split(self.path).1)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (step, rest) = At::split(self.path);
        let plain = step.as_ref() == "0" || !step.starts_with(['0', '+']);
        let wanted: Option<usize> = step.parse().ok().filter(|_| plain);
        let mut rest = Some(rest);
        let mut found = None;
        for at in 0.. {
            let seed = if Some(at) == wanted {
                rest.take()
            } else {
                None
            };
            let more = match seed {
                Some(seed) => list.next_element_seed(seed)?.map(|value| found = value),
                None => list.next_element::<IgnoredAny>()?.map(|_| ()),
            };
            if more.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

struct KeyIs<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for KeyIs<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyIs<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(reply: &str, pointer: &str) -> Option<String> {
        json_at(reply.as_bytes(), &JsonPointer(pointer.into())).map(str::to_string)
    }

    #[test]
    fn pointers_find_what_serde_json_finds() {
        let reply =
            r#" {"a": [10, {"b/c": "x", "~": null}], "d": true, "e": 1.50, "": 7, "d": false} "#;
        let tree: Value = serde_json::from_str(reply).unwrap();
        for pointer in [
            "",
            "/a",
            "/a/0",
            "/a/1/b~1c",
            "/a/1/~0",
            "/a/2",
            "/a/00",
            "/a/+1",
            "/a/x",
            "/d",
            "/d/x",
            "/e",
            "/",
            "/zz",
        ] {
            let found =
                at(reply, pointer).map(|text| serde_json::from_str::<Value>(&text).unwrap());
            assert_eq!(found.as_ref(), tree.pointer(pointer), "{pointer}");
        }
        assert_eq!(at(reply, "/e").as_deref(), Some("1.50"));
        assert_eq!(at(reply, "a"), None);
    }

    #[test]
    fn a_torn_reply_has_no_values() {
        for reply in ["", "{", r#"{"a":1"#, r#"{"a":1} x"#, r#"{"a":1,}"#, "\u{1}"] {
            assert_eq!(at(reply, "/a"), None, "{reply}");
        }
    }

    #[test]
    fn conditions_agree_with_the_plan() {
        let reply =
            r#"{"state":"ACCEPTED","n":9007199254740993,"self":"n1","leader":"n1","x":null}"#;
        let tree: Value = serde_json::from_str(reply).unwrap();
        let expectations = [
            Expected::Literal(json!("ACCEPTED")),
            Expected::Literal(json!(9_007_199_254_740_993u64)),
            Expected::Literal(json!(null)),
            Expected::AnyOf(vec![json!("n1"), json!("n2")]),
            Expected::SameAs(JsonPointer("/leader".into())),
            Expected::SameAs(JsonPointer("/gone".into())),
        ];
        for pointer in ["/state", "/n", "/self", "/gone", "/x"] {
            for expected in &expectations {
                let condition = Condition {
                    pointer: JsonPointer(pointer.into()),
                    expected: expected.clone(),
                };
                assert_eq!(
                    holds(&condition, reply.as_bytes()),
                    condition.holds(&tree),
                    "{condition:?}"
                );
            }
        }
    }

    #[test]
    fn of_what_is_no_acknowledgement_only_its_server_is_taken() {
        let at = |pointer: &str| Some(Extract::Pointer(JsonPointer(pointer.into())));
        let rule = Take {
            server_id: at("/id"),
            sequence: at("/seq"),
            served_by: at("/node"),
            term: None,
        };
        let body = br#"{"id":"7","seq":7,"node":"engine-2"}"#;
        let taken = take_server(&rule, |_| None, body);
        assert_eq!(taken.served_by.as_deref(), Some("engine-2"));
        assert_eq!((taken.server_id, taken.sequence), (None, None));
        let by_header = Take {
            served_by: Some(Extract::Header("X-Pod".into())),
            ..rule
        };
        let header = |name: &str| (name == "X-Pod").then_some("blue-1");
        let taken = take_server(&by_header, header, b"gone");
        assert_eq!(taken.served_by.as_deref(), Some("blue-1"));
        assert_eq!(take_server(&by_header, |_| None, b"gone").served_by, None);
    }

    #[test]
    fn ids_are_opaque_and_keep_every_digit() {
        let rule = |server_id: &str| Take {
            server_id: Some(Extract::Pointer(JsonPointer(server_id.into()))),
            sequence: Some(Extract::Pointer(JsonPointer("/seq".into()))),
            served_by: Some(Extract::Header("X-Pod".into())),
            term: Some(Extract::Pointer(JsonPointer("/term".into()))),
        };
        let body = br#"{"term":7,"big":123456789012345678901234567890,"text":"a\u0062","seq":"18446744073709551615","no":{}}"#;
        let header = |name: &str| name.eq_ignore_ascii_case("x-pod").then_some("engine-2");
        let big = take(&rule("/big"), header, body);
        assert_eq!(
            big.server_id.as_deref(),
            Some("123456789012345678901234567890")
        );
        assert_eq!((big.sequence, big.term), (Some(u64::MAX), Some(7)));
        assert_eq!(big.served_by.as_deref(), Some("engine-2"));
        assert_eq!(
            take(&rule("/text"), header, body).server_id.as_deref(),
            Some("ab")
        );
        assert_eq!(take(&rule("/no"), header, body).server_id, None);
        assert_eq!(take(&Take::default(), header, body), Taken::default());
    }
}
